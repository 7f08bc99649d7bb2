/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    half_vector.h

Abstract:

    What the half precision kernels share: the vector type of a register group, and a way to have a number of such groups
    as named registers. See float_vector.h.

--*/

#pragma once

#include "rvv.h"

#include <cstddef>
#include <cstdint>

#if defined(__clang__)
#define MLAS_RVV_HALF_UNROLL _Pragma("clang loop unroll(full)")
#else
#define MLAS_RVV_HALF_UNROLL _Pragma("GCC unroll 64")
#endif

#define MLAS_RVV_HALF_INLINE __attribute__((always_inline)) inline

MLAS_RVV_HALF_BEGIN

//
// Numbers in memory that others see as bits.
//

using MLAS_RVV_HALF_NUMBER = _Float16 __attribute__((may_alias));

static MLAS_RVV_HALF_INLINE
const _Float16*
MlasRvvHalfNumbers(const uint16_t* Bits)
{
    return reinterpret_cast<const _Float16*>(Bits);
}

static MLAS_RVV_HALF_INLINE
_Float16*
MlasRvvHalfNumbers(uint16_t* Bits)
{
    return reinterpret_cast<_Float16*>(Bits);
}

static MLAS_RVV_HALF_INLINE
_Float16
MlasRvvHalfScalar(const uint16_t* Bits)
{
    return *reinterpret_cast<const MLAS_RVV_HALF_NUMBER*>(Bits);
}

template<size_t Lmul>
struct MLAS_RVV_HALF;

#define MLAS_RVV_HALF_OF_LMUL(Lmul)                                                                             \
    template<>                                                                                                  \
    struct MLAS_RVV_HALF<Lmul> {                                                                                \
        using Vector = vfloat16m##Lmul##_t;                                                                     \
        static MLAS_RVV_HALF_INLINE size_t Length(size_t Wanted)                                                \
        {                                                                                                       \
            return __riscv_vsetvl_e16m##Lmul(Wanted);                                                           \
        }                                                                                                       \
        static MLAS_RVV_HALF_INLINE Vector Load(const uint16_t* Source, size_t vl)                              \
        {                                                                                                       \
            return __riscv_vle16_v_f16m##Lmul(MlasRvvHalfNumbers(Source), vl);                                  \
        }                                                                                                       \
        static MLAS_RVV_HALF_INLINE Vector Broadcast(float Value, size_t vl)                                    \
        {                                                                                                       \
            return __riscv_vfmv_v_f_f16m##Lmul(static_cast<_Float16>(Value), vl);                               \
        }                                                                                                       \
        static MLAS_RVV_HALF_INLINE void LoadInto(Vector& Target, const uint16_t* Source, size_t vl)            \
        {                                                                                                       \
            Target = __riscv_vle16_tu(Target, MlasRvvHalfNumbers(Source), vl);                                  \
        }                                                                                                       \
        static MLAS_RVV_HALF_INLINE void MultiplyAddInto(Vector& Sum, _Float16 Factor, const Vector& Other, size_t vl) \
        {                                                                                                       \
            Sum = __riscv_vfmacc_tu(Sum, Factor, Other, vl);                                                    \
        }                                                                                                       \
        static MLAS_RVV_HALF_INLINE void MultiplyAddInto(Vector& Sum, const Vector& Factor, const Vector& Other, size_t vl) \
        {                                                                                                       \
            Sum = __riscv_vfmacc_tu(Sum, Factor, Other, vl);                                                    \
        }                                                                                                       \
        static MLAS_RVV_HALF_INLINE Vector Clamp(Vector Value, _Float16 Minimum, _Float16 Maximum, size_t vl)   \
        {                                                                                                       \
            return __riscv_vfmin(__riscv_vfmax(Value, Minimum, vl), Maximum, vl);                               \
        }                                                                                                       \
    }

MLAS_RVV_HALF_OF_LMUL(1);
MLAS_RVV_HALF_OF_LMUL(2);
MLAS_RVV_HALF_OF_LMUL(4);

#undef MLAS_RVV_HALF_OF_LMUL

//
// Calls Work.Run with RegisterGroups vectors by reference. All is inlined, so that each becomes a register group.
//

template<typename Tile, typename... Vectors>
static MLAS_RVV_HALF_INLINE
void
MlasRvvHalfWithRegisters(
    const Tile& Work,
    Vectors&... Registers
    )
{
    if constexpr (sizeof...(Vectors) == Tile::RegisterGroups) {
        Work.Run(Registers...);
    } else {
        typename Tile::Vector Next;
        MlasRvvHalfWithRegisters(Work, Registers..., Next);
    }
}

MLAS_RVV_HALF_END
