/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float.cpp

Abstract:

    Enters the single precision kernels.

--*/

#include "platform.h"

#include "detect.h"
#include "float.h"
#include "float_planes.h"
#include "float_reduce.h"

void
MlasRvvRegisterFloat(MLAS_PLATFORM& Platform)
{
    const size_t RegisterBytes = MlasRvvRegisterBytes();
    const MLAS_RVV_NCHWC_KERNELS Nchwc = MlasRvvNchwcKernels(RegisterBytes);

    Platform.NchwcBlockSize = uint32_t(MlasRvvNchwcBlockSize);
    Platform.ConvNchwFloatKernel = Nchwc.ConvNchw;
    Platform.ConvNchwcFloatKernel = Nchwc.ConvNchwc;
    Platform.ConvPointwiseFloatKernel = Nchwc.ConvPointwise;
    Platform.ConvDepthwiseFloatKernel = Nchwc.ConvDepthwise;
    Platform.PoolFloatKernel[MlasMaximumPooling] = Nchwc.Pool.Maximum;
    Platform.PoolFloatKernel[MlasAveragePoolingExcludePad] = Nchwc.Pool.AverageExcludePad;
    Platform.PoolFloatKernel[MlasAveragePoolingIncludePad] = Nchwc.Pool.AverageIncludePad;

    Platform.GemmFloatKernelZero = MlasRvvGemmKernelFor<true>(RegisterBytes);
    Platform.GemmFloatKernelAdd = MlasRvvGemmKernelFor<false>(RegisterBytes);

    Platform.ErfKernelRoutine = MlasRvvErfKernel;
    Platform.ComputeExpF32Kernel = MlasRvvComputeExpKernel;
    Platform.LogisticKernelRoutine = MlasRvvLogisticKernel;
    Platform.TanhKernelRoutine = MlasRvvTanhKernel;
    Platform.GeluF32Kernel = MlasRvvGeluKernel;
    Platform.QuickGeluF32Kernel = MlasRvvQuickGeluKernel;
    Platform.EluF32Kernel = MlasRvvEluKernel;
    Platform.SoftplusF32Kernel = MlasRvvSoftplusKernel;

    Platform.ActivationFloatKernel[MlasIdentityActivation] = MlasRvvBiasKernel;
    Platform.ActivationFloatKernel[MlasReluActivation] = MlasRvvReluKernel;
    Platform.ActivationFloatKernel[MlasLeakyReluActivation] = MlasRvvLeakyReluKernel;
    Platform.ActivationFloatKernel[MlasClipActivation] = MlasRvvClipKernel;
    Platform.ActivationFloatKernel[MlasHardSigmoidActivation] = MlasRvvHardSigmoidKernel;

    Platform.BinaryFloatKernel[MlasAddition] = MlasRvvAddKernel;
    Platform.BinaryFloatKernel[MlasSubtraction] = MlasRvvSubtractKernel;
    Platform.BinaryFloatKernel[MlasMultiplication] = MlasRvvMultiplyKernel;
    Platform.BinaryFloatKernel[MlasDivision] = MlasRvvDivideKernel;
    Platform.BinaryFloatKernel[MlasMaximum] = MlasRvvMaximumKernel;
    Platform.BinaryFloatKernel[MlasMinimum] = MlasRvvMinimumKernel;
    Platform.BinaryFloatKernel[MlasPRelu] = MlasRvvPReluKernel;

    Platform.ReduceMaximumF32Kernel = MlasRvvReduceMaximumKernel;
    Platform.ComputeSumExpF32Kernel = MlasRvvComputeSumExpKernel;
    Platform.ComputeSoftmaxOutputF32Kernel = MlasRvvSoftmaxOutputKernel;
    Platform.ComputeLogSoftmaxOutputF32Kernel = MlasRvvLogSoftmaxOutputKernel;

    Platform.ReduceRowsFloatKernel[MlasReduceSum] = MlasRvvReduceRowsSumKernel;
    Platform.ReduceRowsFloatKernel[MlasReduceMaximum] = MlasRvvReduceRowsMaximumKernel;
    Platform.ReduceRowsFloatKernel[MlasReduceMinimum] = MlasRvvReduceRowsMinimumKernel;
    Platform.ReduceColumnsFloatKernel[MlasReduceSum] = MlasRvvReduceColumnsSumKernel;
    Platform.ReduceColumnsFloatKernel[MlasReduceMaximum] = MlasRvvReduceColumnsMaximumKernel;
    Platform.ReduceColumnsFloatKernel[MlasReduceMinimum] = MlasRvvReduceColumnsMinimumKernel;

    Platform.LayerNormF32Kernel = MlasRvvLayerNormKernel;
    Platform.InstanceNormF32Kernel = MlasRvvInstanceNormKernel;
    Platform.LrnF32Kernel = MlasRvvLrnKernel;
    Platform.PoolPlaneF32Kernel = MlasRvvPoolPlaneKernel;
    Platform.ResizeBilinearF32Kernel = MlasRvvResizeBilinearKernel;
}
