/*++

Module Name:

    quantized_platform.cpp

Abstract:

    The platform of MLAS with nothing but the kernels under test.

--*/

#include "platform.h"

#include "detect.h"

thread_local size_t ThreadedBufSize = 0;
thread_local std::unique_ptr<uint8_t, decltype(&free)> ThreadedBufHolder(nullptr, &free);

MLAS_PLATFORM::MLAS_PLATFORM()
{
    if (MlasRvvRegisterBytes() == 0) {
        fputs("this processor has no vector extension\n", stderr);
        exit(2);
    }

    MlasRvvRegisterQuantized(*this);
}

size_t
MLASCALL
MlasGetPreferredBufferAlignment()
{
    return MLAS_DEFAULT_PREFERRED_BUFFER_ALIGNMENT;
}
