/*++

Module Name:

    qgemm.cpp

Abstract:

    Quantized integer matrix multiplication, for both signs of both matrices.

    The columns of matrix B are the lanes: a row less its zero points is 16 bits wide, as is an element of matrix A less
    its own, and the sums of their products are 32 bits wide. Nothing is gained from packing matrix B, but operators
    that have it transposed do that only once when it can be packed: MlasGemmPackB hands out blocks of 128 columns, whose
    rows are copied as they are.

--*/

#include "rvv.h"

#include "mlasi.h"
#include "qgemm.h"

MLAS_RVV_BEGIN

namespace
{

// Rows of A that share a load of B: with four registers of sums each, eight are left for the row of B.
constexpr size_t TileRows = 6;
// MlasGemmPackB's.
constexpr size_t PackedBlockN = 128;

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

template<typename BType>
MLAS_FORCEINLINE
vint16m2_t
LoadWide(const void* Input, size_t vl)
{
    if constexpr (std::is_signed<BType>::value) {
        return __riscv_vsext_vf2_i16m2(__riscv_vle8_v_i8m1(static_cast<const int8_t*>(Input), vl), vl);
    } else {
        return __riscv_vreinterpret_v_u16m2_i16m2(
            __riscv_vzext_vf2_u16m2(__riscv_vle8_v_u8m1(static_cast<const uint8_t*>(Input), vl), vl));
    }
}

//
// The zero points of some columns of B.
//

template<typename BType>
MLAS_FORCEINLINE
vint16m2_t
LoadZeroPoints(const uint8_t* ZeroPointB, bool PerColumn, size_t n, size_t vl)
{
    return PerColumn ? LoadWide<BType>(ZeroPointB + n, vl)
                     : __riscv_vmv_v_x_i16m2(static_cast<BType>(*ZeroPointB), vl);
}

template<typename AType>
void
CopyRows(int16_t* Panel, const uint8_t* A, size_t lda, size_t Rows, size_t K, int32_t ZeroPoint)
{
    for (size_t Row = 0; Row < Rows; Row++) {

        for (size_t k = 0, vl; k < K; k += vl) {
            vl = __riscv_vsetvl_e16m2(K - k);
            const vint16m2_t Values = LoadWide<AType>(A + k, vl);
            __riscv_vse16_v_i16m2(
                Panel + k, __riscv_vsub_vx_i16m2(Values, static_cast<int16_t>(ZeroPoint), vl), vl);
        }

        A += lda;
        Panel += K;
    }
}

template<typename BType, size_t Rows>
void
MultiplyRows(
    const int16_t* Panel,
    const uint8_t* B,
    size_t ldb,
    vint16m2_t ZeroPoints,
    int32_t* C,
    size_t ldc,
    size_t K,
    bool IsAccumulateMode,
    size_t vl
    )
{
    static_assert(Rows >= 1 && Rows <= TileRows, "sums for each row");

    vint32m4_t Sum0 = __riscv_vmv_v_x_i32m4(0, vl);
    vint32m4_t Sum1 = Sum0;
    vint32m4_t Sum2 = Sum0;
    vint32m4_t Sum3 = Sum0;
    vint32m4_t Sum4 = Sum0;
    vint32m4_t Sum5 = Sum0;

#define MLAS_RVV_FOR_ROW(Row, Action) \
    if constexpr (Rows > Row) { Action(Row, Sum##Row) }
#define MLAS_RVV_FOR_ROWS(Action) \
    MLAS_RVV_FOR_ROW(0, Action) MLAS_RVV_FOR_ROW(1, Action) MLAS_RVV_FOR_ROW(2, Action) \
    MLAS_RVV_FOR_ROW(3, Action) MLAS_RVV_FOR_ROW(4, Action) MLAS_RVV_FOR_ROW(5, Action)
#define MLAS_RVV_MULTIPLY_ROW(Row, Sum) \
    Sum = __riscv_vwmacc_vx_i32m4(Sum, Panel[Row * K + k], Values, vl);
#define MLAS_RVV_STORE_ROW(Row, Sum) \
    if (IsAccumulateMode) { \
        Sum = __riscv_vadd_vv_i32m4(Sum, __riscv_vle32_v_i32m4(C + Row * ldc, vl), vl); \
    } \
    __riscv_vse32_v_i32m4(C + Row * ldc, Sum, vl);

    for (size_t k = 0; k < K; k++) {

        const vint16m2_t Values = __riscv_vsub_vv_i16m2(LoadWide<BType>(B, vl), ZeroPoints, vl);

        MLAS_RVV_FOR_ROWS(MLAS_RVV_MULTIPLY_ROW)

        B += ldb;
    }

    MLAS_RVV_FOR_ROWS(MLAS_RVV_STORE_ROW)

#undef MLAS_RVV_STORE_ROW
#undef MLAS_RVV_MULTIPLY_ROW
#undef MLAS_RVV_FOR_ROWS
#undef MLAS_RVV_FOR_ROW
}

template<typename BType>
void
MultiplyTile(
    const MLAS_GEMM_QUANT_SHAPE_PARAMS& Shape,
    const MLAS_GEMM_QUANT_DATA_PARAMS& Data,
    const int16_t* Panel,
    size_t Rows,
    int32_t* C,
    size_t RangeStartN,
    size_t RangeCountN
    )
{
    for (size_t n = 0, vl; n < RangeCountN; n += vl) {

        const COLUMNS Columns = FindColumns(Shape, Data, RangeStartN + n, RangeCountN - n);

        vl = __riscv_vsetvl_e16m2(Columns.Count);

        const vint16m2_t ZeroPoints =
            LoadZeroPoints<BType>(Data.ZeroPointB, Data.PerColumnZeroPoints, RangeStartN + n, vl);

#define MLAS_RVV_MULTIPLY(Rows) \
    MultiplyRows<BType, Rows>( \
        Panel, Columns.B, Columns.ldb, ZeroPoints, C + n, Data.ldc, Shape.K, Shape.IsAccumulateMode, vl)

        switch (Rows) {
            case 1: MLAS_RVV_MULTIPLY(1); break;
            case 2: MLAS_RVV_MULTIPLY(2); break;
            case 3: MLAS_RVV_MULTIPLY(3); break;
            case 4: MLAS_RVV_MULTIPLY(4); break;
            case 5: MLAS_RVV_MULTIPLY(5); break;
            default: MLAS_RVV_MULTIPLY(6); break;
        }

#undef MLAS_RVV_MULTIPLY
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
    const auto CopyRowsOfA = Shape->AIsSigned ? CopyRows<int8_t> : CopyRows<uint8_t>;
    const auto MultiplyTileByB = Shape->BIsSigned ? MultiplyTile<int8_t> : MultiplyTile<uint8_t>;
    const int32_t ZeroPointA = Shape->AIsSigned ? int32_t(int8_t(Data->ZeroPointA)) : int32_t(Data->ZeroPointA);

    MlasThreadedBufAlloc(UpAlignSize(TileRows * Shape->K * sizeof(int16_t)));

    int16_t* const Panel = reinterpret_cast<int16_t*>(ThreadedBufHolder.get());

    for (size_t m = 0, Rows; m < RangeCountM; m += Rows) {

        Rows = std::min(RangeCountM - m, TileRows);

        const size_t Row = RangeStartM + m;

        CopyRowsOfA(Panel, Data->A + Row * Data->lda, Data->lda, Rows, Shape->K, ZeroPointA);
        MultiplyTileByB(
            *Shape, *Data, Panel, Rows, Data->C + Row * Data->ldc + RangeStartN, RangeStartN, RangeCountN);

        if (Data->OutputProcessor != nullptr) {
            Data->OutputProcessor->Process(Data->C, Row, RangeStartN, Rows, RangeCountN, Data->ldc);
        }
    }
}

}  // namespace

MLAS_RVV_END

const MLAS_GEMM_QUANT_DISPATCH MlasGemmQuantDispatchRvv = {
    GemmQuantOperation,
    GemmQuantOperation,
    CopyPackB,
    1,
    std::numeric_limits<size_t>::max(),
    TileRows,
};
