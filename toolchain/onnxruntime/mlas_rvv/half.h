/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    half.h

Abstract:

    The half precision kernels, for processors with Zvfh. Numbers are given as their bits, as in MLAS; strides are counted
    in elements. A matrix is of rows; images have their channels last.

    Convolutions and matrix products add in half precision, as MLAS does on Arm, but no more than 192 products in a row.

--*/

#pragma once

#include <cstddef>
#include <cstdint>

//
// What the output is clamped to before it is stored.
//

struct MLAS_RVV_HALF_BOUNDS {
    bool Bounded = false;
    float Minimum = 0.0f;
    float Maximum = 0.0f;
};

//
// C = A * B + Bias. B is as it came, of rows that are ldb apart, or packed into panels (ldb is zero): MlasRvvHalfPack
// puts each panel's columns of all rows of B one after another. Then B is the start of the whole, of TotalN columns, from
// which the CountN columns from StartN on are used. Bias and C begin with those columns.
//
// Pixels, if not null, takes the place of A: each row of A is made of lda pieces of the same length, which begin Offset
// elements behind what lda pointers lead to.
//

struct MLAS_RVV_HALF_GEMM {
    size_t CountM;
    size_t CountN;
    size_t CountK;
    size_t StartN;
    size_t TotalN;
    const uint16_t* A;
    const uint16_t* const* Pixels;
    size_t Offset;
    size_t lda;
    const uint16_t* B;
    size_t ldb;
    uint16_t* C;
    size_t ldc;
    const uint16_t* Bias;
    MLAS_RVV_HALF_BOUNDS Bounds;
};

void
MlasRvvHalfGemm(
    const MLAS_RVV_HALF_GEMM& Arguments
    );

//
// Columns of a panel, of which four registers are full.
//

size_t
MlasRvvHalfPanelColumns();

void
MlasRvvHalfPack(
    uint16_t* Packed,
    const uint16_t* B,
    size_t ldb,
    size_t CountN,
    size_t CountK
    );

//
// The same for a B whose columns are stored as rows, ldb apart: dot products, which are added in single precision.
//

void
MlasRvvHalfGemmTransposed(
    const MLAS_RVV_HALF_GEMM& Arguments
    );

//
// For each of OutputCount pixels, KernelSize pointers to the input's pixels.
//

void
MlasRvvHalfConvDepthwise(
    const uint16_t* const* Input,
    const uint16_t* Filter,
    const uint16_t* Bias,
    uint16_t* Output,
    size_t Channels,
    size_t OutputCount,
    size_t KernelSize,
    const MLAS_RVV_HALF_BOUNDS& Bounds
    );

//
// As above; null pointers stand for what lies outside and does not count. Averages are added in single precision.
//

typedef
void
(MLAS_RVV_HALF_POOL_KERNEL)(
    const uint16_t* const* Input,
    uint16_t* Output,
    size_t Channels,
    size_t OutputCount,
    size_t KernelSize
    );

MLAS_RVV_HALF_POOL_KERNEL MlasRvvHalfMaximumPool;
MLAS_RVV_HALF_POOL_KERNEL MlasRvvHalfAveragePool;

//
// Activations in place of CountM rows of CountN elements. Addend, if any, is of the same layout and added before.
//

enum class MLAS_RVV_HALF_ACTIVATION { Identity, Relu, LeakyRelu, Tanh, Logistic, Clip, HardSigmoid };

void
MlasRvvHalfActivation(
    MLAS_RVV_HALF_ACTIVATION Kind,
    const float* Parameters,
    uint16_t* Buffer,
    const uint16_t* Addend,
    size_t CountM,
    size_t CountN,
    size_t ldc
    );

//
// Output[n] = A[n] (an operation) B[n]; the first of a scalar stands for all of them. Output may be an input.
//

typedef
void
(MLAS_RVV_HALF_BINARY_KERNEL)(
    const uint16_t* A,
    bool IsScalarA,
    const uint16_t* B,
    bool IsScalarB,
    uint16_t* Output,
    size_t N
    );

MLAS_RVV_HALF_BINARY_KERNEL MlasRvvHalfAdd;
MLAS_RVV_HALF_BINARY_KERNEL MlasRvvHalfSubtract;
MLAS_RVV_HALF_BINARY_KERNEL MlasRvvHalfMultiply;
MLAS_RVV_HALF_BINARY_KERNEL MlasRvvHalfDivide;

//
// Output[n] = f(Input[n]). Output may be Input.
//

typedef
void
(MLAS_RVV_HALF_FUNCTION_KERNEL)(
    float Alpha,
    float Beta,
    const uint16_t* Input,
    uint16_t* Output,
    size_t N
    );

MLAS_RVV_HALF_FUNCTION_KERNEL MlasRvvHalfHardSigmoid;
MLAS_RVV_HALF_FUNCTION_KERNEL MlasRvvHalfHardSwish;
MLAS_RVV_HALF_FUNCTION_KERNEL MlasRvvHalfLogistic;
MLAS_RVV_HALF_FUNCTION_KERNEL MlasRvvHalfTanh;
MLAS_RVV_HALF_FUNCTION_KERNEL MlasRvvHalfErf;
MLAS_RVV_HALF_FUNCTION_KERNEL MlasRvvHalfGelu;
MLAS_RVV_HALF_FUNCTION_KERNEL MlasRvvHalfFastGelu;
MLAS_RVV_HALF_FUNCTION_KERNEL MlasRvvHalfQuickGelu;

void
MlasRvvHalfToFloat(
    const uint16_t* Source,
    float* Destination,
    size_t Count
    );

void
MlasRvvFloatToHalf(
    const float* Source,
    uint16_t* Destination,
    size_t Count
    );
