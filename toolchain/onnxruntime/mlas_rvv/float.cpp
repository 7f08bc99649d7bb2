/*++

Module Name:

    float.cpp

Abstract:

    Enters the single precision kernels.

--*/

#include "platform.h"

void
MlasRvvRegisterFloat(MLAS_PLATFORM& Platform)
{
    MLAS_UNREFERENCED_PARAMETER(Platform);
}
