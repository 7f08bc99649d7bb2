/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_gelu.cpp

Abstract:

    The Gaussian error linear unit, in one pass over its input: the steps of the operators, which go over it three
    times, in their order.

--*/

#include "float.h"
#include "float_functions.h"

MLAS_RVV_BEGIN

using namespace MlasRvv;

namespace
{

template<typename Function>
void
ForEach(
    const float* Input,
    const float* Bias,
    float* Output,
    size_t N
    )
{
    for (size_t n = 0; n < N;) {

        const size_t Length = __riscv_vsetvl_e32m2(N - n);
        Vector x = __riscv_vle32_v_f32m2(Input + n, Length);

        if (Bias != nullptr) {
            x = __riscv_vfadd(x, __riscv_vle32_v_f32m2(Bias + n, Length), Length);
        }

        __riscv_vse32(Output + n, Function::Compute(x, Length), Length);
        n += Length;
    }
}

}  // namespace

void
MlasRvvGeluKernel(
    const float* Input,
    const float* Bias,
    float* Output,
    size_t N,
    bool UseApproximation
    )
{
    if (UseApproximation) {
        ForEach<FAST_GELU>(Input, Bias, Output, N);
    } else {
        ForEach<GELU>(Input, Bias, Output, N);
    }
}

void
MlasRvvQuickGeluKernel(
    const float* Input,
    float* Output,
    size_t N,
    float Alpha
    )
{
    for (size_t n = 0; n < N;) {

        const size_t Length = __riscv_vsetvl_e32m2(N - n);
        const Vector x = __riscv_vle32_v_f32m2(Input + n, Length);

        __riscv_vse32(Output + n, QUICK_GELU::Compute(x, Alpha, Length), Length);
        n += Length;
    }
}

MLAS_RVV_END
