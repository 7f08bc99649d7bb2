/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float.h

Abstract:

    The single precision kernels: their arguments are MLAS's (strides and widths in bytes), and two more for the
    convolutions, the bounds that the output is clamped to.

--*/

#pragma once

#include <cstddef>

//
// Channels in a block of the NCHWc format: a whole number of registers from 128 to 512 bits.
//

constexpr size_t MlasRvvNchwcBlockSize = 16;
constexpr size_t MlasRvvNchwcBlockBytes = MlasRvvNchwcBlockSize * sizeof(float);

//
// Flags of the convolution kernels, as in snchwc.cpp. Any activation that is a clamp sets the last.
//

constexpr unsigned MlasRvvConvAccumulateOutput = 0x1;
constexpr unsigned MlasRvvConvBiasAddition = 0x2;
constexpr unsigned MlasRvvConvClampOutput = 0x10;

typedef
void
(MLAS_RVV_CONV_KERNEL)(
    const float* Input,
    const float* Filter,
    float* Output,
    size_t StrideWidth,
    size_t DilationWidth,
    size_t FilterCount,
    size_t InputStride,
    size_t FilterStride,
    size_t OutputStride,
    size_t KernelHeight,
    size_t KernelWidth,
    const float* InputBase,
    size_t InputWidth,
    size_t DilatedInputWidth,
    size_t OutputCountLeftPad,
    size_t OutputCount,
    size_t OutputCountRightPad,
    const float* Bias,
    unsigned Flags,
    float Minimum,
    float Maximum
    );

typedef
void
(MLAS_RVV_CONV_DEPTHWISE_KERNEL)(
    const float* Input,
    const float* Filter,
    float* Output,
    size_t StrideWidth,
    size_t DilationWidth,
    size_t InputStride,
    size_t KernelHeight,
    size_t KernelWidth,
    const float* InputBase,
    size_t InputWidth,
    size_t DilatedInputWidth,
    size_t OutputCountLeftPad,
    size_t OutputCount,
    size_t OutputCountRightPad,
    const float* Bias,
    unsigned Flags,
    float Minimum,
    float Maximum
    );

typedef
void
(MLAS_RVV_CONV_POINTWISE_KERNEL)(
    const float* Input,
    const float* Filter,
    float* Output,
    size_t StrideWidth,
    size_t InputChannels,
    size_t FilterCount,
    size_t InputStride,
    size_t FilterStride,
    size_t OutputStride,
    size_t OutputCount,
    const float* Bias,
    unsigned Flags,
    float Minimum,
    float Maximum
    );

typedef
void
(MLAS_RVV_POOL_KERNEL)(
    const float* Input,
    float* Output,
    size_t StrideWidth,
    size_t DilationWidth,
    size_t InputStride,
    size_t ActualKernelSize,
    size_t KernelHeight,
    size_t KernelWidth,
    const float* InputBase,
    size_t InputWidth,
    size_t DilatedInputWidth,
    size_t OutputCountLeftPad,
    size_t OutputCount,
    size_t OutputCountRightPad
    );

typedef
size_t
(MLAS_RVV_GEMM_KERNEL)(
    const float* A,
    const float* B,
    float* C,
    size_t CountK,
    size_t CountM,
    size_t CountN,
    size_t lda,
    size_t ldc,
    float alpha
    );

//
// The kernels for a register length: Lmul registers hold Lanes channels, a block or half of it.
//

template<size_t Lmul, size_t Channels>
MLAS_RVV_CONV_KERNEL MlasRvvConvKernel;

template<size_t Lmul>
MLAS_RVV_CONV_POINTWISE_KERNEL MlasRvvConvPointwiseKernel;

template<size_t Lmul, size_t Lanes>
MLAS_RVV_CONV_DEPTHWISE_KERNEL MlasRvvConvDepthwiseKernel;

struct MLAS_RVV_POOL_KERNELS {
    MLAS_RVV_POOL_KERNEL* Maximum;
    MLAS_RVV_POOL_KERNEL* AverageExcludePad;
    MLAS_RVV_POOL_KERNEL* AverageIncludePad;
};

template<size_t Lmul, size_t Lanes>
MLAS_RVV_POOL_KERNELS
MlasRvvPoolKernels();

struct MLAS_RVV_NCHWC_KERNELS {
    MLAS_RVV_CONV_KERNEL* ConvNchw;
    MLAS_RVV_CONV_KERNEL* ConvNchwc;
    MLAS_RVV_CONV_POINTWISE_KERNEL* ConvPointwise;
    MLAS_RVV_CONV_DEPTHWISE_KERNEL* ConvDepthwise;
    MLAS_RVV_POOL_KERNELS Pool;
};

template<size_t Lmul, size_t DepthwiseLmul, size_t DepthwiseLanes>
MLAS_RVV_NCHWC_KERNELS
MlasRvvNchwcKernelsOf()
{
    return {
        MlasRvvConvKernel<Lmul, 1>,
        MlasRvvConvKernel<Lmul, MlasRvvNchwcBlockSize>,
        MlasRvvConvPointwiseKernel<Lmul>,
        MlasRvvConvDepthwiseKernel<DepthwiseLmul, DepthwiseLanes>,
        MlasRvvPoolKernels<DepthwiseLmul, DepthwiseLanes>(),
    };
}

inline
MLAS_RVV_NCHWC_KERNELS
MlasRvvNchwcKernels(
    size_t RegisterBytes
    )
{
    if (RegisterBytes >= 64) {
        return MlasRvvNchwcKernelsOf<1, 1, 16>();
    }

    return RegisterBytes >= 32 ? MlasRvvNchwcKernelsOf<2, 2, 16>() : MlasRvvNchwcKernelsOf<4, 2, 8>();
}

template<size_t Lmul, bool ZeroMode>
MLAS_RVV_GEMM_KERNEL MlasRvvGemmKernel;

template<bool ZeroMode>
MLAS_RVV_GEMM_KERNEL*
MlasRvvGemmKernelFor(
    size_t RegisterBytes
    )
{
    return RegisterBytes >= 64 ? MlasRvvGemmKernel<1, ZeroMode>
        : RegisterBytes >= 32 ? MlasRvvGemmKernel<2, ZeroMode>
        : MlasRvvGemmKernel<4, ZeroMode>;
}

//
// Functions of one variable, and the parts of softmax; they are the same for every register length.
//

typedef
void
(MLAS_RVV_UNARY_KERNEL)(
    const float* Input,
    float* Output,
    size_t N
    );

MLAS_RVV_UNARY_KERNEL MlasRvvComputeExpKernel;
MLAS_RVV_UNARY_KERNEL MlasRvvLogisticKernel;
MLAS_RVV_UNARY_KERNEL MlasRvvTanhKernel;
MLAS_RVV_UNARY_KERNEL MlasRvvErfKernel;
MLAS_RVV_UNARY_KERNEL MlasRvvSoftplusKernel;

//
// x, or Alpha (exp(x) - 1) where x is negative. Output may be Input.
//

void
MlasRvvEluKernel(
    const float* Input,
    float* Output,
    size_t N,
    float Alpha
    );

//
// An activation of M rows of N elements after the addition of a bias for each row where there are any. Output may be
// Input.
// Parameters are two, as many of which are read as MLAS_ACTIVATION has for it.
//

typedef
void
(MLAS_RVV_ACTIVATION_KERNEL)(
    const float* Parameters,
    const float* Input,
    float* Output,
    const float* Bias,
    size_t M,
    size_t N,
    size_t ldc
    );

MLAS_RVV_ACTIVATION_KERNEL MlasRvvBiasKernel;
MLAS_RVV_ACTIVATION_KERNEL MlasRvvReluKernel;
MLAS_RVV_ACTIVATION_KERNEL MlasRvvLeakyReluKernel;
MLAS_RVV_ACTIVATION_KERNEL MlasRvvClipKernel;
MLAS_RVV_ACTIVATION_KERNEL MlasRvvHardSigmoidKernel;

//
// Output[n] = A[n] (an operation) B[n]. The first of A, or of B, stands for all of them where it IsScalar. Output may be
// an input.
//

typedef
void
(MLAS_RVV_BINARY_KERNEL)(
    const float* A,
    bool IsScalarA,
    const float* B,
    bool IsScalarB,
    float* Output,
    size_t N
    );

MLAS_RVV_BINARY_KERNEL MlasRvvAddKernel;
MLAS_RVV_BINARY_KERNEL MlasRvvSubtractKernel;
MLAS_RVV_BINARY_KERNEL MlasRvvMultiplyKernel;
MLAS_RVV_BINARY_KERNEL MlasRvvDivideKernel;
MLAS_RVV_BINARY_KERNEL MlasRvvMaximumKernel;
MLAS_RVV_BINARY_KERNEL MlasRvvMinimumKernel;
MLAS_RVV_BINARY_KERNEL MlasRvvPReluKernel;

//
// 0.5 x (1 + erf(x / sqrt 2)) of x = Input, plus Bias where there is one, or the approximation with tanh. Output may be
// Input.
//

void
MlasRvvGeluKernel(
    const float* Input,
    const float* Bias,
    float* Output,
    size_t N,
    bool UseApproximation
    );

//
// x / (1 + exp(-Alpha x)) of x = Input. Output may be Input.
//

void
MlasRvvQuickGeluKernel(
    const float* Input,
    float* Output,
    size_t N,
    float Alpha
    );

float
MlasRvvReduceMaximumKernel(
    const float* Input,
    size_t N
    );

float
MlasRvvComputeSumExpKernel(
    const float* Input,
    float* Output,
    size_t N,
    const float* NegativeMaximum
    );

void
MlasRvvSoftmaxOutputKernel(
    float* Output,
    size_t N,
    const float* Parameters
    );

void
MlasRvvLogSoftmaxOutputKernel(
    const float* Input,
    float* Output,
    size_t N,
    const float* Parameters
    );

//
// Input, plus Skip and SkipBias where there are any (a bias only beside Skip), less its mean unless Simplified, times
// InvStdDev and Scale, plus Bias where there is one. SkipSum, Mean and InvStdDev are written where they are wanted.
// Output may be Input.
//

void
MlasRvvLayerNormKernel(
    const float* Input,
    const float* Skip,
    const float* SkipBias,
    const float* Scale,
    const float* Bias,
    float* Output,
    float* SkipSum,
    size_t N,
    float Epsilon,
    bool Simplified,
    float* Mean,
    float* InvStdDev
    );
