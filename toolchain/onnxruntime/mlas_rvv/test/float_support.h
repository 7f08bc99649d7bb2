/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_support.h

Abstract:

    What the tests of the single precision kernels share: buffers between pages that cannot be touched, random numbers,
    and the comparison with a reference in double precision.

--*/

#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

//
// Numbers that end where a forbidden page begins, or begin where one ends.
//

enum class AGAINST { End, Start };

template<typename Number>
class GUARDED_BUFFER
{
public:
    GUARDED_BUFFER(size_t Count, AGAINST Against)
        : Count_(Count)
    {
        const size_t Page = size_t(sysconf(_SC_PAGESIZE));
        const size_t Bytes = Count * sizeof(Number);
        const size_t Inside = (Bytes + Page - 1) / Page * Page;

        Size_ = Inside + 2 * Page;
        Base_ = static_cast<char*>(mmap(nullptr, Size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

        if (Base_ == MAP_FAILED || (Inside > 0 && mprotect(Base_ + Page, Inside, PROT_READ | PROT_WRITE) != 0)) {
            perror("mmap");
            exit(2);
        }

        Data_ = reinterpret_cast<Number*>(Base_ + Page + (Against == AGAINST::End ? Inside - Bytes : 0));
    }

    ~GUARDED_BUFFER() { munmap(Base_, Size_); }

    GUARDED_BUFFER(const GUARDED_BUFFER&) = delete;
    GUARDED_BUFFER& operator=(const GUARDED_BUFFER&) = delete;

    Number* Data() { return Data_; }
    size_t Count() const { return Count_; }
    Number& operator[](size_t Index) { return Data_[Index]; }
    Number operator[](size_t Index) const { return Data_[Index]; }

private:
    size_t Count_;
    size_t Size_;
    char* Base_;
    Number* Data_;
};

using GUARDED = GUARDED_BUFFER<float>;

//
// xorshift64*: the same numbers on every machine.
//

class RANDOM
{
public:
    explicit RANDOM(uint64_t Seed)
        : State_(Seed * 0x9E3779B97F4A7C15u + 1)
    {
    }

    uint32_t Next()
    {
        State_ ^= State_ >> 12;
        State_ ^= State_ << 25;
        State_ ^= State_ >> 27;
        return uint32_t((State_ * 0x2545F4914F6CDD1Du) >> 32);
    }

    size_t Between(size_t Least, size_t Most) { return Least + Next() % (Most - Least + 1); }

    float Uniform() { return float(Next() >> 8) * 0x1p-23f - 1.0f; }

    void Fill(GUARDED& Buffer)
    {
        for (size_t n = 0; n < Buffer.Count(); n++) {
            Buffer[n] = Uniform();
        }
    }

private:
    uint64_t State_;
};

//
// A sum in any order of `Terms` rounded products differs from the exact one by no more than Terms + 1 units of roundoff
// of the sum of the absolute values (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
//

struct EXACT {
    double Sum = 0.0;
    double Magnitude = 0.0;
    size_t Terms = 0;

    void Add(double Value)
    {
        Sum += Value;
        Magnitude += std::fabs(Value);
        Terms += 1;
    }

    bool Matches(float Value) const
    {
        const double Bound = double(Terms + 1) * 0x1p-24 * Magnitude;
        return std::fabs(double(Value) - Sum) <= Bound;
    }

    EXACT Clamped(float Minimum, float Maximum) const
    {
        EXACT Result = *this;
        Result.Sum = std::fmin(std::fmax(Sum, double(Minimum)), double(Maximum));
        return Result;
    }
};

[[noreturn]] inline
void
Fail(
    const char* Case,
    size_t Index,
    double Value,
    double Wanted
    )
{
    printf("%s: element %zu is %.9g, not %.9g\n", Case, Index, Value, Wanted);
    exit(1);
}
