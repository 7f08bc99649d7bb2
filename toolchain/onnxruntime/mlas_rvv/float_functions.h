/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_functions.h

Abstract:

    The approximations of MLAS's portable kernels, whose sources tell where they are from, on two registers at a time.

    What is not a number stays so: the bounds of an approximation would replace it.

--*/

#pragma once

#include "rvv.h"

#include <cstddef>
#include <cstdint>

MLAS_RVV_BEGIN

namespace MlasRvv
{

using Vector = vfloat32m2_t;

//
// A constant in all elements: out of the loop, where registers suffice.
//

inline
Vector
Constant(
    float Value
    )
{
    return __riscv_vfmv_v_f_f32m2(Value, __riscv_vsetvlmax_e32m2());
}

//
// (..(c0 x + c1) x + ..) x + cn
//

template<typename... Coefficients>
inline
Vector
Polynomial(
    size_t Length,
    Vector x,
    float First,
    Coefficients... Rest
    )
{
    Vector p = Constant(First);
    ((p = __riscv_vfmadd(p, x, Constant(Rest), Length)), ...);
    return p;
}

inline
Vector
Clamp(
    Vector x,
    float Minimum,
    float Maximum,
    size_t Length
    )
{
    return __riscv_vfmin(__riscv_vfmax(x, Minimum, Length), Maximum, Length);
}

//
// A quotient to the last bit, of numbers that with their reciprocals are normal. Many processors divide vectors one element
// after the other, 40 cycles for a register. Seven bits of the reciprocal become 14 in a step of Newton's, and those of
// the quotient 28 with what is left of the numerator.
//

inline
Vector
Quotient(
    Vector Numerator,
    Vector Denominator,
    size_t Length
    )
{
    const Vector Guess = __riscv_vfrec7(Denominator, Length);
    const Vector Product = __riscv_vfmul(Denominator, Guess, Length);
    const Vector Reciprocal = __riscv_vfmul(Guess, __riscv_vfrsub(Product, 2.0f, Length), Length);
    const Vector Near = __riscv_vfmul(Numerator, Reciprocal, Length);
    const Vector Rest = __riscv_vfnmsac(Numerator, Denominator, Near, Length);

    return __riscv_vfmacc(Near, Reciprocal, Rest, Length);
}

inline
Vector
KeepNaN(
    Vector Result,
    Vector x,
    size_t Length
    )
{
    return __riscv_vmerge(Result, x, __riscv_vmfne(x, x, Length), Length);
}

//
// x = m log(2) + Reduced, with m as the exponent field of a float to scale by.
//

struct EXPONENT {
    static constexpr float RoundingBias = 0x1.8p23f;
    static constexpr float Log2Reciprocal = 1.44269504088896341f;
    static constexpr float Log2High = -6.93145752e-1f;
    static constexpr float Log2Low = -1.42860677e-6f;
    static constexpr int32_t One = 0x3F800000;
    static constexpr int32_t Least = int32_t(0xC1000000);

    static inline
    Vector
    Biased(
        Vector x,
        size_t Length
        )
    {
        return __riscv_vfmadd(x, Constant(Log2Reciprocal), Constant(RoundingBias), Length);
    }

    static inline
    Vector
    Reduced(
        Vector x,
        Vector Biased,
        size_t Length
        )
    {
        const Vector m = __riscv_vfsub(Biased, RoundingBias, Length);

        x = __riscv_vfmacc(x, Log2High, m, Length);
        return __riscv_vfmacc(x, Log2Low, m, Length);
    }

    static inline
    vint32m2_t
    Field(
        Vector Biased,
        size_t Length
        )
    {
        return __riscv_vsll(__riscv_vreinterpret_i32m2(Biased), 23, Length);
    }
};

struct EXP {
    static inline
    Vector
    Compute(
        Vector x,
        size_t Length
        )
    {
        const Vector Clamped = Clamp(x, -103.9720840454f, 88.7762626647950f, Length);
        const Vector Biased = EXPONENT::Biased(Clamped, Length);
        Vector r = EXPONENT::Reduced(Clamped, Biased, Length);

        //
        // Two factors, as the results reach from 2^-150 to 2^128.
        //

        const vint32m2_t Field = EXPONENT::Field(Biased, Length);
        const vint32m2_t Near =
            __riscv_vmax(__riscv_vmin(Field, EXPONENT::One, Length), EXPONENT::Least, Length);
        const Vector Normal = __riscv_vreinterpret_f32m2(__riscv_vadd(Near, EXPONENT::One, Length));
        const Vector Overflow = __riscv_vreinterpret_f32m2(
            __riscv_vadd(__riscv_vsub(Field, Near, Length), EXPONENT::One, Length));

        const Vector p = Polynomial(
            Length, r, 0x1.694000p-10f, 0x1.125edcp-7f, 0x1.555b5ap-5f, 0x1.555450p-3f, 0x1.fffff6p-2f, 1.0f);

        r = __riscv_vfmul(r, Overflow, Length);
        r = __riscv_vfmul(__riscv_vfmadd(r, p, Overflow, Length), Normal, Length);

        return KeepNaN(r, x, Length);
    }
};

//
// log(exp(x) + 1) = max(x, 0) + log(1 + t) of t = exp(-|x|), and log(1 + t) = 2 artanh(t / (2 + t)), whose argument is a
// third at most: its series has seven terms.
//

struct SOFTPLUS {
    static inline
    Vector
    Compute(
        Vector x,
        size_t Length
        )
    {
        const Vector t = EXP::Compute(__riscv_vfneg(__riscv_vfabs(x, Length), Length), Length);
        const Vector s = Quotient(t, __riscv_vfadd(t, 2.0f, Length), Length);
        const Vector p = Polynomial(
            Length, __riscv_vfmul(s, s, Length), 2.0f / 13, 2.0f / 11, 2.0f / 9, 2.0f / 7, 2.0f / 5, 2.0f / 3, 2.0f);

        return __riscv_vfmadd(p, s, __riscv_vfmax(x, 0.0f, Length), Length);
    }
};

struct LOGISTIC {
    static inline
    Vector
    Compute(
        Vector x,
        size_t Length
        )
    {
        const Vector Clamped = Clamp(x, -18.0f, 18.0f, Length);
        const Vector Square = __riscv_vfmul(Clamped, Clamped, Length);
        const Vector p = Polynomial(
            Length, Square, 4.37031012579801e-11f, 1.15627324459942e-07f, 6.08574864600143e-05f,
            8.51377133304701e-03f, 2.48287947061529e-01f);
        const Vector q = Polynomial(
            Length, Square, 6.10247389755681e-13f, 5.76102136993427e-09f, 6.29106785017040e-06f,
            1.70198817374094e-03f, 1.16817656904453e-01f, 9.93151921023180e-01f);
        const Vector Ratio = Quotient(__riscv_vfmul(p, Clamped, Length), q, Length);

        return KeepNaN(__riscv_vfadd(Ratio, 0.5f, Length), x, Length);
    }
};

struct TANH {
    static inline
    Vector
    Compute(
        Vector x,
        size_t Length
        )
    {
        const Vector Clamped = Clamp(x, -9.0f, 9.0f, Length);
        const Vector Square = __riscv_vfmul(Clamped, Clamped, Length);
        const Vector p = Polynomial(
            Length, Square, -2.76076847742355e-16f, 2.00018790482477e-13f, -8.60467152213735e-11f,
            5.12229709037114e-08f, 1.48572235717979e-05f, 6.37261928875436e-04f, 4.89352455891786e-03f);
        const Vector q = Polynomial(
            Length, Square, 1.19825839466702e-06f, 1.18534705686654e-04f, 2.26843463243900e-03f,
            4.89352518554385e-03f);

        return KeepNaN(Quotient(__riscv_vfmul(p, Clamped, Length), q, Length), x, Length);
    }
};

struct ERF {
    static inline
    Vector
    Compute(
        Vector x,
        size_t Length
        )
    {
        const Vector Absolute = __riscv_vfmin(__riscv_vfabs(x, Length), 3.925f, Length);
        const Vector Square = __riscv_vfmul(Absolute, Absolute, Length);

        Vector Small = Polynomial(
            Length, Square, -5.99104969e-4f, 4.99339588e-3f, -2.67667342e-2f, 1.12818025e-1f, -3.76124859e-1f,
            1.28379151e-1f);
        Small = __riscv_vfmadd(Small, Absolute, Absolute, Length);

        //
        // One less the exponential function of a polynomial.
        //

        Vector Big = Polynomial(
            Length, Absolute, 1.72948930e-5f, -3.83208680e-4f, 3.88393435e-3f, -2.42545605e-2f, 1.06777847e-1f,
            6.34846687e-1f, 1.28717512e-1f);
        Big = __riscv_vfneg(__riscv_vfmadd(Big, Absolute, Absolute, Length), Length);

        const Vector Biased = EXPONENT::Biased(Big, Length);
        const Vector r = EXPONENT::Reduced(Big, Biased, Length);
        const Vector Power = __riscv_vreinterpret_f32m2(
            __riscv_vadd(EXPONENT::Field(Biased, Length), EXPONENT::One, Length));
        const Vector p = Polynomial(
            Length, r, 1.38319808e-3f, 8.37550033e-3f, 4.16689515e-2f, 1.66664466e-1f, 4.99999851e-1f, 1.0f, 1.0f);

        Big = __riscv_vfrsub(__riscv_vfmul(p, Power, Length), 1.0f, Length);

        const Vector Result =
            __riscv_vmerge(Small, Big, __riscv_vmfgt(Absolute, 0.921875f, Length), Length);

        return KeepNaN(__riscv_vfsgnj(Result, x, Length), x, Length);
    }
};

//
// Gaussian error linear units, by the steps of the operators that they are made of, in their order.
//

inline
Vector
GeluOf(
    Vector x,
    Vector Inner,
    size_t Length
    )
{
    return __riscv_vfmul(__riscv_vfmul(x, 0.5f, Length), __riscv_vfadd(Inner, 1.0f, Length), Length);
}

struct GELU {
    static inline
    Vector
    Compute(
        Vector x,
        size_t Length
        )
    {
        return GeluOf(x, ERF::Compute(__riscv_vfmul(x, 0.707106781186547524f, Length), Length), Length);
    }
};

//
// With tanh(sqrt(2 / pi) (x + 0.044715 x^3)), as FastGelu has it.
//

struct FAST_GELU {
    static inline
    Vector
    Compute(
        Vector x,
        size_t Length
        )
    {
        const Vector p = __riscv_vfmadd(
            __riscv_vfmul(x, 0.035677408136300125f, Length), x, Constant(0.7978845608028654f), Length);

        return GeluOf(x, TANH::Compute(__riscv_vfmul(x, p, Length), Length), Length);
    }
};

struct QUICK_GELU {
    static inline
    Vector
    Compute(
        Vector x,
        float Alpha,
        size_t Length
        )
    {
        return __riscv_vfmul(x, LOGISTIC::Compute(__riscv_vfmul(x, Alpha, Length), Length), Length);
    }
};

}  // namespace MlasRvv

MLAS_RVV_END
