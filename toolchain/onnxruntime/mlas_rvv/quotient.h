/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    quotient.h

Abstract:

    Quotients that are rounded to 8-bit integers, without a division of vectors, which takes 40 cycles a register on a
    SpacemiT X60, and 114 on a SiFive X280.

    The product with the reciprocal differs from the quotient by three roundings at most. What is rounded to an integer
    afterwards shows that only where it is as close to the middle of two integers: there the quotient is computed.

--*/

#pragma once

#include "rvv.h"

#include "mlasi.h"

#include <cmath>

MLAS_RVV_BEGIN

struct MLAS_RVV_DIVISOR {
    explicit MLAS_RVV_DIVISOR(float Divisor) : Value(Divisor), Reciprocal(1.0f / Divisor) {}

    float Value;
    float Reciprocal;
};

//
// Value / Divisor + Addend, or a number that rounds to the same integer, where either is below 512 and Addend below 256,
// else one that is not below 511 either.
//
// With u = 2^-24 the two differ by no more than 3u(512 + 256) + 2u * 512 < 2^-12.
//

template<typename FloatVector>
MLAS_FORCEINLINE
FloatVector
MlasRvvRoundableQuotient(
    FloatVector Value,
    const MLAS_RVV_DIVISOR& Divisor,
    float Addend,
    size_t vl
    )
{
    constexpr float Margin = 1.0f / 4096;
    constexpr float RoundsToInteger = 12582912.0f;  // 1.5 * 2^23, above which floats are integers

    if (std::isnormal(Divisor.Reciprocal)) {

        const FloatVector Near = __riscv_vfadd(__riscv_vfmul(Value, Divisor.Reciprocal, vl), Addend, vl);
        const FloatVector Integer = __riscv_vfsub(__riscv_vfadd(Near, RoundsToInteger, vl), RoundsToInteger, vl);
        const FloatVector Beyond = __riscv_vfsub(Near, Integer, vl);
        const FloatVector Distance = __riscv_vfabs(Beyond, vl);

        if (__riscv_vfirst(__riscv_vmfgt(Distance, 0.5f - Margin, vl), vl) < 0) {
            return Near;
        }
    }

    return __riscv_vfadd(__riscv_vfdiv(Value, Divisor.Value, vl), Addend, vl);
}

MLAS_RVV_END
