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
    MLAS_UNREFERENCED_PARAMETER(Platform);
}
