/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    half_functions.cpp

Abstract:

    Half precision functions of one variable. What needs an exponential is computed in single precision, in registers:
    the numbers are those of the single precision kernels, rounded once.

    What is not a number stays so.

--*/

#include "float_functions.h"
#include "half.h"
#include "half_vector.h"

MLAS_RVV_HALF_BEGIN

namespace
{

using Wide = MlasRvv::Vector;

template<typename Function>
struct WITHOUT_ALPHA {
    static MLAS_RVV_HALF_INLINE
    Wide
    Compute(Wide x, float, size_t vl)
    {
        return Function::Compute(x, vl);
    }
};

template<typename Function>
void
InSinglePrecision(
    float Alpha,
    float,
    const uint16_t* Input,
    uint16_t* Output,
    size_t N
    )
{
    for (size_t n = 0, vl; n < N; n += vl) {

        vl = __riscv_vsetvl_e16m1(N - n);

        const vfloat16m1_t Value = __riscv_vle16_v_f16m1(MlasRvvHalfNumbers(Input + n), vl);
        const Wide Result = Function::Compute(__riscv_vfwcvt_f_f_v_f32m2(Value, vl), Alpha, vl);

        __riscv_vse16(MlasRvvHalfNumbers(Output + n), __riscv_vfncvt_f_f_w_f16m1(Result, vl), vl);
    }
}

//
// Alpha * x + Beta between 0 and 1, or its product with x, in half precision.
//

template<bool IsProduct>
void
Hard(
    float Alpha,
    float Beta,
    const uint16_t* Input,
    uint16_t* Output,
    size_t N
    )
{
    for (size_t n = 0, vl; n < N; n += vl) {

        vl = __riscv_vsetvl_e16m8(N - n);

        const vfloat16m8_t x = __riscv_vle16_v_f16m8(MlasRvvHalfNumbers(Input + n), vl);
        vfloat16m8_t y = __riscv_vfmv_v_f_f16m8(static_cast<_Float16>(Beta), vl);

        y = __riscv_vfmacc(y, static_cast<_Float16>(Alpha), x, vl);
        y = __riscv_vfmin(__riscv_vfmax(y, static_cast<_Float16>(0.0f), vl), static_cast<_Float16>(1.0f), vl);
        y = IsProduct ? __riscv_vfmul(x, y, vl) : __riscv_vmerge(y, x, __riscv_vmfne(x, x, vl), vl);

        __riscv_vse16(MlasRvvHalfNumbers(Output + n), y, vl);
    }
}

}  // namespace

#define MLAS_RVV_HALF_FUNCTION(Name, Function)                                                                  \
    void                                                                                                        \
    Name(float Alpha, float Beta, const uint16_t* Input, uint16_t* Output, size_t N)                            \
    {                                                                                                           \
        Function(Alpha, Beta, Input, Output, N);                                                                \
    }

MLAS_RVV_HALF_FUNCTION(MlasRvvHalfHardSigmoid, Hard<false>)
MLAS_RVV_HALF_FUNCTION(MlasRvvHalfHardSwish, Hard<true>)
MLAS_RVV_HALF_FUNCTION(MlasRvvHalfLogistic, InSinglePrecision<WITHOUT_ALPHA<MlasRvv::LOGISTIC>>)
MLAS_RVV_HALF_FUNCTION(MlasRvvHalfTanh, InSinglePrecision<WITHOUT_ALPHA<MlasRvv::TANH>>)
MLAS_RVV_HALF_FUNCTION(MlasRvvHalfErf, InSinglePrecision<WITHOUT_ALPHA<MlasRvv::ERF>>)
MLAS_RVV_HALF_FUNCTION(MlasRvvHalfGelu, InSinglePrecision<WITHOUT_ALPHA<MlasRvv::GELU>>)
MLAS_RVV_HALF_FUNCTION(MlasRvvHalfFastGelu, InSinglePrecision<WITHOUT_ALPHA<MlasRvv::FAST_GELU>>)
MLAS_RVV_HALF_FUNCTION(MlasRvvHalfQuickGelu, InSinglePrecision<MlasRvv::QUICK_GELU>)

MLAS_RVV_HALF_END
