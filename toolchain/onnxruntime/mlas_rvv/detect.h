/*++

Module Name:

    detect.h

Abstract:

    Whether the kernels of this folder can run.

--*/

#pragma once

#include <cstddef>

// Bytes of a vector register where the processor has the vector extension 1.0 and EDGETOOL_FORCE_SCALAR is not set, else
// zero. The early draft 0.7 is not taken for it.
size_t
MlasRvvRegisterBytes();
