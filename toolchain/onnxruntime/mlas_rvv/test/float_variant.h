/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_variant.h

Abstract:

    The kernels under test: those of the vector extension, or with MLAS_TEST_SCALAR those for processors without it.

--*/

#pragma once

#if defined(MLAS_TEST_SCALAR)

#include "../scalar_float.h"

constexpr size_t TestedBlockSize = MlasScalarNchwcBlockSize;

inline
MLAS_RVV_NCHWC_KERNELS
TestedNchwcKernels()
{
    return {
        MlasConvNchwFloatKernelScalar,
        MlasConvNchwcFloatKernelScalar,
        MlasConvPointwiseFloatKernelScalar,
        MlasConvDepthwiseFloatKernelScalar,
        {MlasPoolMaximumFloatKernelScalar, MlasPoolAverageExcludePadFloatKernelScalar,
         MlasPoolAverageIncludePadFloatKernelScalar},
    };
}

inline
MLAS_RVV_GEMM_KERNEL*
TestedGemmKernel(bool ZeroMode)
{
    return ZeroMode ? MlasSgemmKernelZeroScalar : MlasSgemmKernelAddScalar;
}

constexpr MLAS_RVV_UNARY_KERNEL* TestedLogisticKernel = MlasScalarLogisticKernel;
constexpr MLAS_RVV_UNARY_KERNEL* TestedTanhKernel = MlasScalarTanhKernel;
constexpr auto* TestedQuickGeluKernel = MlasScalarQuickGeluKernel;

inline bool TestedKernelsCanRun() { return true; }
inline size_t TestedVectorBits() { return 0; }

#else

#include "../detect.h"
#include "../float.h"

constexpr size_t TestedBlockSize = MlasRvvNchwcBlockSize;

inline
MLAS_RVV_NCHWC_KERNELS
TestedNchwcKernels()
{
    return MlasRvvNchwcKernels(MlasRvvRegisterBytes());
}

inline
MLAS_RVV_GEMM_KERNEL*
TestedGemmKernel(bool ZeroMode)
{
    return ZeroMode ? MlasRvvGemmKernelFor<true>(MlasRvvRegisterBytes())
                    : MlasRvvGemmKernelFor<false>(MlasRvvRegisterBytes());
}

constexpr MLAS_RVV_UNARY_KERNEL* TestedLogisticKernel = MlasRvvLogisticKernel;
constexpr MLAS_RVV_UNARY_KERNEL* TestedTanhKernel = MlasRvvTanhKernel;
constexpr auto* TestedQuickGeluKernel = MlasRvvQuickGeluKernel;

inline bool TestedKernelsCanRun() { return MlasRvvRegisterBytes() != 0; }
inline size_t TestedVectorBits() { return MlasRvvRegisterBytes() * 8; }

#endif
