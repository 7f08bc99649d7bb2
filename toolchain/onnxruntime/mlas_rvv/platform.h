/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    platform.h

Abstract:

    The variants of the RISC-V kernels, and how each enters MLAS's dispatch tables.

--*/

#pragma once

#include "mlasi.h"

#include <string>

//
// Kernels that can take the place of the portable code. Which is the fastest is a matter of the processor.
//

struct MLAS_RISCV_VARIANT {
    const char* Name;
    bool NeedsVector;
    std::string (*WhyNot)();  // why it cannot run where vectors do, empty if it can; null if it always can
    void (*Register)(MLAS_PLATFORM& Platform);
};

//
// The variant called so, or null.
//

const MLAS_RISCV_VARIANT*
MlasRiscvFindVariant(
    const char* Name
    );

//
// The variant that this process uses: it never changes.
//

const MLAS_RISCV_VARIANT&
MlasRiscvSelectVariant();

void
MlasRvvRegisterFloat(MLAS_PLATFORM& Platform);

void
MlasRvvRegisterQuantized(
    MLAS_PLATFORM& Platform,
    const MLAS_CONV_SYM_ROUTINES& ConvSym,
    const MLAS_GEMM_QUANT_DISPATCH& Gemm
    );

void
MlasRvvRegisterMoves(MLAS_PLATFORM& Platform);

//
// For processors with Zvfh: see MlasRvvHasHalf.
//

void
MlasRvvRegisterHalf(MLAS_PLATFORM& Platform);
