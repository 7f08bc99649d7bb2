/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    wide_tile.h

Abstract:

    The inner loop of convolution and matrix multiplication with 8-bit data: a tile of some rows of activations and some
    columns of weights.

    The lanes are columns. An activation, a scalar, is multiplied with a row of weights into 32-bit sums, one register
    group for each row of the tile, so that a load of weights serves all rows. Weights of 16 bits take a multiplication
    that widens, weights of 32 bits one that does not, which some processors do faster.

    A tile is as wide as four registers of sums, the last ones of a matrix two or one: an instruction costs by the
    registers that it works on, in use or not.

--*/

#pragma once

#include "rvv.h"

#include "mlasi.h"

#include <algorithm>

MLAS_RVV_BEGIN

namespace MlasRvvWideTile
{

template<size_t Lmul>
struct SUMS;

template<>
struct SUMS<1> {
    static vint32m1_t Load(const int32_t* Values, size_t vl) { return __riscv_vle32_v_i32m1(Values, vl); }
    static vint32m1_t Fill(int32_t Value, size_t vl) { return __riscv_vmv_v_x_i32m1(Value, vl); }
    static vfloat32m1_t LoadScale(const float* Values, size_t vl) { return __riscv_vle32_v_f32m1(Values, vl); }
    static vfloat32m1_t FillScale(float Value, size_t vl) { return __riscv_vfmv_v_f_f32m1(Value, vl); }
    static vint16mf2_t LoadWeights(const int16_t* Values, size_t vl) { return __riscv_vle16_v_i16mf2(Values, vl); }
    static vint32m1_t LoadWeights(const int32_t* Values, size_t vl) { return __riscv_vle32_v_i32m1(Values, vl); }
};

template<>
struct SUMS<2> {
    static vint32m2_t Load(const int32_t* Values, size_t vl) { return __riscv_vle32_v_i32m2(Values, vl); }
    static vint32m2_t Fill(int32_t Value, size_t vl) { return __riscv_vmv_v_x_i32m2(Value, vl); }
    static vfloat32m2_t LoadScale(const float* Values, size_t vl) { return __riscv_vle32_v_f32m2(Values, vl); }
    static vfloat32m2_t FillScale(float Value, size_t vl) { return __riscv_vfmv_v_f_f32m2(Value, vl); }
    static vint16m1_t LoadWeights(const int16_t* Values, size_t vl) { return __riscv_vle16_v_i16m1(Values, vl); }
    static vint32m2_t LoadWeights(const int32_t* Values, size_t vl) { return __riscv_vle32_v_i32m2(Values, vl); }
};

template<>
struct SUMS<4> {
    static vint32m4_t Load(const int32_t* Values, size_t vl) { return __riscv_vle32_v_i32m4(Values, vl); }
    static vint32m4_t Fill(int32_t Value, size_t vl) { return __riscv_vmv_v_x_i32m4(Value, vl); }
    static vfloat32m4_t LoadScale(const float* Values, size_t vl) { return __riscv_vle32_v_f32m4(Values, vl); }
    static vfloat32m4_t FillScale(float Value, size_t vl) { return __riscv_vfmv_v_f_f32m4(Value, vl); }
    static vint16m2_t LoadWeights(const int16_t* Values, size_t vl) { return __riscv_vle16_v_i16m2(Values, vl); }
    static vint32m4_t LoadWeights(const int32_t* Values, size_t vl) { return __riscv_vle32_v_i32m4(Values, vl); }
};


//
// Some columns: how many, and in how many registers of sums.
//

struct BLOCK {
    size_t Columns;
    size_t Lmul;
};

inline
BLOCK
NextBlock(size_t ColumnsRemaining)
{
    const size_t Lanes = __riscv_vsetvlmax_e32m1();
    const size_t Lmul = ColumnsRemaining > 3 * Lanes ? 4 : ColumnsRemaining > Lanes ? 2 : 1;

    return {std::min(ColumnsRemaining, Lmul * Lanes), Lmul};
}

// With four registers for the sums of each row, as many are left as the weights of two k take.
template<typename WeightType>
constexpr size_t TileRows = sizeof(WeightType) == sizeof(int16_t) ? 7 : 6;

//
// Weights that were widened before, row after row. They are loaded one row ahead: behind the last there must be room for
// another row, whose values do not matter.
//

template<typename WeightType>
struct PACKED_WEIGHTS {
    typedef WeightType Type;
    static constexpr bool LoadsAhead = true;

    const WeightType* Row;

    template<size_t Lmul>
    auto Load(size_t vl)
    {
        const WeightType* const Loaded = Row;
        Row += vl;
        return SUMS<Lmul>::LoadWeights(Loaded, vl);
    }
};

template<typename SumType, typename WeightsType>
MLAS_FORCEINLINE
SumType
MultiplyAdd(SumType Sum, int16_t Activation, WeightsType Weights, size_t vl)
{
    return __riscv_vwmacc(Sum, Activation, Weights, vl);
}

template<typename SumType, typename WeightsType>
MLAS_FORCEINLINE
SumType
MultiplyAdd(SumType Sum, int32_t Activation, WeightsType Weights, size_t vl)
{
    return __riscv_vmacc(Sum, Activation, Weights, vl);
}

//
// Activations is told of the place of the kernel, ki, and gives its rows' pointers; Output takes the sums of all rows.
//

template<size_t Lmul, size_t Rows, typename ACTIVATIONS, typename WEIGHTS, typename OUTPUT>
__attribute__((noinline))
void
MultiplyTile(const ACTIVATIONS& Activations, WEIGHTS Weights, const OUTPUT& Output, size_t vl)
{
    typedef typename WEIGHTS::Type WeightType;

    static_assert(Rows >= 1 && Rows <= TileRows<WeightType>, "sums for each row");

    // What is made for rows that are not there is dead code.
#define MLAS_RVV_FOR_ALL_ROWS(Action) \
    Action(0) Action(1) Action(2) Action(3) Action(4) Action(5) Action(6)
#define MLAS_RVV_FOR_ROW(Row, Action) \
    if constexpr (Rows > Row) { Action(Row) }
#define MLAS_RVV_FOR_ROWS(Action) \
    MLAS_RVV_FOR_ROW(0, Action) MLAS_RVV_FOR_ROW(1, Action) MLAS_RVV_FOR_ROW(2, Action) MLAS_RVV_FOR_ROW(3, Action) \
    MLAS_RVV_FOR_ROW(4, Action) MLAS_RVV_FOR_ROW(5, Action) MLAS_RVV_FOR_ROW(6, Action)
#define MLAS_RVV_START_ROW(Row) \
    auto Sum##Row = Bias;
#define MLAS_RVV_POINT_AT_ROW(Row) \
    const auto* Pointer##Row = Row < Rows ? Activations.Pixel(Row, ki) : nullptr;
#define MLAS_RVV_MULTIPLY_ROW(Row) \
    Sum##Row = MultiplyAdd(Sum##Row, static_cast<WeightType>(Pointer##Row[k]), Values, vl);
#define MLAS_RVV_FINISH_ROW(Row) \
    __asm__ volatile("" : "+vr"(Sum##Row));
#define MLAS_RVV_ADVANCE_ROW(Row) \
    Pointer##Row += UnrollK;
#define MLAS_RVV_MULTIPLY \
    if constexpr (WEIGHTS::LoadsAhead) { \
        auto Next = Weights.template Load<Lmul>(vl); \
        MLAS_RVV_FOR_ROWS(MLAS_RVV_MULTIPLY_ROW) \
        MLAS_RVV_FOR_ROWS(MLAS_RVV_FINISH_ROW) \
        /* The next activations are loaded when these are done with: there is no register for more. */ \
        __asm__ volatile("" : "+vr"(Next) : : "memory"); \
        Values = Next; \
    } else { \
        Values = Weights.template Load<Lmul>(vl); \
        MLAS_RVV_FOR_ROWS(MLAS_RVV_MULTIPLY_ROW) \
        MLAS_RVV_FOR_ROWS(MLAS_RVV_FINISH_ROW) \
    }

    constexpr size_t UnrollK = 4;

    const auto Bias = Output.template Start<Lmul>(vl);

    MLAS_RVV_FOR_ALL_ROWS(MLAS_RVV_START_ROW)

    decltype(Weights.template Load<Lmul>(vl)) Values;

    if constexpr (WEIGHTS::LoadsAhead) {
        Values = Weights.template Load<Lmul>(vl);
    }

    for (size_t ki = 0; ki < Activations.KernelSize; ki++) {

        MLAS_RVV_FOR_ALL_ROWS(MLAS_RVV_POINT_AT_ROW)

        size_t Remaining = Activations.InputChannels;

        for (; Remaining >= UnrollK; Remaining -= UnrollK) {

            #pragma GCC unroll 4
            for (size_t k = 0; k < UnrollK; k++) {
                MLAS_RVV_MULTIPLY
            }

            MLAS_RVV_FOR_ROWS(MLAS_RVV_ADVANCE_ROW)
        }

        for (size_t k = 0; k < Remaining; k++) {
            MLAS_RVV_MULTIPLY
        }
    }

    Output.template Store<Lmul, Rows>(vl, Sum0, Sum1, Sum2, Sum3, Sum4, Sum5, Sum6);

#undef MLAS_RVV_MULTIPLY
#undef MLAS_RVV_ADVANCE_ROW
#undef MLAS_RVV_FINISH_ROW
#undef MLAS_RVV_MULTIPLY_ROW
#undef MLAS_RVV_POINT_AT_ROW
#undef MLAS_RVV_START_ROW
#undef MLAS_RVV_FOR_ROWS
#undef MLAS_RVV_FOR_ROW
#undef MLAS_RVV_FOR_ALL_ROWS
}

//
// A block's columns, for any number of rows.
//

template<size_t Lmul, typename ACTIVATIONS, typename WEIGHTS, typename OUTPUT>
void
MultiplyRows(const ACTIVATIONS& Activations, const WEIGHTS& Weights, const OUTPUT& Output, size_t RowCount, size_t vl)
{
    constexpr size_t Tile = TileRows<typename WEIGHTS::Type>;

    for (size_t Row = 0; Row < RowCount; Row += Tile) {

        const ACTIVATIONS a = Activations.From(Row);
        const OUTPUT o = Output.From(Row);

        switch (RowCount - Row) {
            case 1: MultiplyTile<Lmul, 1>(a, Weights, o, vl); break;
            case 2: MultiplyTile<Lmul, 2>(a, Weights, o, vl); break;
            case 3: MultiplyTile<Lmul, 3>(a, Weights, o, vl); break;
            case 4: MultiplyTile<Lmul, 4>(a, Weights, o, vl); break;
            case 5: MultiplyTile<Lmul, 5>(a, Weights, o, vl); break;
            case 6: MultiplyTile<Lmul, 6>(a, Weights, o, vl); break;
            default: MultiplyTile<Lmul, Tile>(a, Weights, o, vl); break;
        }
    }
}

template<typename ACTIVATIONS, typename WEIGHTS, typename OUTPUT>
void
MultiplyBlock(
    const ACTIVATIONS& Activations, const WEIGHTS& Weights, const OUTPUT& Output, size_t RowCount, const BLOCK& Block)
{
    switch (Block.Lmul) {
        case 1: MultiplyRows<1>(Activations, Weights, Output, RowCount, Block.Columns); break;
        case 2: MultiplyRows<2>(Activations, Weights, Output, RowCount, Block.Columns); break;
        default: MultiplyRows<4>(Activations, Weights, Output, RowCount, Block.Columns); break;
    }
}

}  // namespace MlasRvvWideTile

MLAS_RVV_END
