/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_float.h

Abstract:

    The single precision kernels for processors without vectors. Their arguments are those of the vector kernels.

--*/

#pragma once

#include "float.h"

#include <algorithm>
#include <cstdint>

//
// Channels in a block of the NCHWc format: two tiles. Few networks have numbers of channels that it does not divide.
//

constexpr size_t MlasScalarNchwcBlockSize = 8;

MLAS_RVV_CONV_KERNEL MlasConvNchwFloatKernelScalar;
MLAS_RVV_CONV_KERNEL MlasConvNchwcFloatKernelScalar;
MLAS_RVV_CONV_POINTWISE_KERNEL MlasConvPointwiseFloatKernelScalar;
MLAS_RVV_CONV_DEPTHWISE_KERNEL MlasConvDepthwiseFloatKernelScalar;
MLAS_RVV_POOL_KERNEL MlasPoolMaximumFloatKernelScalar;
MLAS_RVV_POOL_KERNEL MlasPoolAverageExcludePadFloatKernelScalar;
MLAS_RVV_POOL_KERNEL MlasPoolAverageIncludePadFloatKernelScalar;
MLAS_RVV_GEMM_KERNEL MlasSgemmKernelZeroScalar;
MLAS_RVV_GEMM_KERNEL MlasSgemmKernelAddScalar;
MLAS_RVV_UNARY_KERNEL MlasScalarLogisticKernel;
MLAS_RVV_UNARY_KERNEL MlasScalarTanhKernel;

void
MlasScalarQuickGeluKernel(
    const float* Input,
    float* Output,
    size_t N,
    float Alpha
    );

//
// Lengths in bytes.
//

inline
const float*
MlasScalarAdvance(const float* Address, size_t Bytes)
{
    return reinterpret_cast<const float*>(reinterpret_cast<uintptr_t>(Address) + Bytes);
}

inline
float*
MlasScalarAdvance(float* Address, size_t Bytes)
{
    return reinterpret_cast<float*>(reinterpret_cast<uintptr_t>(Address) + Bytes);
}

inline
bool
MlasScalarIsInside(const float* Address, const float* Base, size_t Bytes)
{
    return reinterpret_cast<uintptr_t>(Address) - reinterpret_cast<uintptr_t>(Base) < Bytes;
}

//
// What is not a number becomes Minimum.
//

inline
float
MlasScalarClamp(float Value, float Minimum, float Maximum)
{
    return __builtin_fminf(__builtin_fmaxf(Value, Minimum), Maximum);
}
