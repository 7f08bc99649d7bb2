/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_elementwise.cpp

Abstract:

    The functions of one variable, and softmax.

--*/

#include "float.h"
#include "float_functions.h"

#include <limits>

MLAS_RVV_BEGIN

using namespace MlasRvv;

namespace
{

template<typename Function>
inline
void
ForEach(
    const float* Input,
    float* Output,
    size_t N
    )
{
    for (size_t Length; N > 0; N -= Length, Input += Length, Output += Length) {
        Length = __riscv_vsetvl_e32m2(N);
        __riscv_vse32(Output, Function::Compute(__riscv_vle32_v_f32m2(Input, Length), Length), Length);
    }
}

}  // namespace

void
MlasRvvEluKernel(const float* Input, float* Output, size_t N, float Alpha)
{
    for (size_t n = 0, vl; n < N; n += vl) {

        vl = __riscv_vsetvl_e32m2(N - n);

        const Vector x = __riscv_vle32_v_f32m2(Input + n, vl);
        const Vector Negative = __riscv_vfmul(__riscv_vfsub(EXP::Compute(x, vl), 1.0f, vl), Alpha, vl);

        __riscv_vse32(Output + n, __riscv_vmerge(x, Negative, __riscv_vmflt(x, 0.0f, vl), vl), vl);
    }
}

void
MlasRvvSoftplusKernel(const float* Input, float* Output, size_t N)
{
    ForEach<SOFTPLUS>(Input, Output, N);
}

void
MlasRvvComputeExpKernel(const float* Input, float* Output, size_t N)
{
    ForEach<EXP>(Input, Output, N);
}

void
MlasRvvLogisticKernel(const float* Input, float* Output, size_t N)
{
    ForEach<LOGISTIC>(Input, Output, N);
}

void
MlasRvvTanhKernel(const float* Input, float* Output, size_t N)
{
    ForEach<TANH>(Input, Output, N);
}

void
MlasRvvErfKernel(const float* Input, float* Output, size_t N)
{
    ForEach<ERF>(Input, Output, N);
}

float
MlasRvvReduceMaximumKernel(
    const float* Input,
    size_t N
    )
/*++

Routine Description:

    This routine finds the maximum, of which what is not a number has no part.

--*/
{
    const float Lowest = std::numeric_limits<float>::lowest();
    Vector Maximum = Constant(Lowest);

    for (size_t Length; N > 0; N -= Length, Input += Length) {
        Length = __riscv_vsetvl_e32m2(N);
        Maximum = __riscv_vfmax_tu(Maximum, Maximum, __riscv_vle32_v_f32m2(Input, Length), Length);
    }

    return __riscv_vfmv_f(__riscv_vfredmax(
        Maximum, __riscv_vfmv_s_f_f32m1(Lowest, 1), __riscv_vsetvlmax_e32m2()));
}

float
MlasRvvComputeSumExpKernel(
    const float* Input,
    float* Output,
    size_t N,
    const float* NegativeMaximum
    )
/*++

Routine Description:

    This routine computes the exponential function of elements less their maximum, and the sum of that.

Arguments:

    See MLAS_COMPUTE_SUMEXP_FLOAT_KERNEL: Output may be nullptr.

--*/
{
    Vector Sum = Constant(0.0f);

    for (size_t Length; N > 0; N -= Length, Input += Length) {

        Length = __riscv_vsetvl_e32m2(N);

        const Vector x = __riscv_vfadd(__riscv_vle32_v_f32m2(Input, Length), *NegativeMaximum, Length);
        const Vector Clamped = __riscv_vfmax(x, -88.3762626647949f, Length);
        const Vector Biased = EXPONENT::Biased(Clamped, Length);
        const Vector r = EXPONENT::Reduced(Clamped, Biased, Length);
        const Vector Power = __riscv_vreinterpret_f32m2(
            __riscv_vadd(EXPONENT::Field(Biased, Length), EXPONENT::One, Length));
        const Vector p = Polynomial(
            Length, r, 0x1.694000p-10f, 0x1.125edcp-7f, 0x1.555b5ap-5f, 0x1.555450p-3f, 0x1.fffff6p-2f, 1.0f, 1.0f);
        const Vector Result = KeepNaN(__riscv_vfmul(p, Power, Length), x, Length);

        Sum = __riscv_vfadd_tu(Sum, Sum, Result, Length);

        if (Output != nullptr) {
            __riscv_vse32(Output, Result, Length);
            Output += Length;
        }
    }

    return __riscv_vfmv_f(__riscv_vfredusum(Sum, __riscv_vfmv_s_f_f32m1(0.0f, 1), __riscv_vsetvlmax_e32m2()));
}

void
MlasRvvSoftmaxOutputKernel(
    float* Output,
    size_t N,
    const float* Parameters
    )
{
    for (size_t Length; N > 0; N -= Length, Output += Length) {
        Length = __riscv_vsetvl_e32m8(N);
        __riscv_vse32(Output, __riscv_vfmul(__riscv_vle32_v_f32m8(Output, Length), Parameters[0], Length), Length);
    }
}

void
MlasRvvLogSoftmaxOutputKernel(
    const float* Input,
    float* Output,
    size_t N,
    const float* Parameters
    )
{
    for (size_t Length; N > 0; N -= Length, Input += Length, Output += Length) {

        Length = __riscv_vsetvl_e32m8(N);

        const vfloat32m8_t Reduced = __riscv_vfadd(__riscv_vle32_v_f32m8(Input, Length), Parameters[0], Length);
        __riscv_vse32(Output, __riscv_vfsub(Reduced, Parameters[1], Length), Length);
    }
}

MLAS_RVV_END
