/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    memory.h

Abstract:

    The library's own memcpy, memmove and memset.

--*/

#pragma once

#include <cstddef>
#include <cstdint>

//
// From now on the vector kernels copy and fill what is not too short for them.
//

void
MlasRvvRegisterMemory();

//
// All return the target. Forwards: regions may overlap if the target begins before the source.
//

void*
MlasRvvCopy(
    void* Target,
    const void* Source,
    size_t Bytes
    );

//
// From the end: regions may overlap if the target begins after the source.
//

void*
MlasRvvCopyBackward(
    void* Target,
    const void* Source,
    size_t Bytes
    );

void*
MlasRvvFill(
    void* Target,
    uint8_t Value,
    size_t Bytes
    );
