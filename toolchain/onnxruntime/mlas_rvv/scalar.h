/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar.h

Abstract:

    The kernels for processors without vectors.

--*/

#pragma once

#include "mlasi.h"

extern const MLAS_CONV_SYM_ROUTINES MlasConvSymScalar;
extern const MLAS_CONV_SYM_ROUTINES MlasConvSymDepthwiseScalar;
extern const MLAS_GEMM_QUANT_DISPATCH MlasGemmQuantDispatchScalar;
extern const MLAS_QUANTIZED_DISPATCH<uint8_t> MlasQuantizedU8DispatchScalar;
extern const MLAS_QUANTIZED_DISPATCH<int8_t> MlasQuantizedS8DispatchScalar;

void
MlasScalarRegisterFloat(MLAS_PLATFORM& Platform);

void
MlasScalarRegisterQuantized(MLAS_PLATFORM& Platform);
