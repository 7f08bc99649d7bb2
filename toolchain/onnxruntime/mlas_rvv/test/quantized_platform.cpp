/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    quantized_platform.cpp

Abstract:

    The platform of MLAS with nothing but the kernels under test.

--*/

#include "platform.h"

#include "detect.h"

#include <string>

thread_local size_t ThreadedBufSize = 0;
thread_local std::unique_ptr<uint8_t, decltype(&free)> ThreadedBufHolder(nullptr, &free);

MLAS_PLATFORM::MLAS_PLATFORM()
{
    if (MlasRvvRegisterBytes() == 0) {
        fputs("this processor has no vector extension\n", stderr);
        exit(2);
    }

    const char* Variant = getenv("MLAS_TEST_VARIANT");
    const std::string Name = Variant == nullptr ? "wide16" : Variant;
    const bool IsWide32 = Name == "wide32";
    const bool IsIme = Name == "ime";
    const std::string WhyNot = IsIme ? MlasRvvWhyNotIme() : "";

    if (!WhyNot.empty()) {
        fprintf(stderr, "ime cannot run here, %s\n", WhyNot.c_str());
        exit(2);
    }

    MlasRvvRegisterQuantized(
        *this,
        IsWide32 ? MlasConvSymWide32Rvv : IsIme ? MlasConvSymImeRvv : Name == "packed64" ? MlasConvSymPacked64Rvv : MlasConvSymWide16Rvv,
        IsWide32 ? MlasGemmQuantWide32DispatchRvv : IsIme ? MlasGemmQuantImeDispatchRvv : MlasGemmQuantWide16DispatchRvv);
    MlasRvvRegisterMoves(*this);
}

size_t
MLASCALL
MlasNchwcGetBlockSize()
{
    return 16;
}

size_t
MLASCALL
MlasGetPreferredBufferAlignment()
{
    return MLAS_DEFAULT_PREFERRED_BUFFER_ALIGNMENT;
}
