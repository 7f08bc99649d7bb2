/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    qgemm_ime.cpp

Abstract:

    Quantized integer matrix multiplication by SpacemiT's integer matrix extension: ime_tile.h.

    The extension multiplies both signs of both matrices as they are. With zero points a product of matrices is

        sum(A * B) - ZeroPointA * sum(B) + K * ZeroPointA * ZeroPointB - ZeroPointB * sum(A)

    of which all but the last term belongs to a column, and is what its sums start from.

    Few rows of a matrix B that was not packed before are not worth packing it: another variant multiplies them.

--*/

#include "ime_tile.h"

#include "qgemm.h"

using namespace MlasRvvIme;

MLAS_RVV_BEGIN

namespace
{

constexpr size_t FewRows = GroupSize;

template<typename BType>
MLAS_FORCEINLINE
vint32m2_t
AddBytes(vint32m2_t Sums, vuint8mf2_t Bytes, size_t vl)
{
    if constexpr (std::is_signed<BType>::value) {
        return __riscv_vadd_vv_i32m2(
            Sums, __riscv_vsext_vf4_i32m2(__riscv_vreinterpret_v_u8mf2_i8mf2(Bytes), vl), vl);
    } else {
        return __riscv_vadd_vv_i32m2(
            Sums, __riscv_vreinterpret_v_u32m2_i32m2(__riscv_vzext_vf4_u32m2(Bytes, vl)), vl);
    }
}

//
// A block of columns, and the sum of each.
//

template<typename BType>
void
PackBlock(uint8_t* Packed, const uint8_t* B, size_t ldb, size_t Columns, size_t K, int32_t* ColumnSums)
{
    const size_t vl = Columns;
    const vuint8mf2_t Zero = __riscv_vmv_v_x_u8mf2(0, BlockColumns);
    vint32m2_t Sums = __riscv_vmv_v_x_i32m2(0, vl);

    if (Columns < BlockColumns) {
        std::fill_n(Packed, AlignK(K) * BlockColumns, uint8_t(0));
    }

    for (size_t k = 0; k < K; k += DepthK) {

        const size_t Depth = std::min(K - k, DepthK);

#define MLAS_IME_LOAD_ROW(Row) \
        const vuint8mf2_t Bytes##Row = Row < Depth ? __riscv_vle8_v_u8mf2(B + Row * ldb, vl) : Zero; \
        Sums = AddBytes<BType>(Sums, Bytes##Row, vl);

        MLAS_IME_LOAD_ROW(0) MLAS_IME_LOAD_ROW(1) MLAS_IME_LOAD_ROW(2) MLAS_IME_LOAD_ROW(3)
        MLAS_IME_LOAD_ROW(4) MLAS_IME_LOAD_ROW(5) MLAS_IME_LOAD_ROW(6) MLAS_IME_LOAD_ROW(7)

#undef MLAS_IME_LOAD_ROW

        __riscv_vsseg8e8_v_u8mf2x8(
            Packed, __riscv_vcreate_v_u8mf2x8(Bytes0, Bytes1, Bytes2, Bytes3, Bytes4, Bytes5, Bytes6, Bytes7),
            vl);

        B += DepthK * ldb;
        Packed += BlockStepBytes;
    }

    __riscv_vse32_v_i32m2(ColumnSums, Sums, vl);
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
    for (size_t n = 0; n < CountN; n += BlockColumns) {

        const size_t Columns = std::min(CountN - n, BlockColumns);

        if (BIsSigned) {
            PackBlock<int8_t>(D, B + n, ldb, Columns, CountK, ColumnSumBuffer + n);
        } else {
            PackBlock<uint8_t>(D, B + n, ldb, Columns, CountK, ColumnSumBuffer + n);
        }

        D += AlignK(CountK) * BlockColumns;
    }
}

template<typename AType>
uint32_t
SumOfRow(const uint8_t* A, size_t K)
{
    uint32_t Sum = 0;

    // 256 bytes at most: their sum has 16 bits.
    for (size_t k = 0, vl; k < K; k += vl) {

        vl = __riscv_vsetvl_e8m8(K - k);

        const vuint8m8_t Bytes = __riscv_vle8_v_u8m8(A + k, vl);

        if constexpr (std::is_signed<AType>::value) {
            const vint16m1_t Zero = __riscv_vmv_s_x_i16m1(0, 1);
            Sum += static_cast<uint32_t>(int32_t(__riscv_vmv_x_s_i16m1_i16(
                __riscv_vwredsum_vs_i8m8_i16m1(__riscv_vreinterpret_v_u8m8_i8m8(Bytes), Zero, vl))));
        } else {
            const vuint16m1_t Zero = __riscv_vmv_s_x_u16m1(0, 1);
            Sum += __riscv_vmv_x_s_u16m1_u16(__riscv_vwredsumu_vs_u8m8_u16m1(Bytes, Zero, vl));
        }
    }

    return Sum;
}

//
// What a block of columns starts from, as its sums lie, and its zero points.
//

struct BLOCK {
    alignas(64) int32_t Bias[GroupSums];
    int32_t ZeroPoints[BlockColumns];
    size_t Columns;
};

struct INTEGER_OUTPUT {
    int32_t* C;
    size_t ldc;
    size_t Rows;
    const uint32_t* RowSums;  // null where matrix B has no zero point
    const BLOCK& Block;
    bool IsAccumulateMode;

    INTEGER_OUTPUT From(size_t Row, size_t RowCount) const
    {
        return {C + Row * ldc, ldc, RowCount, RowSums == nullptr ? nullptr : RowSums + Row, Block, IsAccumulateMode};
    }

    vint32m8_t Start() const { return __riscv_vle32_v_i32m8(Block.Bias, GroupSums); }

    void Store(size_t Group, vint32m8_t Sums) const
    {
        // A row's columns, two at a time.
        static const uint16_t Offsets[] = {0, 8, 64, 72, 128, 136, 192, 200};
        constexpr size_t Pairs = sizeof(Offsets) / sizeof(Offsets[0]);

        alignas(64) int32_t Stored[GroupSums];
        const size_t vl = Block.Columns;

        __riscv_vse32_v_i32m8(Stored, Sums, GroupSums);

        for (size_t r = 0, Row = Group * GroupSize; r < GroupSize && Row < Rows; r++, Row++) {

            vint32m2_t Values = __riscv_vreinterpret_v_i64m2_i32m2(__riscv_vluxei16_v_i64m2(
                reinterpret_cast<const int64_t*>(Stored + r * GroupSize), __riscv_vle16_v_u16mf2(Offsets, Pairs), Pairs));

            if (RowSums != nullptr) {
                Values = __riscv_vnmsac_vx_i32m2(
                    Values, static_cast<int32_t>(RowSums[Row]), __riscv_vle32_v_i32m2(Block.ZeroPoints, vl), vl);
            }
            if (IsAccumulateMode) {
                Values = __riscv_vadd_vv_i32m2(Values, __riscv_vle32_v_i32m2(C + Row * ldc, vl), vl);
            }

            __riscv_vse32_v_i32m2(C + Row * ldc, Values, vl);
        }
    }
};

template<typename T>
int32_t
Value(uint8_t Byte)
{
    return static_cast<T>(Byte);
}

template<typename AType, typename BType>
void
MultiplyRange(
    const MLAS_GEMM_QUANT_SHAPE_PARAMS& Shape,
    const MLAS_GEMM_QUANT_DATA_PARAMS& Data,
    size_t StartM,
    size_t CountM,
    size_t StartN,
    size_t CountN
    )
{
    const size_t K = Shape.K;
    const size_t AlignedK = AlignK(K);
    const size_t AlignedN = MlasDivRoundup(Shape.N, MLAS_QGEMM_STRIDEN_THREAD_ALIGN) * MLAS_QGEMM_STRIDEN_THREAD_ALIGN;
    const uint8_t* const B = static_cast<const uint8_t*>(Data.B);
    const bool HasZeroPointB = Data.PerColumnZeroPoints || *Data.ZeroPointB != 0;
    const int32_t ZeroPointA = Value<AType>(Data.ZeroPointA);

    // A matrix that is packed here is packed once, for all rows.
    const size_t Rows = std::min(CountM, Data.BIsPacked ? RowsAtOnce(AlignedK) : CountM);
    const size_t Size = UpAlignSize(PanelsSize(Rows, AlignedK));
    const size_t SumsSize = UpAlignSize(Rows * sizeof(uint32_t));

    MlasThreadedBufAlloc(Size + SumsSize + (Data.BIsPacked ? 0 : BlockColumns * AlignedK));

    uint8_t* const Panels = ThreadedBufHolder.get();
    uint32_t* const RowSums = reinterpret_cast<uint32_t*>(Panels + Size);
    uint8_t* const Packed = Panels + Size + SumsSize;
    BLOCK Block;

    for (size_t Row = 0; Row < CountM; Row += Rows) {

        const size_t Count = std::min(CountM - Row, Rows);

        for (size_t r = 0; r < Count; r++) {

            const uint8_t* const A = Data.A + (StartM + Row + r) * Data.lda;

            FillPanelRow(FindPanelRow(Panels, r, Count, AlignedK), A, K);

            if (HasZeroPointB) {
                RowSums[r] = SumOfRow<AType>(A, K);
            }
        }

        for (size_t n = StartN; n < StartN + CountN; n += BlockColumns) {

            const uint8_t* Columns = B + AlignedN * sizeof(int32_t) + n * AlignedK;
            int32_t Sums[BlockColumns];

            Block.Columns = std::min(StartN + CountN - n, BlockColumns);

            if (Data.BIsPacked) {
                std::copy_n(reinterpret_cast<const int32_t*>(B) + n, Block.Columns, Sums);
            } else {
                PackBlock<BType>(Packed, B + n, Data.ldb, Block.Columns, K, Sums);
                Columns = Packed;
            }

            for (size_t c = 0; c < Block.Columns; c++) {

                const int32_t ZeroPointB = Value<BType>(Data.ZeroPointB[Data.PerColumnZeroPoints ? n + c : 0]);
                const uint32_t Sum = static_cast<uint32_t>(K) * static_cast<uint32_t>(ZeroPointB) -
                    static_cast<uint32_t>(Sums[c]);

                Block.ZeroPoints[c] = ZeroPointB;
                Sums[c] = static_cast<int32_t>(static_cast<uint32_t>(ZeroPointA) * Sum);
            }

            Replicate(Sums, Block.Columns, Block.Bias);

            const INTEGER_OUTPUT Output{
                Data.C + (StartM + Row) * Data.ldc + n,
                Data.ldc,
                Count,
                HasZeroPointB ? RowSums : nullptr,
                Block,
                Shape.IsAccumulateMode,
            };

            MultiplyPanels<std::is_signed<AType>::value, std::is_signed<BType>::value>(
                Panels, Count, AlignedK, Columns, Output);
        }
    }
}

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
    if (Shape->K == 0 || (!Data->BIsPacked && RangeCountM <= FewRows)) {
        MlasGemmQuantWide16DispatchRvv.Operation(Shape, Data, RangeStartM, RangeCountM, RangeStartN, RangeCountN);
        return;
    }

    const auto Multiply = Shape->AIsSigned
        ? (Shape->BIsSigned ? MultiplyRange<int8_t, int8_t> : MultiplyRange<int8_t, uint8_t>)
        : (Shape->BIsSigned ? MultiplyRange<uint8_t, int8_t> : MultiplyRange<uint8_t, uint8_t>);

    Multiply(*Shape, *Data, RangeStartM, RangeCountM, RangeStartN, RangeCountN);

    if (Data->OutputProcessor != nullptr) {
        Data->OutputProcessor->Process(Data->C, RangeStartM, RangeStartN, RangeCountM, RangeCountN, Data->ldc);
    }
}

}  // namespace

MLAS_RVV_END

const MLAS_GEMM_QUANT_DISPATCH MlasGemmQuantImeDispatchRvv = {
    GemmQuantOperation,
    GemmQuantOperation,
    CopyPackB,
    DepthK,
    std::numeric_limits<size_t>::max(),
    TileRows,
};
