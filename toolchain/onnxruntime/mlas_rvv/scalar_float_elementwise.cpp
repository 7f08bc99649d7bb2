/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_float_elementwise.cpp

Abstract:

    The logistic function, what is made of it, and the hyperbolic tangent on a processor without vectors: MLAS's rational
    approximations, several elements at once, so that none waits for the products of another.

--*/

#include "scalar_float.h"
#include "scalar_tile.h"

namespace
{

constexpr size_t Lanes = 4;

//
// Coefficients from the highest power down.
//

template<size_t Count>
MLAS_SCALAR_INLINE
void
Polynomial(const float (&x)[Lanes], const float (&Coefficients)[Count], float (&Sums)[Lanes])
{
    MLAS_SCALAR_UNROLL
    for (size_t i = 0; i < Lanes; i++) {
        Sums[i] = Coefficients[0];
    }

    MLAS_SCALAR_UNROLL
    for (size_t n = 1; n < Count; n++) {
        MLAS_SCALAR_UNROLL
        for (size_t i = 0; i < Lanes; i++) {
            Sums[i] = __builtin_fmaf(Sums[i], x[i], Coefficients[n]);
        }
    }
}

//
// x times the quotient of two polynomials in its square, plus Offset. What is not a number stays so.
//

template<size_t P, size_t Q>
MLAS_SCALAR_INLINE
void
OddRatio(float (&x)[Lanes], float Bound, const float (&p)[P], const float (&q)[Q], float Offset)
{
    float Clamped[Lanes];
    float Squares[Lanes];
    float Numerators[Lanes];
    float Denominators[Lanes];

    MLAS_SCALAR_UNROLL
    for (size_t i = 0; i < Lanes; i++) {
        Clamped[i] = MlasScalarClamp(x[i], -Bound, Bound);
        Squares[i] = Clamped[i] * Clamped[i];
    }

    Polynomial(Squares, p, Numerators);
    Polynomial(Squares, q, Denominators);

    unsigned IsNumber = 1;

    MLAS_SCALAR_UNROLL
    for (size_t i = 0; i < Lanes; i++) {
        IsNumber &= unsigned(x[i] == x[i]);
        Numerators[i] = Numerators[i] * Clamped[i] / Denominators[i] + Offset;
    }

    // One branch for all lanes: between branches their products are not interleaved.
    MLAS_SCALAR_UNROLL
    for (size_t i = 0; i < Lanes; i++) {
        Numerators[i] = IsNumber != 0 || x[i] == x[i] ? Numerators[i] : x[i];
    }

    MLAS_SCALAR_UNROLL
    for (size_t i = 0; i < Lanes; i++) {
        x[i] = Numerators[i];
    }
}

MLAS_SCALAR_INLINE
void
Logistic(float (&x)[Lanes])
{
    OddRatio(
        x, 18.0f,
        {4.37031012579801e-11f, 1.15627324459942e-07f, 6.08574864600143e-05f, 8.51377133304701e-03f, 2.48287947061529e-01f},
        {6.10247389755681e-13f, 5.76102136993427e-09f, 6.29106785017040e-06f, 1.70198817374094e-03f, 1.16817656904453e-01f,
         9.93151921023180e-01f},
        0.5f);
}

MLAS_SCALAR_INLINE
void
Tanh(float (&x)[Lanes])
{
    OddRatio(
        x, 9.0f,
        {-2.76076847742355e-16f, 2.00018790482477e-13f, -8.60467152213735e-11f, 5.12229709037114e-08f,
         1.48572235717979e-05f, 6.37261928875436e-04f, 4.89352455891786e-03f},
        {1.19825839466702e-06f, 1.18534705686654e-04f, 2.26843463243900e-03f, 4.89352518554385e-03f},
        0.0f);
}

//
// Function computes Lanes elements in place. The last ones are computed among zeros.
//

template<typename FUNCTION>
MLAS_SCALAR_INLINE
void
ForEach(const float* Input, float* Output, size_t N, const FUNCTION& Function)
{
    for (; N >= Lanes; N -= Lanes) {

        float Values[Lanes];

        MLAS_SCALAR_UNROLL
        for (size_t i = 0; i < Lanes; i++) {
            Values[i] = MlasScalarLoad(Input + i);
        }

        Function(Values);

        MLAS_SCALAR_UNROLL
        for (size_t i = 0; i < Lanes; i++) {
            Output[i] = Values[i];
        }

        Input += Lanes;
        Output += Lanes;
    }

    if (N > 0) {

        float Values[Lanes] = {};

        std::copy_n(Input, N, Values);
        Function(Values);
        std::copy_n(Values, N, Output);
    }
}

}  // namespace

void
MlasScalarLogisticKernel(const float* Input, float* Output, size_t N)
{
    ForEach(Input, Output, N, [](float (&Values)[Lanes]) MLAS_SCALAR_LAMBDA { Logistic(Values); });
}

void
MlasScalarTanhKernel(const float* Input, float* Output, size_t N)
{
    ForEach(Input, Output, N, [](float (&Values)[Lanes]) MLAS_SCALAR_LAMBDA { Tanh(Values); });
}

void
MlasScalarQuickGeluKernel(const float* Input, float* Output, size_t N, float Alpha)
{
    ForEach(Input, Output, N, [Alpha](float (&Values)[Lanes]) MLAS_SCALAR_LAMBDA {

        float Products[Lanes];

        MLAS_SCALAR_UNROLL
        for (size_t i = 0; i < Lanes; i++) {
            Products[i] = Alpha * Values[i];
        }

        Logistic(Products);

        MLAS_SCALAR_UNROLL
        for (size_t i = 0; i < Lanes; i++) {
            Values[i] *= Products[i];
        }
    });
}
