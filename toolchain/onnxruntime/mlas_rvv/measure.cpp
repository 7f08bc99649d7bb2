/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    measure.cpp

Abstract:

    Times the multiplications that the variants of the 8-bit kernels are made of.

--*/

#include "measure.h"

#include "rvv.h"

#include <algorithm>
#include <ctime>

namespace
{

constexpr int Runs = 6;
constexpr int Iterations = 96;
constexpr int FewIterations = 4;
constexpr int InstructionsOfIteration = 16;

double
Now()
{
    timespec Time;

    clock_gettime(CLOCK_MONOTONIC, &Time);

    return static_cast<double>(Time.tv_sec) * 1e9 + static_cast<double>(Time.tv_nsec);
}

template<typename ACTION>
double
Time(int IterationCount, ACTION Action)
{
    double Least = 1e30;

    for (int Run = 0; Run < Runs; Run++) {
        const double Start = Now();
        Action(IterationCount);
        Least = std::min(Least, Now() - Start);
    }

    return std::max(Least, 1.0) / (IterationCount * InstructionsOfIteration);
}

void
AddScalars(int IterationCount)
{
    unsigned long Sum = 1;

    for (int n = 0; n < IterationCount; n++) {
        #pragma GCC unroll 16
        for (int i = 0; i < InstructionsOfIteration; i++) {
            __asm__ volatile("add %0, %0, %0" : "+r"(Sum));
        }
    }
}

}  // namespace

MLAS_RVV_BEGIN

namespace
{

//
// Four independent sums, in turn.
//

#define MLAS_RVV_TIMED_LOOP(Action) \
    for (int n = 0; n < IterationCount; n++) { \
        _Pragma("GCC unroll 4") \
        for (int i = 0; i < InstructionsOfIteration; i += 4) { \
            Action(Sum0) Action(Sum1) Action(Sum2) Action(Sum3) \
        } \
    }

void
MultiplyAdd16(int IterationCount)
{
    const size_t vl = __riscv_vsetvlmax_e16m2();
    const vint16m2_t Values = __riscv_vmv_v_x_i16m2(3, vl);
    vint32m4_t Sum0 = __riscv_vmv_v_x_i32m4(0, vl);
    vint32m4_t Sum1 = Sum0;
    vint32m4_t Sum2 = Sum0;
    vint32m4_t Sum3 = Sum0;

#define MLAS_RVV_STEP(Sum) \
    Sum = __riscv_vwmacc_vx_i32m4(Sum, 5, Values, vl); \
    __asm__ volatile("" : "+vr"(Sum));

    MLAS_RVV_TIMED_LOOP(MLAS_RVV_STEP)
#undef MLAS_RVV_STEP
}

void
MultiplyAdd32(int IterationCount)
{
    const size_t vl = __riscv_vsetvlmax_e32m4();
    const vint32m4_t Values = __riscv_vmv_v_x_i32m4(3, vl);
    vint32m4_t Sum0 = Values;
    vint32m4_t Sum1 = Sum0;
    vint32m4_t Sum2 = Sum0;
    vint32m4_t Sum3 = Sum0;

#define MLAS_RVV_STEP(Sum) \
    Sum = __riscv_vmacc_vx_i32m4(Sum, 5, Values, vl); \
    __asm__ volatile("" : "+vr"(Sum));

    MLAS_RVV_TIMED_LOOP(MLAS_RVV_STEP)
#undef MLAS_RVV_STEP
}

void
MultiplyAdd64(int IterationCount)
{
    const size_t vl = __riscv_vsetvlmax_e64m4();
    const vint64m4_t Values = __riscv_vmv_v_x_i64m4(3, vl);
    vint64m4_t Sum0 = Values;
    vint64m4_t Sum1 = Sum0;
    vint64m4_t Sum2 = Sum0;
    vint64m4_t Sum3 = Sum0;

#define MLAS_RVV_STEP(Sum) \
    Sum = __riscv_vmacc_vx_i64m4(Sum, 5, Values, vl); \
    __asm__ volatile("" : "+vr"(Sum));

    MLAS_RVV_TIMED_LOOP(MLAS_RVV_STEP)
#undef MLAS_RVV_STEP
}

void
MultiplyEight(int IterationCount)
{
    const size_t vl = __riscv_vsetvlmax_e8m8();
    vint8m8_t Sum0 = __riscv_vmv_v_x_i8m8(3, vl);
    vint8m8_t Sum1 = Sum0;
    vint8m8_t Sum2 = Sum0;

#define MLAS_RVV_STEP(Sum) \
    Sum = __riscv_vmulh_vx_i8m8(Sum, 5, vl); \
    __asm__ volatile("" : "+vr"(Sum));

    for (int n = 0; n < IterationCount; n++) {
        for (int i = 0; i < InstructionsOfIteration; i += 4) {
            MLAS_RVV_STEP(Sum0) MLAS_RVV_STEP(Sum1) MLAS_RVV_STEP(Sum2) MLAS_RVV_STEP(Sum0)
        }
    }
#undef MLAS_RVV_STEP
}

#undef MLAS_RVV_TIMED_LOOP

}  // namespace

MLAS_RVV_END

bool
MlasRvvIsEmulated()
{
    return Time(FewIterations, MultiplyEight) > 128 * Time(Iterations, AddScalars);
}

MLAS_RVV_MEASUREMENT
MlasRvvMeasure()
{
    return {Time(Iterations, MultiplyAdd16), Time(Iterations, MultiplyAdd32), Time(Iterations, MultiplyAdd64)};
}

const char*
MlasRvvFastestVariant(
    const MLAS_RVV_MEASUREMENT& Measurement
    )
{
    // Products of an instruction: as many as lanes, and three for each of half as many lanes.
    constexpr double MuchFaster = 0.75;
    const double Wide16 = Measurement.WideningMultiplyAdd16;
    const double Wide32 = Measurement.MultiplyAdd32;
    const double Packed64 = Measurement.MultiplyAdd64 / 1.5;
    const double Bound = MuchFaster * Wide16;

    if (Packed64 < Bound && Packed64 < Wide32) {
        return "packed64";
    }

    return Wide32 < Bound ? "wide32" : "wide16";
}
