/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_layernorm.cpp

Abstract:

    Layer normalization of a row and instance normalization of a plane, eight registers at a time.

    The variance is the mean square of the differences from the mean, where the portable code subtracts the square of
    the mean from the mean square, which leaves nothing of it where the mean is large. As there, a row with a number
    that is infinite or none at all becomes one of NaNs; the simplified form, which subtracts no mean, makes zeros of
    what is finite beside an infinity.

--*/

#include "float.h"
#include "float_planes.h"
#include "rvv.h"

#include <cmath>

MLAS_RVV_BEGIN

namespace
{

//
// The sum of Input, Skip and, where there is one, Bias.
//

void
AddRows(
    const float* Input,
    const float* Skip,
    const float* Bias,
    float* Output,
    size_t N
    )
{
    for (size_t n = 0; n < N;) {

        const size_t Length = __riscv_vsetvl_e32m8(N - n);
        auto x = __riscv_vfadd(
            __riscv_vle32_v_f32m8(Input + n, Length), __riscv_vle32_v_f32m8(Skip + n, Length), Length);

        if (Bias != nullptr) {
            x = __riscv_vfadd(x, __riscv_vle32_v_f32m8(Bias + n, Length), Length);
        }

        __riscv_vse32(Output + n, x, Length);
        n += Length;
    }
}

//
// No vector of a row is longer than its first.
//

float
SumOf(
    vfloat32m8_t Sums,
    size_t Length
    )
{
    const vfloat32m1_t Zero = __riscv_vfmv_s_f_f32m1(0.0f, 1);

    return __riscv_vfmv_f(__riscv_vfredusum(Sums, Zero, Length));
}

float
MeanOf(
    const float* Input,
    size_t N
    )
{
    const size_t First = __riscv_vsetvl_e32m8(N);
    vfloat32m8_t Sums = __riscv_vfmv_v_f_f32m8(0.0f, First);

    for (size_t n = 0; n < N;) {

        const size_t Length = __riscv_vsetvl_e32m8(N - n);

        Sums = __riscv_vfadd_tu(Sums, Sums, __riscv_vle32_v_f32m8(Input + n, Length), Length);
        n += Length;
    }

    return SumOf(Sums, First) / float(N);
}

//
// The mean of the squares of the differences from Mean.
//

float
MeanSquareOf(
    const float* Input,
    float Mean,
    size_t N
    )
{
    const size_t First = __riscv_vsetvl_e32m8(N);
    vfloat32m8_t Sums = __riscv_vfmv_v_f_f32m8(0.0f, First);

    for (size_t n = 0; n < N;) {

        const size_t Length = __riscv_vsetvl_e32m8(N - n);
        const auto x = __riscv_vfsub(__riscv_vle32_v_f32m8(Input + n, Length), Mean, Length);

        Sums = __riscv_vfmacc_tu(Sums, x, x, Length);
        n += Length;
    }

    return SumOf(Sums, First) / float(N);
}

template<bool WithBias>
void
NormalizeRow(
    const float* Input,
    const float* Scale,
    const float* Bias,
    float* Output,
    size_t N,
    float Mean,
    float Factor
    )
{
    for (size_t n = 0; n < N;) {

        const size_t Length = __riscv_vsetvl_e32m8(N - n);
        const auto Scales = __riscv_vle32_v_f32m8(Scale + n, Length);
        auto x = __riscv_vfsub(__riscv_vle32_v_f32m8(Input + n, Length), Mean, Length);

        x = __riscv_vfmul(x, Factor, Length);

        if constexpr (WithBias) {
            x = __riscv_vfmadd(x, Scales, __riscv_vle32_v_f32m8(Bias + n, Length), Length);
        } else {
            x = __riscv_vfmul(x, Scales, Length);
        }

        __riscv_vse32(Output + n, x, Length);
        n += Length;
    }
}

}  // namespace

void
MlasRvvLayerNormKernel(
    const float* Input,
    const float* Skip,
    const float* SkipBias,
    const float* Scale,
    const float* Bias,
    float* Output,
    float* SkipSum,
    size_t N,
    float Epsilon,
    bool Simplified,
    float* Mean,
    float* InvStdDev
    )
{
    if (Skip != nullptr) {
        float* const Sum = SkipSum != nullptr ? SkipSum : Output;
        AddRows(Input, Skip, SkipBias, Sum, N);
        Input = Sum;
    }

    const float Subtrahend = Simplified ? 0.0f : MeanOf(Input, N);
    const float Factor = 1.0f / std::sqrt(MeanSquareOf(Input, Subtrahend, N) + Epsilon);

    if (Bias != nullptr) {
        NormalizeRow<true>(Input, Scale, Bias, Output, N, Subtrahend, Factor);
    } else {
        NormalizeRow<false>(Input, Scale, Bias, Output, N, Subtrahend, Factor);
    }

    if (Mean != nullptr) {
        *Mean = Subtrahend;
    }

    if (InvStdDev != nullptr) {
        *InvStdDev = Factor;
    }
}

void
MlasRvvInstanceNormKernel(
    const float* Input,
    float* Output,
    size_t N,
    float Epsilon,
    float Scale,
    float Bias
    )
{
    const float Mean = MeanOf(Input, N);
    const float Factor = Scale / std::sqrt(MeanSquareOf(Input, Mean, N) + Epsilon);

    for (size_t n = 0, vl; n < N; n += vl) {

        vl = __riscv_vsetvl_e32m8(N - n);

        const auto x = __riscv_vfsub(__riscv_vle32_v_f32m8(Input + n, vl), Mean, vl);

        __riscv_vse32(Output + n, __riscv_vfadd(__riscv_vfmul(x, Factor, vl), Bias, vl), vl);
    }
}

MLAS_RVV_END
