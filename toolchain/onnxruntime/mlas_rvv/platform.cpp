/*++

Module Name:

    platform.cpp

Abstract:

    Puts the vector kernels into MLAS's dispatch tables, and tells which are used.

--*/

#include "platform.h"

#include "detect.h"

#include <cstdio>

void
MLASCALL
MlasPlatformInitializeRvv(MLAS_PLATFORM& Platform)
{
    if (MlasRvvRegisterBytes() == 0) {
        return;
    }

    MlasRvvRegisterFloat(Platform);
    MlasRvvRegisterQuantized(Platform);
}

// For whoever measures: the kernels that this process uses, as "scalar" or "rvv vlen=256".
extern "C" __attribute__((visibility("default")))
const char*
EdgetoolKernels()
{
    static char Text[32];
    static const int Length = MlasRvvRegisterBytes() == 0
        ? snprintf(Text, sizeof(Text), "scalar")
        : snprintf(Text, sizeof(Text), "rvv vlen=%zu", MlasRvvRegisterBytes() * 8);

    return Length > 0 ? Text : "";
}
