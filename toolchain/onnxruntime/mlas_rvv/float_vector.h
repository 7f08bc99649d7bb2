/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_vector.h

Abstract:

    What the single precision kernels share: the vector type of a register group, and a way to have a number of such
    groups as named registers, since arrays of them do not exist.

--*/

#pragma once

#include "rvv.h"

#include <atomic>
#include <cstddef>
#include <cstdint>

#if defined(__clang__)
#define MLAS_RVV_UNROLL _Pragma("clang loop unroll(full)")
#else
#define MLAS_RVV_UNROLL _Pragma("GCC unroll 64")
#endif

#define MLAS_RVV_INLINE __attribute__((always_inline)) inline

//
// MLAS gives strides in bytes, and steps before the start of a buffer in rows that begin with padding.
//

static MLAS_RVV_INLINE
const float*
MlasRvvAdvance(
    const float* Address,
    size_t Bytes
    )
{
    return reinterpret_cast<const float*>(reinterpret_cast<uintptr_t>(Address) + Bytes);
}

static MLAS_RVV_INLINE
float*
MlasRvvAdvance(
    float* Address,
    size_t Bytes
    )
{
    return reinterpret_cast<float*>(reinterpret_cast<uintptr_t>(Address) + Bytes);
}

static MLAS_RVV_INLINE
size_t
MlasRvvDistance(
    const float* From,
    const float* To
    )
{
    return reinterpret_cast<uintptr_t>(To) - reinterpret_cast<uintptr_t>(From);
}

static MLAS_RVV_INLINE
bool
MlasRvvIsInside(
    const float* Address,
    const float* Base,
    size_t Bytes
    )
{
    return MlasRvvDistance(Base, Address) < Bytes;
}

MLAS_RVV_BEGIN

//
// A group of Lmul registers of which Lanes elements are used.
//
// Into and the like write a named register. They are the tail-undisturbed forms of their instructions, though there is
// no tail that matters: otherwise the compiler exchanges the roles of sums and factors where a kernel uses nearly all
// registers, which costs moves or even spills. All of a loop's instructions should then be of these, as a change of the
// tail policy is an instruction of its own.
//

template<size_t Lmul, size_t Lanes>
struct MLAS_RVV_FLOAT;

#define MLAS_RVV_FLOAT_OF_LMUL(Lmul)                                                                            \
    template<size_t Lanes>                                                                                      \
    struct MLAS_RVV_FLOAT<Lmul, Lanes> {                                                                        \
        static constexpr size_t Count = Lanes;                                                                  \
        using Vector = vfloat32m##Lmul##_t;                                                                     \
        static MLAS_RVV_INLINE Vector Load(const float* Source)                                                 \
        {                                                                                                       \
            return __riscv_vle32_v_f32m##Lmul(Source, Lanes);                                                   \
        }                                                                                                       \
        static MLAS_RVV_INLINE Vector Broadcast(float Value)                                                    \
        {                                                                                                       \
            return __riscv_vfmv_v_f_f32m##Lmul(Value, Lanes);                                                   \
        }                                                                                                       \
        static MLAS_RVV_INLINE void LoadInto(Vector& Target, const float* Source)                               \
        {                                                                                                       \
            Target = __riscv_vle32_tu(Target, Source, Lanes);                                                   \
        }                                                                                                       \
        static MLAS_RVV_INLINE void MultiplyAddInto(Vector& Sum, float Factor, const Vector& Other)             \
        {                                                                                                       \
            Sum = __riscv_vfmacc_tu(Sum, Factor, Other, Lanes);                                                 \
        }                                                                                                       \
        static MLAS_RVV_INLINE void MultiplyAddInto(Vector& Sum, const Vector& Factor, const Vector& Other)     \
        {                                                                                                       \
            Sum = __riscv_vfmacc_tu(Sum, Factor, Other, Lanes);                                                 \
        }                                                                                                       \
        static MLAS_RVV_INLINE void AddMemory(Vector& Sum, const float* Source, size_t Length)                  \
        {                                                                                                       \
            Sum = __riscv_vfadd(Sum, __riscv_vle32_v_f32m##Lmul(Source, Length), Length);                       \
        }                                                                                                       \
        static MLAS_RVV_INLINE void ClampInto(Vector& Value, float Minimum, float Maximum)                      \
        {                                                                                                       \
            Value = __riscv_vfmax_tu(Value, Value, Minimum, Lanes);                                             \
            Value = __riscv_vfmin_tu(Value, Value, Maximum, Lanes);                                             \
        }                                                                                                       \
    }

MLAS_RVV_FLOAT_OF_LMUL(1);
MLAS_RVV_FLOAT_OF_LMUL(2);
MLAS_RVV_FLOAT_OF_LMUL(4);

#undef MLAS_RVV_FLOAT_OF_LMUL

//
// Calls Tile.Run with Tile::RegisterGroups vectors by reference. All is inlined, so that each becomes a register group.
//

template<typename Tile, typename... Vectors>
static MLAS_RVV_INLINE
void
MlasRvvWithRegisters(
    Tile& Work,
    Vectors&... Registers
    )
{
    if constexpr (sizeof...(Vectors) == Tile::RegisterGroups) {
        Work.Run(Registers...);
    } else {
        typename Tile::Vector Next;
        MlasRvvWithRegisters(Work, Registers..., Next);
    }
}

//
// The step that convolutions and matrix products are made of. For element k: a scalar of each row times a vector of
// each panel, added to Panels x Rows sums, those of the first panel first.
//

template<typename Float, size_t Panels, size_t Rows>
struct MLAS_RVV_OUTER_PRODUCT {
    using Vector = typename Float::Vector;

    //
    // Panels take turns in two registers, so that one is loaded while the other is in use.
    //

    static MLAS_RVV_INLINE
    Vector&
    Turn(
        size_t Panel,
        Vector& Even,
        Vector& Odd
        )
    {
        return Panel % 2 == 0 ? Even : Odd;
    }

    template<typename... Vectors>
    static MLAS_RVV_INLINE
    void
    Add(
        const float* const (&Scalars)[Rows],
        const float* const (&Factors)[Panels],
        size_t k,
        Vector& Even,
        Vector& Odd,
        Vectors&... Sums
        )
    {
        static_assert(sizeof...(Sums) == Panels * Rows);

        //
        // Keeps the compiler from loading ahead, for which no register is left.
        //

        std::atomic_signal_fence(std::memory_order_seq_cst);

        float Values[Rows];

        for (size_t r = 0; r < Rows; r++) {
            Values[r] = Scalars[r][k];
        }

        size_t n = 0;

        ((n % Rows == 0 ? Float::LoadInto(Turn(n / Rows, Even, Odd), Factors[n / Rows] + k * Float::Count) : void(),
          Float::MultiplyAddInto(Sums, Values[n % Rows], Turn(n / Rows, Even, Odd)),
          n++),
         ...);
    }
};

MLAS_RVV_END
