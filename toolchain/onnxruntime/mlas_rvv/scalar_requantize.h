/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_requantize.h

Abstract:

    A sum to an 8-bit output, bit for bit as MlasRequantizeOutput makes it, without a branch.

--*/

#pragma once

#include "scalar_tile.h"

#include "mlasi.h"

#include <limits>

//
// For every zero point, or for unsigned outputs whose zero point is 0, as behind a ReLU: the conversion to an unsigned
// number clamps at zero then.
//

template<typename OutputType, bool IsZeroBased>
struct MLAS_SCALAR_REQUANTIZE {

    static_assert(!IsZeroBased || std::is_unsigned<OutputType>::value, "zero is the least of the outputs");

    float Minimum;
    float Maximum;
    int32_t ZeroPoint;

    explicit MLAS_SCALAR_REQUANTIZE(int32_t OutputZeroPoint)
        : Minimum(float(std::numeric_limits<OutputType>::lowest() - OutputZeroPoint)),
          Maximum(float(std::numeric_limits<OutputType>::max() - OutputZeroPoint)),
          ZeroPoint(OutputZeroPoint)
    {
    }

    MLAS_SCALAR_INLINE
    OutputType
    operator()(float Scaled) const
    {
        int32_t Value;

        if constexpr (IsZeroBased) {
            __asm__("fcvt.wu.s %0, %1, rne" : "=r"(Value) : "f"(__builtin_fminf(Scaled, Maximum)));
            return OutputType(Value);
        } else {
            const float Clamped = __builtin_fminf(__builtin_fmaxf(Scaled, Minimum), Maximum);
            __asm__("fcvt.w.s %0, %1, rne" : "=r"(Value) : "f"(Clamped));
            return OutputType(Value + ZeroPoint);
        }
    }
};
