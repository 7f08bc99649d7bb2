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
    Platform.GemmQuantDispatch = &MlasGemmQuantDispatchRvv;
    Platform.QuantizedU8Dispatch = &MlasQuantizedU8DispatchRvv;
    Platform.QuantizedS8Dispatch = &MlasQuantizedS8DispatchRvv;
}
