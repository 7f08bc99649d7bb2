/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_quantize.h

Abstract:

    What the quantized operators without vectors share: loops that take some elements side by side, and the portable code's
    quantization. That code rounds by a call, which reads and writes the rounding mode, and divides, which takes a SiFive
    U74 26 cycles.

--*/

#pragma once

#include "scalar_tile.h"

#include "mlasi.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

constexpr size_t MlasScalarLanes = 4;

//
// Function(n) for each n below N, some of them side by side.
//

template<typename FUNCTION>
MLAS_SCALAR_INLINE
void
MlasScalarForEach(size_t N, const FUNCTION& Function)
{
    size_t n = 0;

    for (; n + MlasScalarLanes <= N; n += MlasScalarLanes) {
        MLAS_SCALAR_UNROLL
        for (size_t i = 0; i < MlasScalarLanes; i++) {
            Function(n + i);
        }
    }

    for (; n < N; n++) {
        Function(n);
    }
}

//
// Function(c, Count) for blocks of Count channels, a constant: 8, and 1 for what is left over.
//

template<typename FUNCTION>
MLAS_SCALAR_INLINE
void
MlasScalarForEachBlock(size_t Channels, const FUNCTION& Function)
{
    constexpr std::integral_constant<size_t, 8> Block;

    size_t c = 0;

    for (; c + Block <= Channels; c += Block) {
        Function(c, Block);
    }

    for (; c < Channels; c++) {
        Function(c, std::integral_constant<size_t, 1>());
    }
}

MLAS_SCALAR_INLINE
int32_t
MlasScalarRound(float Value)
{
    int32_t Rounded;
    __asm__("fcvt.w.s %0, %1, rne" : "=r"(Rounded) : "f"(Value));
    return Rounded;
}

//
// Clamp(Value / Divisor + Addend), rounded. The product with the reciprocal differs from the quotient by less than 2^-12
// where either is below 512, as in quotient.h; beyond that both saturate. It is divided only where that is as close to the
// middle of two integers.
//

struct MLAS_SCALAR_DIVISOR {
    float Value;
    float Reciprocal;
    bool IsExact;

    explicit MLAS_SCALAR_DIVISOR(float Divisor)
        : Value(Divisor), Reciprocal(1.0f / Divisor), IsExact(!std::isnormal(Reciprocal))
    {
    }
};

template<typename CLAMP>
MLAS_SCALAR_INLINE
int32_t
MlasScalarRoundedQuotient(float Value, const MLAS_SCALAR_DIVISOR& Divisor, float Addend, const CLAMP& Clamp)
{
    constexpr float Margin = 1.0f / 4096;

    const float Near = Clamp(Value * Divisor.Reciprocal + Addend);
    const int32_t Rounded = MlasScalarRound(Near);

    if (__builtin_expect(Divisor.IsExact || !(std::fabs(Near - float(Rounded)) <= 0.5f - Margin), 0)) {
        return MlasScalarRound(Clamp(Value / Divisor.Value + Addend));
    }

    return Rounded;
}

//
// Value / Scale + Addend, rounded, plus ZeroPoint, saturated.
//

template<typename T>
class MLAS_SCALAR_QUANTIZER
{
public:
    MLAS_SCALAR_QUANTIZER(float Scale, float Addend, int32_t ZeroPoint)
        : Divisor_(Scale), Addend_(Addend), ZeroPoint_(ZeroPoint),
          Minimum_(float(std::numeric_limits<T>::lowest() - ZeroPoint)),
          Maximum_(float(std::numeric_limits<T>::max() - ZeroPoint))
    {
    }

    MLAS_SCALAR_INLINE
    T
    operator()(float Value) const
    {
        const auto Clamp = [this](float v) MLAS_SCALAR_LAMBDA {
            return __builtin_fminf(__builtin_fmaxf(v, Minimum_), Maximum_);
        };

        return T(MlasScalarRoundedQuotient(Value, Divisor_, Addend_, Clamp) + ZeroPoint_);
    }

private:
    MLAS_SCALAR_DIVISOR Divisor_;
    float Addend_;
    int32_t ZeroPoint_;
    float Minimum_;
    float Maximum_;
};

template<typename T>
MLAS_SCALAR_INLINE
float
MlasScalarDequantized(T Value, float Scale, int32_t ZeroPoint)
{
    return float(int32_t(Value) - ZeroPoint) * Scale;
}
