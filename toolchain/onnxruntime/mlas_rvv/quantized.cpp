/*++

Module Name:

    quantized.cpp

Abstract:

    Enters the 8-bit integer kernels.

--*/

#include "platform.h"

void
MlasRvvRegisterQuantized(MLAS_PLATFORM& Platform)
{
    Platform.ConvSymU8S8Dispatch = &MlasConvSymU8DispatchRvv;
    Platform.ConvSymS8S8Dispatch = &MlasConvSymS8DispatchRvv;
}
