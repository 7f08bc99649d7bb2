/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    moves.cpp

Abstract:

    Transposes a matrix, looks up bytes in a table and gathers elements by their index.

    A transposition goes through segments: up to eight registers are rows of one matrix, and a segment is what lies side
    by side in the other. The longer side of the matrix fills the registers. Segments that touch each other take the
    instruction without a stride, which processors do faster.

--*/

#include "platform.h"

#include "rvv.h"

#include <algorithm>
#include <utility>

MLAS_RVV_BEGIN

namespace
{

//
// Fields registers of elements of a type: their segments are loaded and stored, or each register by itself.
//

template<typename T, size_t Fields>
struct SEGMENTS;

#define MLAS_RVV_SEGMENTS(Bits, Fields)                                                                         \
    template<>                                                                                                  \
    struct SEGMENTS<uint##Bits##_t, Fields> {                                                                   \
        using T = uint##Bits##_t;                                                                               \
        using Tuple = vuint##Bits##m1x##Fields##_t;                                                             \
        static Tuple Load(const T* Source, size_t vl)                                                           \
        {                                                                                                       \
            return __riscv_vlseg##Fields##e##Bits##_v_u##Bits##m1x##Fields(Source, vl);                         \
        }                                                                                                       \
        static Tuple Load(const T* Source, ptrdiff_t Bytes, size_t vl)                                          \
        {                                                                                                       \
            return __riscv_vlsseg##Fields##e##Bits##_v_u##Bits##m1x##Fields(Source, Bytes, vl);                 \
        }                                                                                                       \
        static void Store(T* Target, Tuple Values, size_t vl)                                                   \
        {                                                                                                       \
            __riscv_vsseg##Fields##e##Bits(Target, Values, vl);                                                 \
        }                                                                                                       \
        static void Store(T* Target, ptrdiff_t Bytes, Tuple Values, size_t vl)                                  \
        {                                                                                                       \
            __riscv_vssseg##Fields##e##Bits(Target, Bytes, Values, vl);                                         \
        }                                                                                                       \
        template<size_t... Field>                                                                               \
        static void LoadRows(Tuple& Values, const T* s, size_t Stride, size_t vl, std::index_sequence<Field...>)\
        {                                                                                                       \
            ((Values = __riscv_vset(                                                                            \
                  Values, Field, __riscv_vle##Bits##_v_u##Bits##m1(s + Field * Stride, vl))), ...);             \
        }                                                                                                       \
        template<size_t... Field>                                                                               \
        static void StoreRows(Tuple Values, T* d, size_t Stride, size_t vl, std::index_sequence<Field...>)      \
        {                                                                                                       \
            (__riscv_vse##Bits(d + Field * Stride, __riscv_vget_u##Bits##m1(Values, Field), vl), ...);          \
        }                                                                                                       \
    }
#define MLAS_RVV_ALL_SEGMENTS(Bits)                                                                             \
    MLAS_RVV_SEGMENTS(Bits, 2);                                                                                 \
    MLAS_RVV_SEGMENTS(Bits, 3);                                                                                 \
    MLAS_RVV_SEGMENTS(Bits, 4);                                                                                 \
    MLAS_RVV_SEGMENTS(Bits, 5);                                                                                 \
    MLAS_RVV_SEGMENTS(Bits, 6);                                                                                 \
    MLAS_RVV_SEGMENTS(Bits, 7);                                                                                 \
    MLAS_RVV_SEGMENTS(Bits, 8)

MLAS_RVV_ALL_SEGMENTS(8);
MLAS_RVV_ALL_SEGMENTS(16);
MLAS_RVV_ALL_SEGMENTS(32);

#undef MLAS_RVV_ALL_SEGMENTS
#undef MLAS_RVV_SEGMENTS

//
// The vl for elements of a type, and single rows.
//

#define MLAS_RVV_ELEMENTS(Bits)                                                                                 \
    inline size_t VectorLength(const uint##Bits##_t*, size_t N) { return __riscv_vsetvl_e##Bits##m1(N); }       \
    inline void Gather(const uint##Bits##_t* s, ptrdiff_t Bytes, uint##Bits##_t* d, size_t vl)                  \
    {                                                                                                           \
        __riscv_vse##Bits(d, __riscv_vlse##Bits##_v_u##Bits##m1(s, Bytes, vl), vl);                             \
    }                                                                                                           \
    inline void Scatter(const uint##Bits##_t* s, uint##Bits##_t* d, ptrdiff_t Bytes, size_t vl)                 \
    {                                                                                                           \
        __riscv_vsse##Bits(d, Bytes, __riscv_vle##Bits##_v_u##Bits##m1(s, vl), vl);                             \
    }

MLAS_RVV_ELEMENTS(8)
MLAS_RVV_ELEMENTS(16)
MLAS_RVV_ELEMENTS(32)

#undef MLAS_RVV_ELEMENTS

//
// Fields rows of the input of any length become columns of the output.
//

template<size_t Fields, typename T>
void
RowsToColumns(const T* Input, size_t InputStride, T* Output, size_t OutputStride, size_t N)
{
    const ptrdiff_t Bytes = static_cast<ptrdiff_t>(OutputStride * sizeof(T));

    for (size_t vl; N > 0; N -= vl, Input += vl, Output += vl * OutputStride) {

        vl = VectorLength(Input, N);

        if constexpr (Fields == 1) {
            Scatter(Input, Output, Bytes, vl);
        } else {
            using Segments = SEGMENTS<T, Fields>;
            typename Segments::Tuple Values{};

            Segments::LoadRows(Values, Input, InputStride, vl, std::make_index_sequence<Fields>());

            if (OutputStride == Fields) {
                Segments::Store(Output, Values, vl);
            } else {
                Segments::Store(Output, Bytes, Values, vl);
            }
        }
    }
}

//
// Fields columns of the input of any length become rows of the output.
//

template<size_t Fields, typename T>
void
ColumnsToRows(const T* Input, size_t InputStride, T* Output, size_t OutputStride, size_t M)
{
    const ptrdiff_t Bytes = static_cast<ptrdiff_t>(InputStride * sizeof(T));

    for (size_t vl; M > 0; M -= vl, Input += vl * InputStride, Output += vl) {

        vl = VectorLength(Input, M);

        if constexpr (Fields == 1) {
            Gather(Input, Bytes, Output, vl);
        } else {
            using Segments = SEGMENTS<T, Fields>;
            const typename Segments::Tuple Values =
                InputStride == Fields ? Segments::Load(Input, vl) : Segments::Load(Input, Bytes, vl);

            Segments::StoreRows(Values, Output, OutputStride, vl, std::make_index_sequence<Fields>());
        }
    }
}

//
// Calls Action with the number of fields, a constant.
//

template<typename ACTION>
void
WithFields(size_t Fields, ACTION Action)
{
    switch (Fields) {
        case 1: Action(std::integral_constant<size_t, 1>()); break;
        case 2: Action(std::integral_constant<size_t, 2>()); break;
        case 3: Action(std::integral_constant<size_t, 3>()); break;
        case 4: Action(std::integral_constant<size_t, 4>()); break;
        case 5: Action(std::integral_constant<size_t, 5>()); break;
        case 6: Action(std::integral_constant<size_t, 6>()); break;
        case 7: Action(std::integral_constant<size_t, 7>()); break;
        default: Action(std::integral_constant<size_t, 8>()); break;
    }
}

//
// Output[n][m] = Input[m][n] for M x N elements.
//

template<typename T>
void
MLASCALL
Transpose(
    const T* Input,
    size_t InputStride,
    T* Output,
    size_t OutputStride,
    size_t M,
    size_t N
    )
{
    constexpr size_t MostFields = 8;

    if (N >= M) {
        for (size_t m = 0; m < M; m += MostFields) {
            WithFields(std::min(M - m, MostFields), [&](auto Fields) {
                RowsToColumns<Fields>(Input + m * InputStride, InputStride, Output + m, OutputStride, N);
            });
        }
    } else {
        for (size_t n = 0; n < N; n += MostFields) {
            WithFields(std::min(N - n, MostFields), [&](auto Fields) {
                ColumnsToRows<Fields>(Input + n, InputStride, Output + n * OutputStride, OutputStride, M);
            });
        }
    }
}

void
MLASCALL
Lookup(
    const uint8_t* Input,
    const uint8_t* Table,
    uint8_t* Output,
    size_t N
    )
{
    for (size_t vl; N > 0; N -= vl, Input += vl, Output += vl) {

        vl = __riscv_vsetvl_e8m4(N);

        const vuint8m4_t Index = __riscv_vle8_v_u8m4(Input, vl);
        __riscv_vse8(Output, __riscv_vluxei8_v_u8m4(Table, Index, vl), vl);
    }
}

void
MLASCALL
GatherU8(
    const uint8_t* Input,
    const uint32_t* Index,
    uint8_t* Output,
    size_t N
    )
{
    for (size_t n = 0, vl; n < N; n += vl) {

        vl = __riscv_vsetvl_e8m2(N - n);

        __riscv_vse8(Output + n, __riscv_vluxei32_v_u8m2(Input, __riscv_vle32_v_u32m8(Index + n, vl), vl), vl);
    }
}

void
MLASCALL
GatherU32(
    const uint32_t* Input,
    const uint32_t* Index,
    uint32_t* Output,
    size_t N
    )
{
    for (size_t n = 0, vl; n < N; n += vl) {

        vl = __riscv_vsetvl_e32m8(N - n);

        const vuint32m8_t Offset = __riscv_vsll(__riscv_vle32_v_u32m8(Index + n, vl), 2, vl);

        __riscv_vse32(Output + n, __riscv_vluxei32_v_u32m8(Input, Offset, vl), vl);
    }
}

}  // namespace

MLAS_RVV_END

void
MlasRvvRegisterMoves(MLAS_PLATFORM& Platform)
{
    Platform.TransposeU8Kernel = Transpose<uint8_t>;
    Platform.TransposeU16Kernel = Transpose<uint16_t>;
    Platform.TransposeU32Kernel = Transpose<uint32_t>;
    Platform.LookupU8Kernel = Lookup;
    Platform.GatherU8Kernel = GatherU8;
    Platform.GatherU32Kernel = GatherU32;
}
