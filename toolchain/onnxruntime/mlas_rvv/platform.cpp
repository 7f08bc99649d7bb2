/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    platform.cpp

Abstract:

    Puts the kernels of a variant into MLAS's dispatch tables.

--*/

#include "platform.h"

#include "detect.h"
#include "memory.h"
#include "scalar.h"

#include <cstring>

namespace
{

void
RegisterPortable(MLAS_PLATFORM&)
{
    // MLAS's own code is there already.
}

template<const MLAS_CONV_SYM_ROUTINES& ConvSym, const MLAS_GEMM_QUANT_DISPATCH& Gemm>
void
RegisterVector(MLAS_PLATFORM& Platform)
{
    MlasRvvRegisterFloat(Platform);
    MlasRvvRegisterQuantized(Platform, ConvSym, Gemm);
    MlasRvvRegisterMoves(Platform);
    MlasRvvRegisterMemory();

    if (MlasRvvHasHalf()) {
        MlasRvvRegisterHalf(Platform);
    }
}

void
RegisterTiled(MLAS_PLATFORM& Platform)
{
    MlasScalarRegisterFloat(Platform);
    MlasScalarRegisterQuantized(Platform);
}

const MLAS_RISCV_VARIANT Variants[] = {
    {"portable", false, nullptr, RegisterPortable},
    {"tiled", false, nullptr, RegisterTiled},
    {"wide16", true, nullptr, RegisterVector<MlasConvSymWide16Rvv, MlasGemmQuantWide16DispatchRvv>},
    {"wide32", true, nullptr, RegisterVector<MlasConvSymWide32Rvv, MlasGemmQuantWide32DispatchRvv>},
    {"packed64", true, nullptr, RegisterVector<MlasConvSymPacked64Rvv, MlasGemmQuantWide16DispatchRvv>},
    {"ime", true, MlasRvvWhyNotIme, RegisterVector<MlasConvSymImeRvv, MlasGemmQuantImeDispatchRvv>},
};

}  // namespace

const MLAS_RISCV_VARIANT*
MlasRiscvFindVariant(
    const char* Name
    )
{
    for (const MLAS_RISCV_VARIANT& Variant : Variants) {
        if (strcmp(Variant.Name, Name) == 0) {
            return &Variant;
        }
    }

    return nullptr;
}

void
MLASCALL
MlasPlatformInitializeRvv(MLAS_PLATFORM& Platform)
{
    MlasRiscvSelectVariant().Register(Platform);
}
