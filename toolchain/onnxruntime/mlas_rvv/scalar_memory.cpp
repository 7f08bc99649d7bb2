/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_memory.cpp

Abstract:

    What the library calls as memcpy, memmove and memset: the linker puts __wrap_X in the place of X, in this library
    alone. Long ones go to the vector kernels, once a processor with vectors has been found. All others go to the C
    library: by version, as a compiler's own library may define the same names. Zig's does, and copies single bytes.

--*/

#include "memory.h"

#define MLAS_HIDDEN __attribute__((visibility("hidden")))

namespace
{

// A shorter one takes the C library about as long.
constexpr size_t LeastBytesOfVectors = 32;

// No vectors until they are registered: the library copies before that, and on processors without them. It changes
// once, while one thread initializes the platform, and either value is right.
size_t LeastBytes = SIZE_MAX;

size_t
ReadLeastBytes()
{
    return __atomic_load_n(&LeastBytes, __ATOMIC_RELAXED);
}

}  // namespace

extern "C" {

#if defined(__GLIBC__)
__asm__(".symver __real_memcpy, memcpy@GLIBC_2.27");
__asm__(".symver __real_memmove, memmove@GLIBC_2.27");
__asm__(".symver __real_memset, memset@GLIBC_2.27");
#endif

void* __real_memcpy(void* Target, const void* Source, size_t Bytes);
void* __real_memmove(void* Target, const void* Source, size_t Bytes);
void* __real_memset(void* Target, int Value, size_t Bytes);

MLAS_HIDDEN
void*
__wrap_memcpy(
    void* Target,
    const void* Source,
    size_t Bytes
    )
{
    if (Bytes < ReadLeastBytes()) {
        return __real_memcpy(Target, Source, Bytes);
    }

    return MlasRvvCopy(Target, Source, Bytes);
}

MLAS_HIDDEN
void*
__wrap_memmove(
    void* Target,
    const void* Source,
    size_t Bytes
    )
{
    if (Bytes < ReadLeastBytes()) {
        return __real_memmove(Target, Source, Bytes);
    }

    // A target before the source counts as far behind it: the difference has no sign.
    if (reinterpret_cast<uintptr_t>(Target) - reinterpret_cast<uintptr_t>(Source) >= Bytes) {
        return MlasRvvCopy(Target, Source, Bytes);
    }

    return MlasRvvCopyBackward(Target, Source, Bytes);
}

MLAS_HIDDEN
void*
__wrap_memset(
    void* Target,
    int Value,
    size_t Bytes
    )
{
    if (Bytes < ReadLeastBytes()) {
        return __real_memset(Target, Value, Bytes);
    }

    return MlasRvvFill(Target, static_cast<uint8_t>(Value), Bytes);
}

}  // extern "C"

void
MlasRvvRegisterMemory()
{
    __atomic_store_n(&LeastBytes, LeastBytesOfVectors, __ATOMIC_RELAXED);
}
