/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    quantized.cpp

Abstract:

    Enters the 8-bit integer kernels.

--*/

#include "platform.h"

void
MlasRvvRegisterQuantized(MLAS_PLATFORM& Platform, const MLAS_CONV_SYM_ROUTINES& ConvSym, const MLAS_GEMM_QUANT_DISPATCH& Gemm)
{
    Platform.ConvSymRoutines = &ConvSym;
    Platform.ConvSymDepthwiseRoutines = &MlasConvSymDepthwiseRvv;
    Platform.GemmQuantDispatch = &Gemm;
    Platform.QuantizedU8Dispatch = &MlasQuantizedU8DispatchRvv;
    Platform.QuantizedS8Dispatch = &MlasQuantizedS8DispatchRvv;
}
