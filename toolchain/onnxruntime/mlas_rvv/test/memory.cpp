/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    memory.cpp

Abstract:

    memcpy, memmove and memset by the library's own kernels against single bytes, in regions that begin or end where
    memory without access does. First without the kernels, as on processors without vectors, then with them.

--*/

#include "memory.h"

#include "detect.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace
{

// Through pointers, so that the compiler knows nothing of them. The linker puts ours in their place.
void* (*volatile Copy)(void*, const void*, size_t) = memcpy;
void* (*volatile Move)(void*, const void*, size_t) = memmove;
void* (*volatile Set)(void*, int, size_t) = memset;

std::mt19937_64 Random(29);

size_t
Below(size_t N)
{
    return Random() % N;
}

// The library's own would be ours.
void
CopyBytes(uint8_t* Target, const uint8_t* Source, size_t Bytes)
{
    for (size_t n = 0; n < Bytes; n++) {
        Target[n] = Source[n];
    }
}

// Memory between two pages without access.
class ARENA
{
public:
    // In whole pages, at least so large.
    explicit ARENA(size_t Least)
    {
        const size_t Page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
        Size = (Least + Page - 1) / Page * Page;
        char* const Mapped =
            static_cast<char*>(mmap(nullptr, Size + 2 * Page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

        if (Mapped == MAP_FAILED || mprotect(Mapped + Page, Size, PROT_READ | PROT_WRITE) != 0) {
            perror("mmap");
            exit(3);
        }

        Data_ = reinterpret_cast<uint8_t*>(Mapped) + Page;
        for (size_t n = 0; n < Size; n++) {
            Data_[n] = static_cast<uint8_t>(Random());
        }
    }

    // At its start, its end, or anywhere.
    size_t Place(size_t Bytes) const
    {
        const size_t Kind = Below(3);

        return Kind == 0 ? 0 : Kind == 1 ? Size - Bytes : Below(Size - Bytes + 1);
    }

    uint8_t* Data() { return Data_; }

    std::vector<uint8_t> Copied() const
    {
        std::vector<uint8_t> Bytes(Size);
        CopyBytes(Bytes.data(), Data_, Size);
        return Bytes;
    }

    bool Holds(const std::vector<uint8_t>& Wanted) const { return memcmp(Wanted.data(), Data_, Size) == 0; }

    ~ARENA()
    {
        const size_t Page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
        munmap(Data_ - Page, Size + 2 * Page);
    }

    ARENA(const ARENA&) = delete;
    ARENA& operator=(const ARENA&) = delete;

    size_t Size;

private:
    uint8_t* Data_;
};

void
Check(const char* Name, bool Right, size_t Bytes, size_t From, size_t To)
{
    if (!Right) {
        fprintf(stderr, "%s of %zu bytes from %zu to %zu is wrong\n", Name, Bytes, From, To);
        exit(1);
    }
}

void
CheckCopy(ARENA& Source, ARENA& Target, size_t Bytes)
{
    const size_t From = Source.Place(Bytes), To = Target.Place(Bytes);
    std::vector<uint8_t> Wanted = Target.Copied();
    CopyBytes(Wanted.data() + To, Source.Data() + From, Bytes);

    const void* const Returned = Copy(Target.Data() + To, Source.Data() + From, Bytes);

    Check("memcpy", Returned == Target.Data() + To && Target.Holds(Wanted), Bytes, From, To);
}

void
CheckMove(ARENA& Arena, size_t Bytes, size_t From, size_t To)
{
    const std::vector<uint8_t> Before = Arena.Copied();
    std::vector<uint8_t> Wanted = Before;
    CopyBytes(Wanted.data() + To, Before.data() + From, Bytes);

    const void* const Returned = Move(Arena.Data() + To, Arena.Data() + From, Bytes);

    Check("memmove", Returned == Arena.Data() + To && Arena.Holds(Wanted), Bytes, From, To);
}

void
CheckSet(ARENA& Target, size_t Bytes, int Value)
{
    const size_t To = Target.Place(Bytes);
    std::vector<uint8_t> Wanted = Target.Copied();
    for (size_t n = 0; n < Bytes; n++) {
        Wanted[To + n] = static_cast<uint8_t>(Value);
    }

    const void* const Returned = Set(Target.Data() + To, Value, Bytes);

    Check("memset", Returned == Target.Data() + To && Target.Holds(Wanted), Bytes, 0, To);
}

// Short ones, those about groups of registers of any VLEN, and long ones.
std::vector<size_t>
Sizes()
{
    std::vector<size_t> Found;

    for (size_t n = 0; n < 140; n++) {
        Found.push_back(n);
    }
    for (size_t Group = 256; Group <= 4096; Group *= 2) {
        Found.insert(Found.end(), {Group - 1, Group, Group + 1, Group + Below(Group)});
    }
    Found.insert(Found.end(), {65535, 65536, 65537, 65536 + Below(4096)});

    return Found;
}

size_t
CheckAll()
{
    size_t Count = 0;

    for (const size_t Bytes : Sizes()) {

        ARENA Source(Bytes + 1000), Target(2 * Bytes + 1000);
        CheckCopy(Source, Target, Bytes);
        CheckSet(Target, Bytes, static_cast<int>(Random()));
        CheckMove(Target, Bytes, Target.Place(Bytes), Target.Place(Bytes));

        // By less than a register, than a group, and than the whole.
        for (const size_t Most : {size_t(9), size_t(300), Bytes + 1}) {
            const size_t Distance = Below(std::min(Most, Bytes + 1));
            CheckMove(Target, Bytes, Distance, 0);
            CheckMove(Target, Bytes, 0, Distance);
            CheckMove(Target, Bytes, Target.Size - Bytes, Target.Size - Bytes - Distance);
            CheckMove(Target, Bytes, Target.Size - Bytes - Distance, Target.Size - Bytes);
        }
        Count += 15;
    }

    return Count;
}

}  // namespace

int
main()
{
    size_t Count = CheckAll();

    if (MlasRvvRegisterBytes() != 0) {
        MlasRvvRegisterMemory();
        Count += CheckAll();
    }

    printf("%zu of memory, vlen=%zu\n", Count, MlasRvvRegisterBytes() * 8);
    return 0;
}
