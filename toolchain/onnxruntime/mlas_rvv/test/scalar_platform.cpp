/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_platform.cpp

Abstract:

    The platform of MLAS with the kernels for processors without vectors.

--*/

#include "scalar.h"

thread_local size_t ThreadedBufSize = 0;
thread_local std::unique_ptr<uint8_t, decltype(&free)> ThreadedBufHolder(nullptr, &free);

MLAS_PLATFORM::MLAS_PLATFORM()
{
    MlasScalarRegisterQuantized(*this);
}

size_t
MLASCALL
MlasGetPreferredBufferAlignment()
{
    return MLAS_DEFAULT_PREFERRED_BUFFER_ALIGNMENT;
}
