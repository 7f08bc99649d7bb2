/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar.cpp

Abstract:

    Enters the kernels for processors without vectors. What they leave out is MLAS's own code.

--*/

#include "scalar.h"

#include "scalar_float.h"

void
MlasScalarRegisterFloat(MLAS_PLATFORM& Platform)
{
    Platform.NchwcBlockSize = uint32_t(MlasScalarNchwcBlockSize);
    Platform.ConvNchwFloatKernel = MlasConvNchwFloatKernelScalar;
    Platform.ConvNchwcFloatKernel = MlasConvNchwcFloatKernelScalar;
    Platform.ConvPointwiseFloatKernel = MlasConvPointwiseFloatKernelScalar;
    Platform.ConvDepthwiseFloatKernel = MlasConvDepthwiseFloatKernelScalar;
    Platform.PoolFloatKernel[MlasMaximumPooling] = MlasPoolMaximumFloatKernelScalar;
    Platform.PoolFloatKernel[MlasAveragePoolingExcludePad] = MlasPoolAverageExcludePadFloatKernelScalar;
    Platform.PoolFloatKernel[MlasAveragePoolingIncludePad] = MlasPoolAverageIncludePadFloatKernelScalar;
    Platform.GemmFloatKernelZero = MlasSgemmKernelZeroScalar;
    Platform.GemmFloatKernelAdd = MlasSgemmKernelAddScalar;
    Platform.LogisticKernelRoutine = MlasScalarLogisticKernel;
    Platform.TanhKernelRoutine = MlasScalarTanhKernel;
    Platform.QuickGeluF32Kernel = MlasScalarQuickGeluKernel;
}

void
MlasScalarRegisterQuantized(MLAS_PLATFORM& Platform)
{
    Platform.ConvSymRoutines = &MlasConvSymScalar;
    Platform.ConvSymDepthwiseRoutines = &MlasConvSymDepthwiseScalar;
    Platform.GemmQuantDispatch = &MlasGemmQuantDispatchScalar;
    Platform.QuantizedU8Dispatch = &MlasQuantizedU8DispatchScalar;
    Platform.QuantizedS8Dispatch = &MlasQuantizedS8DispatchScalar;
}
