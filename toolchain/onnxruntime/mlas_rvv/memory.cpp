/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    memory.cpp

Abstract:

    Copies and fills memory.

    Groups of eight registers move most; groups of two move what is left, as a group costs what its registers do,
    however few bytes of it are used. A group is loaded whole before it is stored, so that overlapping regions are
    copied right in one of the two directions.

--*/

#include "memory.h"

#include "rvv.h"

MLAS_RVV_BEGIN

void*
MlasRvvCopy(
    void* Target,
    const void* Source,
    size_t Bytes
    )
{
    uint8_t* d = static_cast<uint8_t*>(Target);
    const uint8_t* s = static_cast<const uint8_t*>(Source);
    const size_t Most = __riscv_vsetvlmax_e8m8();

    for (; Bytes >= Most; Bytes -= Most, s += Most, d += Most) {
        __riscv_vse8(d, __riscv_vle8_v_u8m8(s, Most), Most);
    }

    for (size_t vl; Bytes > 0; Bytes -= vl, s += vl, d += vl) {
        vl = __riscv_vsetvl_e8m2(Bytes);
        __riscv_vse8(d, __riscv_vle8_v_u8m2(s, vl), vl);
    }

    return Target;
}

void*
MlasRvvCopyBackward(
    void* Target,
    const void* Source,
    size_t Bytes
    )
{
    uint8_t* d = static_cast<uint8_t*>(Target) + Bytes;
    const uint8_t* s = static_cast<const uint8_t*>(Source) + Bytes;
    const size_t Most = __riscv_vsetvlmax_e8m8();

    for (; Bytes >= Most; Bytes -= Most) {
        s -= Most;
        d -= Most;
        __riscv_vse8(d, __riscv_vle8_v_u8m8(s, Most), Most);
    }

    for (size_t vl; Bytes > 0; Bytes -= vl) {
        vl = __riscv_vsetvl_e8m2(Bytes);
        s -= vl;
        d -= vl;
        __riscv_vse8(d, __riscv_vle8_v_u8m2(s, vl), vl);
    }

    return Target;
}

void*
MlasRvvFill(
    void* Target,
    uint8_t Value,
    size_t Bytes
    )
{
    uint8_t* d = static_cast<uint8_t*>(Target);
    const size_t Most = __riscv_vsetvlmax_e8m8();

    if (Bytes >= Most) {
        const vuint8m8_t Values = __riscv_vmv_v_x_u8m8(Value, Most);

        for (; Bytes >= Most; Bytes -= Most, d += Most) {
            __riscv_vse8(d, Values, Most);
        }
    }

    if (Bytes > 0) {
        const vuint8m2_t Values = __riscv_vmv_v_x_u8m2(Value, __riscv_vsetvlmax_e8m2());

        for (size_t vl; Bytes > 0; Bytes -= vl, d += vl) {
            vl = __riscv_vsetvl_e8m2(Bytes);
            __riscv_vse8(d, Values, vl);
        }
    }

    return Target;
}

MLAS_RVV_END
