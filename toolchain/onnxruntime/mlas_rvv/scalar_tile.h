/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_tile.h

Abstract:

    Outer products of a processor without vectors: a tile of sums in floating point registers, 24 of the 32, to which
    each k adds the products of up to six activations and four weights.

    Loads and products are statements that a compiler does not move past each other: scheduled freely, loads go ahead of
    products until sums are spilled. In the order given here every load lies between products that do not wait for it,
    so that a processor that issues two instructions at once pairs them.

--*/

#pragma once

#include <cstddef>

#define MLAS_SCALAR_INLINE inline __attribute__((always_inline))
#define MLAS_SCALAR_LAMBDA __attribute__((always_inline))
#define MLAS_SCALAR_UNROLL _Pragma("GCC unroll 32")

constexpr size_t MlasScalarTileRows = 6;
constexpr size_t MlasScalarTileColumns = 4;

MLAS_SCALAR_INLINE
float
MlasScalarLoad(const float* Address)
{
    float Value;
    __asm__ volatile("flw %0, %1" : "=f"(Value) : "m"(*Address));
    return Value;
}

MLAS_SCALAR_INLINE
double
MlasScalarLoad(const double* Address)
{
    double Value;
    __asm__ volatile("fld %0, %1" : "=f"(Value) : "m"(*Address));
    return Value;
}

MLAS_SCALAR_INLINE
void
MlasScalarMultiplyAdd(float& Sum, float Activation, float Weight)
{
    __asm__ volatile("fmadd.s %0, %1, %2, %0" : "+f"(Sum) : "f"(Activation), "f"(Weight));
}

MLAS_SCALAR_INLINE
void
MlasScalarMultiplyAdd(double& Sum, double Activation, double Weight)
{
    __asm__ volatile("fmadd.d %0, %1, %2, %0" : "+f"(Sum) : "f"(Activation), "f"(Weight));
}

MLAS_SCALAR_INLINE
float
MlasScalarStart(float Start, float Activation, float Weight)
{
    float Sum;
    __asm__ volatile("fmadd.s %0, %1, %2, %3" : "=f"(Sum) : "f"(Activation), "f"(Weight), "f"(Start));
    return Sum;
}

MLAS_SCALAR_INLINE
double
MlasScalarStart(double Start, double Activation, double Weight)
{
    double Sum;
    __asm__ volatile("fmadd.d %0, %1, %2, %3" : "=f"(Sum) : "f"(Activation), "f"(Weight), "f"(Start));
    return Sum;
}

//
// Adds the products of Depth k's to Sums, or with Starts to those of the columns, which leaves Sums with them.
// Activation(k, Row) and Weight(k, Column) are the addresses of what is multiplied. The next activation is loaded behind
// the first product of the one before, and the next k's weights each behind the last product of this k's.
//

template<size_t Depth, size_t Rows, size_t Columns, typename Float, typename ActivationOf, typename WeightOf, typename... StartsOf>
MLAS_SCALAR_INLINE
void
MlasScalarMultiplyTile(
    Float (&Sums)[Rows][Columns],
    const ActivationOf& Activation,
    const WeightOf& Weight,
    const StartsOf&... Starts
    )
{
    Float Activations[2];
    Float Weights[Columns];

    Activations[0] = MlasScalarLoad(Activation(0, 0));

    MLAS_SCALAR_UNROLL
    for (size_t Column = 0; Column < Columns; Column++) {
        Weights[Column] = MlasScalarLoad(Weight(0, Column));
    }

    MLAS_SCALAR_UNROLL
    for (size_t k = 0; k < Depth; k++) {

        MLAS_SCALAR_UNROLL
        for (size_t Row = 0; Row < Rows; Row++) {

            const size_t n = k * Rows + Row;

            MLAS_SCALAR_UNROLL
            for (size_t Column = 0; Column < Columns; Column++) {

                if (sizeof...(Starts) > 0 && k == 0) {
                    ((Sums[Row][Column] = MlasScalarStart(Starts[Column], Activations[n % 2], Weights[Column])), ...);
                } else {
                    MlasScalarMultiplyAdd(Sums[Row][Column], Activations[n % 2], Weights[Column]);
                }

                if (Column == 0 && n + 1 < Depth * Rows) {
                    Activations[(n + 1) % 2] = MlasScalarLoad(Activation((n + 1) / Rows, (n + 1) % Rows));
                }

                if (Row + 1 == Rows && k + 1 < Depth) {
                    Weights[Column] = MlasScalarLoad(Weight(k + 1, Column));
                }
            }
        }
    }
}
