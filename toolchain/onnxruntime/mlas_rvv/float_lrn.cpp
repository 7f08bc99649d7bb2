/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_lrn.cpp

Abstract:

    Local response normalization of a plane: the power of a sum is the exponential function of its logarithm.

--*/

#include "float_functions.h"
#include "float_planes.h"

MLAS_RVV_BEGIN

using namespace MlasRvv;

namespace
{

//
// The logarithm of a positive number m 2^e with m from sqrt(1/2) to sqrt(2), for which log(m) = 2 artanh(z) of
// z = (m - 1) / (m + 1). What is not finite has none.
//

Vector
LogarithmOf(Vector x, size_t vl)
{
    constexpr int32_t LeastMantissa = 0x3F3504F3;

    const vint32m2_t Bits = __riscv_vreinterpret_i32m2(x);
    const vint32m2_t Exponent = __riscv_vsra(__riscv_vsub(Bits, LeastMantissa, vl), 23, vl);
    const Vector m = __riscv_vreinterpret_f32m2(__riscv_vsub(Bits, __riscv_vsll(Exponent, 23, vl), vl));
    const Vector z = Quotient(__riscv_vfsub(m, 1.0f, vl), __riscv_vfadd(m, 1.0f, vl), vl);
    const Vector p = Polynomial(vl, __riscv_vfmul(z, z, vl), 2.0f / 9, 2.0f / 7, 2.0f / 5, 2.0f / 3, 2.0f);

    return __riscv_vfmacc(__riscv_vfmul(p, z, vl), 0.693147181f, __riscv_vfcvt_f(Exponent, vl), vl);
}

}  // namespace

void
MlasRvvLrnKernel(
    const float* Input,
    size_t Stride,
    size_t Before,
    size_t After,
    float* Output,
    size_t N,
    float Scale,
    float Bias,
    float Beta
    )
{
    for (size_t n = 0, vl; n < N; n += vl) {

        vl = __riscv_vsetvl_e32m2(N - n);

        const float* Neighbor = Input + n - Before * Stride;
        Vector Sum = __riscv_vfmv_v_f_f32m2(0.0f, vl);

        for (size_t i = 0; i <= Before + After; i++, Neighbor += Stride) {
            const Vector x = __riscv_vle32_v_f32m2(Neighbor, vl);
            Sum = __riscv_vfmacc(Sum, x, x, vl);
        }

        const Vector Base = __riscv_vfadd(__riscv_vfmul(Sum, Scale, vl), Bias, vl);
        const Vector Power = EXP::Compute(__riscv_vfmul(LogarithmOf(Base, vl), -Beta, vl), vl);

        __riscv_vse32(
            Output + n,
            __riscv_vfmul(KeepNaN(Power, Base, vl), __riscv_vle32_v_f32m2(Input + n, vl), vl), vl);
    }
}

MLAS_RVV_END
