/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    detect.h

Abstract:

    What the processor says of itself, whether it has the vector extension 1.0 and whose it is, and what is tried on it.

--*/

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

//
// The ids of the processor's machine registers mvendorid, marchid and mimpid, where all harts have the same ones and the
// kernel tells.
//

struct MLAS_RISCV_PROCESSOR_IDS {
    bool Known;
    uint64_t Vendor;
    uint64_t Architecture;
    uint64_t Implementation;
};

MLAS_RISCV_PROCESSOR_IDS
MlasRiscvProcessorIds();

//
// Bytes of a vector register where the processor has the vector extension 1.0, else zero. The early draft 0.7 is not
// taken for it.
//

size_t
MlasRvvRegisterBytes();

//
// Whether vectors of half precision can be computed with: Zvfh, which the kernel tells of by riscv_hwprobe(2) alone.
//

bool
MlasRvvHasHalf();

//
// Why 8-bit kernels of SpacemiT's integer matrix extension cannot run on every CPU that this process may run on; empty
// where they can. The CPUs are tried, in a few microseconds each.
//

std::string
MlasRvvWhyNotIme();
