/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    quantized_support.h

Abstract:

    What the tests of the quantized kernels share: guarded buffers, random numbers, the portable code's requantization.

--*/

#pragma once

#include "mlasi.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

//
// Memory that ends where a page without access begins, and begins close after one: an access beyond it is a fault.
//

template<typename T>
class GUARDED
{
public:
    explicit GUARDED(size_t Count) : Count_(Count)
    {
        const size_t Page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
        const size_t Size = (Count * sizeof(T) + Page - 1) / Page * Page;

        MappedSize_ = Size + 2 * Page;
        Mapped_ = static_cast<char*>(mmap(nullptr, MappedSize_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

        if (Mapped_ == MAP_FAILED || (Size > 0 && mprotect(Mapped_ + Page, Size, PROT_READ | PROT_WRITE) != 0)) {
            perror("mmap");
            abort();
        }

        Data_ = reinterpret_cast<T*>(Mapped_ + Page + Size - Count * sizeof(T));
    }

    ~GUARDED() { munmap(Mapped_, MappedSize_); }

    GUARDED(const GUARDED&) = delete;
    GUARDED& operator=(const GUARDED&) = delete;

    T* data() { return Data_; }
    const T* data() const { return Data_; }
    size_t size() const { return Count_; }
    T& operator[](size_t Index) { return Data_[Index]; }
    const T& operator[](size_t Index) const { return Data_[Index]; }

private:
    size_t Count_;
    size_t MappedSize_;
    char* Mapped_;
    T* Data_;
};

//
// Marsaglia's xorshift64*: the same numbers everywhere.
//

class RANDOM
{
public:
    explicit RANDOM(uint64_t Seed) : State_(Seed * 0x9e3779b97f4a7c15u + 1) {}

    uint64_t Next()
    {
        State_ ^= State_ >> 12;
        State_ ^= State_ << 25;
        State_ ^= State_ >> 27;
        return State_ * 0x2545f4914f6cdd1du;
    }

    // Both ends included.
    int64_t Between(int64_t Low, int64_t High)
    {
        return Low + static_cast<int64_t>((Next() >> 11) % static_cast<uint64_t>(High - Low + 1));
    }

    float Scale(float Low, float High) { return Low + (High - Low) * (Next() >> 40) * 0x1p-24f; }

private:
    uint64_t State_;
};

//
// Small numbers, all of the range, or only its ends.
//

template<typename T>
void
Fill(GUARDED<T>& Buffer, RANDOM& Random, int Kind)
{
    constexpr int64_t Low = std::numeric_limits<T>::lowest();
    constexpr int64_t High = std::numeric_limits<T>::max();

    for (size_t n = 0; n < Buffer.size(); n++) {
        switch (Kind) {
            case 0: Buffer[n] = static_cast<T>(Random.Between(Low, High)); break;
            case 1: Buffer[n] = static_cast<T>(Random.Between(0, 1) != 0 ? High : Low); break;
            case 2: Buffer[n] = static_cast<T>(Low); break;
            case 3: Buffer[n] = static_cast<T>(High); break;
            default: Buffer[n] = static_cast<T>((Low + High) / 2 + Random.Between(-20, 20)); break;
        }
    }
}

//
// As the portable MlasRequantizeOutput does it.
//

template<typename T>
T
Requantized(int32_t Sum, float Scale, int32_t ZeroPoint)
{
    float Value = static_cast<float>(Sum) * Scale;

    Value = std::max(Value, static_cast<float>(std::numeric_limits<T>::lowest() - ZeroPoint));
    Value = std::min(Value, static_cast<float>(std::numeric_limits<T>::max() - ZeroPoint));

    return static_cast<T>(static_cast<int32_t>(MlasBitsOfFp32(Value + MLAS_ROUNDING_BIAS_MAGIC)) -
                          MLAS_ROUNDING_BIAS_MAGIC_BITS + ZeroPoint);
}

[[noreturn]]
inline
void
Fail(const char* Case, size_t Index, double Wanted, double Got)
{
    printf("%s: element %zu is %.9g, not %.9g\n", Case, Index, Got, Wanted);
    exit(1);
}
