/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    qgemm.cpp

Abstract:

    Quantized integer matrix multiplication, for both signs of both matrices.

    The columns of matrix B are the lanes. They are widened, less their zero points, some at a time for all rows of A; the
    zero point of A is multiplied with the sums of the columns. Few rows take the columns as they are loaded, and are
    copied less their zero point instead.

    Nothing is gained from packing matrix B, but operators that have it transposed do that only once when it can be packed:
    MlasGemmPackB hands out blocks of 128 columns, whose rows are copied as they are.

--*/

#include "requantize.h"
#include "wide_tile.h"

#include "qgemm.h"

#include <cassert>

using namespace MlasRvvWideTile;

MLAS_RVV_BEGIN

namespace
{

// MlasGemmPackB's.
constexpr size_t PackedBlockN = 128;
// So few rows that a copy of the columns would be read once.
constexpr size_t FewRows = TileRows<int16_t>;

//
// Columns of B: where they are, how far from row to row, and how many have that in common.
//

struct COLUMNS {
    const uint8_t* B;
    size_t ldb;
    size_t Count;
};

COLUMNS
FindColumns(const MLAS_GEMM_QUANT_SHAPE_PARAMS& Shape, const MLAS_GEMM_QUANT_DATA_PARAMS& Data, size_t n, size_t CountN)
{
    const uint8_t* B = static_cast<const uint8_t*>(Data.B);

    if (!Data.BIsPacked) {
        return {B + n, Data.ldb, CountN};
    }

    // Sums of columns, which are not used here, are before the blocks.
    const size_t AlignedN = MlasDivRoundup(Shape.N, MLAS_QGEMM_STRIDEN_THREAD_ALIGN) * MLAS_QGEMM_STRIDEN_THREAD_ALIGN;
    const size_t BlockStart = n / PackedBlockN * PackedBlockN;
    const size_t BlockN = std::min(Shape.N - BlockStart, PackedBlockN);
    const size_t Offset = n - BlockStart;

    return {B + AlignedN * sizeof(int32_t) + BlockStart * Shape.K + Offset, BlockN, std::min(CountN, BlockN - Offset)};
}

void
CopyPackB(
    uint8_t* D,
    const uint8_t* B,
    size_t ldb,
    size_t CountN,
    size_t CountK,
    int32_t* ColumnSumBuffer,
    bool BIsSigned
    )
{
    MLAS_UNREFERENCED_PARAMETER(BIsSigned);

    std::fill_n(ColumnSumBuffer, CountN, 0);

    for (size_t k = 0; k < CountK; k++) {
        std::copy_n(B + k * ldb, CountN, D + k * CountN);
    }
}

template<typename T>
MLAS_FORCEINLINE
vint16m2_t
LoadWide(const uint8_t* Input, T ZeroPoint, size_t vl)
{
    if constexpr (std::is_signed<T>::value) {
        return __riscv_vwsub_vx_i16m2(__riscv_vle8_v_i8m1(reinterpret_cast<const int8_t*>(Input), vl), ZeroPoint, vl);
    } else {
        return __riscv_vreinterpret_v_u16m2_i16m2(
            __riscv_vwsubu_vx_u16m2(__riscv_vle8_v_u8m1(Input, vl), ZeroPoint, vl));
    }
}

template<typename T>
MLAS_FORCEINLINE
vint16m2_t
LoadWideByColumn(const uint8_t* Input, const uint8_t* ZeroPoints, size_t vl)
{
    if constexpr (std::is_signed<T>::value) {
        return __riscv_vwsub_vv_i16m2(
            __riscv_vle8_v_i8m1(reinterpret_cast<const int8_t*>(Input), vl),
            __riscv_vle8_v_i8m1(reinterpret_cast<const int8_t*>(ZeroPoints), vl),
            vl);
    } else {
        return __riscv_vreinterpret_v_u16m2_i16m2(
            __riscv_vwsubu_vv_u16m2(__riscv_vle8_v_u8m1(Input, vl), __riscv_vle8_v_u8m1(ZeroPoints, vl), vl));
    }
}

template<typename ActivationType>
struct ROWS {
    const ActivationType* Start;
    size_t Stride;
    size_t InputChannels;
    static constexpr size_t KernelSize = 1;

    const ActivationType* Pixel(size_t Row, size_t) const { return Start + Row * Stride; }
    ROWS From(size_t Row) const { return {Start + Row * Stride, Stride, InputChannels}; }
};

//
// Columns that are widened when they are loaded.
//

template<typename BType>
struct COLUMNS_AS_THEY_ARE {
    typedef int16_t Type;
    static constexpr bool LoadsAhead = false;

    const uint8_t* Row;
    size_t ldb;
    BType ZeroPoint;

    template<size_t Lmul>
    auto Load(size_t vl)
    {
        const uint8_t* const Loaded = Row;
        Row += ldb;

        const vint16m2_t Values = LoadWide<BType>(Loaded, ZeroPoint, vl);

        if constexpr (Lmul == 4) {
            return Values;
        } else if constexpr (Lmul == 2) {
            return __riscv_vget_v_i16m2_i16m1(Values, 0);
        } else {
            return __riscv_vlmul_trunc_v_i16m2_i16mf2(Values);
        }
    }
};

//
// Sums as they are, after those of a bias for each column where there is one.
//

struct INTEGER_OUTPUT {
    int32_t* C;
    size_t ldc;
    const int32_t* Bias;
    bool IsAccumulateMode;

    INTEGER_OUTPUT From(size_t Row) const { return {C + Row * ldc, ldc, Bias, IsAccumulateMode}; }

    template<size_t Lmul>
    auto Start(size_t vl) const
    {
        return Bias != nullptr ? SUMS<Lmul>::Load(Bias, vl) : SUMS<Lmul>::Fill(0, vl);
    }

    template<typename SumType, size_t Lmul>
    void StoreRow(size_t Row, SumType Sum, size_t vl) const
    {
        if (IsAccumulateMode) {
            Sum = __riscv_vadd(Sum, SUMS<Lmul>::Load(C + Row * ldc, vl), vl);
        }

        __riscv_vse32(C + Row * ldc, Sum, vl);
    }

    template<size_t Lmul, size_t Rows, typename SumType>
    void Store(size_t vl, SumType Sum0, SumType Sum1, SumType Sum2, SumType Sum3, SumType Sum4, SumType Sum5, SumType Sum6)
        const
    {
        StoreRow<SumType, Lmul>(0, Sum0, vl);
        if constexpr (Rows > 1) { StoreRow<SumType, Lmul>(1, Sum1, vl); }
        if constexpr (Rows > 2) { StoreRow<SumType, Lmul>(2, Sum2, vl); }
        if constexpr (Rows > 3) { StoreRow<SumType, Lmul>(3, Sum3, vl); }
        if constexpr (Rows > 4) { StoreRow<SumType, Lmul>(4, Sum4, vl); }
        if constexpr (Rows > 5) { StoreRow<SumType, Lmul>(5, Sum5, vl); }
        if constexpr (Rows > 6) { StoreRow<SumType, Lmul>(6, Sum6, vl); }
    }
};

MLAS_FORCEINLINE
void
StoreWide(int16_t* Output, vint16m2_t Values, size_t vl)
{
    __riscv_vse16_v_i16m2(Output, Values, vl);
}

MLAS_FORCEINLINE
void
StoreWide(int32_t* Output, vint16m2_t Values, size_t vl)
{
    __riscv_vse32_v_i32m4(Output, __riscv_vsext_vf2_i32m4(Values, vl), vl);
}

//
// Widens some columns of B, less their zero points, and makes their sums times -ZeroPointA.
//

template<typename BType, typename WeightType>
void
WidenColumns(
    const COLUMNS& Columns,
    size_t K,
    const uint8_t* ZeroPointB,
    bool PerColumnZeroPoints,
    int32_t ZeroPointA,
    WeightType* Panel,
    int32_t* Bias,
    size_t vl
    )
{
    const uint8_t* b = Columns.B;
    vint32m4_t Sum = __riscv_vmv_v_x_i32m4(0, vl);

    for (size_t k = 0; k < K; k++) {

        const vint16m2_t Values = PerColumnZeroPoints ? LoadWideByColumn<BType>(b, ZeroPointB, vl)
                                                      : LoadWide<BType>(b, static_cast<BType>(*ZeroPointB), vl);

        Sum = __riscv_vwadd_wv_i32m4(Sum, Values, vl);
        StoreWide(Panel, Values, vl);

        b += Columns.ldb;
        Panel += vl;
    }

    __riscv_vse32_v_i32m4(Bias, __riscv_vmul_vx_i32m4(Sum, -ZeroPointA, vl), vl);
}

template<typename AType>
void
CopyRows(int16_t* Panel, const uint8_t* A, size_t lda, size_t Rows, size_t K, int32_t ZeroPoint)
{
    for (size_t Row = 0; Row < Rows; Row++) {

        for (size_t k = 0, vl; k < K; k += vl) {
            vl = __riscv_vsetvl_e16m2(K - k);
            __riscv_vse16_v_i16m2(Panel + k, LoadWide<AType>(A + k, static_cast<AType>(ZeroPoint), vl), vl);
        }

        A += lda;
        Panel += K;
    }
}

//
// A range of C: its rows of A, and the columns from RangeStartN on.
//

struct RANGE {
    const MLAS_GEMM_QUANT_SHAPE_PARAMS& Shape;
    const MLAS_GEMM_QUANT_DATA_PARAMS& Data;
    size_t StartM;
    size_t CountM;
    size_t StartN;
    size_t CountN;
    int32_t ZeroPointA;

    const uint8_t* A() const { return Data.A + StartM * Data.lda; }
    int32_t* C(size_t n) const { return Data.C + StartM * Data.ldc + StartN + n; }
    const uint8_t* ZeroPointB(size_t n) const { return Data.ZeroPointB + (Data.PerColumnZeroPoints ? StartN + n : 0); }
};

template<typename AType, typename BType, typename WeightType>
void
MultiplyManyRows(const RANGE& Range)
{
    const size_t K = Range.Shape.K;
    const size_t Lanes = __riscv_vsetvlmax_e32m4();
    const ROWS<AType> Rows{reinterpret_cast<const AType*>(Range.A()), Range.Data.lda, K};

    // Weights are loaded a row ahead.
    const size_t PanelSize = UpAlignSize((K + 1) * Lanes * sizeof(WeightType));

    MlasThreadedBufAlloc(PanelSize + UpAlignSize(Lanes * sizeof(int32_t)));

    WeightType* const Panel = reinterpret_cast<WeightType*>(ThreadedBufHolder.get());
    int32_t* const Bias = reinterpret_cast<int32_t*>(ThreadedBufHolder.get() + PanelSize);
    BLOCK Block;

    for (size_t n = 0; n < Range.CountN; n += Block.Columns) {

        const COLUMNS Columns = FindColumns(Range.Shape, Range.Data, Range.StartN + n, Range.CountN - n);

        Block = NextBlock(Columns.Count);

        WidenColumns<BType>(
            Columns, K, Range.ZeroPointB(n), Range.Data.PerColumnZeroPoints, Range.ZeroPointA, Panel, Bias,
            Block.Columns);

        const INTEGER_OUTPUT Output{Range.C(n), Range.Data.ldc, Bias, Range.Shape.IsAccumulateMode};

        MultiplyBlock(Rows, PACKED_WEIGHTS<WeightType>{Panel}, Output, Range.CountM, Block);
    }
}

template<typename AType, typename BType>
void
MultiplyFewRows(const RANGE& Range)
{
    assert(Range.CountM <= FewRows && !Range.Data.PerColumnZeroPoints);

    const size_t K = Range.Shape.K;

    MlasThreadedBufAlloc(UpAlignSize(FewRows * K * sizeof(int16_t)));

    int16_t* const Panel = reinterpret_cast<int16_t*>(ThreadedBufHolder.get());
    const ROWS<int16_t> Rows{Panel, K, K};
    BLOCK Block;

    CopyRows<AType>(Panel, Range.A(), Range.Data.lda, Range.CountM, K, Range.ZeroPointA);

    for (size_t n = 0; n < Range.CountN; n += Block.Columns) {

        const COLUMNS Columns = FindColumns(Range.Shape, Range.Data, Range.StartN + n, Range.CountN - n);

        Block = NextBlock(Columns.Count);

        const COLUMNS_AS_THEY_ARE<BType> Weights{
            Columns.B, Columns.ldb, static_cast<BType>(*Range.Data.ZeroPointB)};
        const INTEGER_OUTPUT Output{Range.C(n), Range.Data.ldc, nullptr, Range.Shape.IsAccumulateMode};

        MultiplyBlock(Rows, Weights, Output, Range.CountM, Block);
    }
}

template<typename AType, typename BType, typename WeightType>
void
MultiplyRange(const RANGE& Range)
{
    if (Range.CountM <= FewRows && !Range.Data.PerColumnZeroPoints) {
        MultiplyFewRows<AType, BType>(Range);
    } else {
        MultiplyManyRows<AType, BType, WeightType>(Range);
    }
}

template<typename WeightType>
void
GemmQuantOperation(
    const MLAS_GEMM_QUANT_SHAPE_PARAMS* Shape,
    const MLAS_GEMM_QUANT_DATA_PARAMS* Data,
    const size_t RangeStartM,
    const size_t RangeCountM,
    const size_t RangeStartN,
    const size_t RangeCountN
    )
{
    const bool AIsSigned = Shape->AIsSigned;
    const bool BIsSigned = Shape->BIsSigned;
    const RANGE Range{
        *Shape,
        *Data,
        RangeStartM,
        RangeCountM,
        RangeStartN,
        RangeCountN,
        AIsSigned ? int32_t(int8_t(Data->ZeroPointA)) : int32_t(Data->ZeroPointA),
    };

    if (AIsSigned) {
        BIsSigned ? MultiplyRange<int8_t, int8_t, WeightType>(Range) : MultiplyRange<int8_t, uint8_t, WeightType>(Range);
    } else {
        BIsSigned ? MultiplyRange<uint8_t, int8_t, WeightType>(Range) : MultiplyRange<uint8_t, uint8_t, WeightType>(Range);
    }

    if (Data->OutputProcessor != nullptr) {
        Data->OutputProcessor->Process(Data->C, RangeStartM, RangeStartN, RangeCountM, RangeCountN, Data->ldc);
    }
}

}  // namespace

MLAS_RVV_END

const MLAS_GEMM_QUANT_DISPATCH MlasGemmQuantWide16DispatchRvv = {
    GemmQuantOperation<int16_t>,
    GemmQuantOperation<int16_t>,
    CopyPackB,
    1,
    std::numeric_limits<size_t>::max(),
    TileRows<int16_t>,
};

const MLAS_GEMM_QUANT_DISPATCH MlasGemmQuantWide32DispatchRvv = {
    GemmQuantOperation<int32_t>,
    GemmQuantOperation<int32_t>,
    CopyPackB,
    1,
    std::numeric_limits<size_t>::max(),
    TileRows<int32_t>,
};
