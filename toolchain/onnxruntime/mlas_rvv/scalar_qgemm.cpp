/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_qgemm.cpp

Abstract:

    Quantized integer matrix multiplication on a processor without vectors, for both signs of both matrices.

    A double holds two elements of a row of matrix B less their zero points, b0 + b1 * 2^27. Its fused multiply-add by an
    element of matrix A less its own makes two products and adds them exactly: they are at most 255 * 255 in size, and a
    field holds the sum of a thousand. Few rows of A do not make up for the conversion of B; they take integers.

--*/

#include "scalar.h"
#include "scalar_tile.h"

#include "qgemm.h"

#include <limits>

namespace
{

constexpr size_t TileRows = MlasScalarTileRows;
constexpr size_t TileColumns = MlasScalarTileColumns;

constexpr size_t FieldCount = 2;
constexpr size_t FieldBits = 27;
constexpr size_t BlockColumns = FieldCount * TileColumns;

// Both panels stay in a first level cache.
constexpr size_t PanelRows = 8 * TileRows;
constexpr size_t PanelK = 64;
constexpr size_t UnrollK = 4;

static_assert(PanelK * 255 * 255 < size_t(1) << (FieldBits - 1), "a field holds the sum over a panel");

// Below, each element of B is used too seldom to be converted.
constexpr size_t MinimumRows = 3;

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

template<typename Type>
int32_t
ZeroPointOf(uint8_t Value)
{
    return static_cast<Type>(Value);
}

//
// A row of A by some columns of B: few loads of A for them.
//

template<typename AType, typename BType, size_t Columns>
void
MultiplyRow(
    const AType* A,
    const uint8_t* B,
    size_t ldb,
    const int32_t (&ZeroPointB)[BlockColumns],
    int32_t ZeroPointA,
    int32_t* C,
    size_t CountK,
    bool IsAccumulateMode
    )
{
    uint32_t Sums[Columns] = {};
    uint32_t SumOfA = 0;

    for (size_t k = 0; k < CountK; k++) {

        const uint32_t a = static_cast<uint32_t>(int32_t(A[k]) - ZeroPointA);

        SumOfA += a;

        MLAS_SCALAR_UNROLL
        for (size_t n = 0; n < Columns; n++) {
            Sums[n] += a * static_cast<uint32_t>(int32_t(reinterpret_cast<const BType*>(B)[n]));
        }

        B += ldb;
    }

    for (size_t n = 0; n < Columns; n++) {
        const uint32_t Sum = Sums[n] - SumOfA * static_cast<uint32_t>(ZeroPointB[n]);
        C[n] = static_cast<int32_t>(Sum + (IsAccumulateMode ? static_cast<uint32_t>(C[n]) : 0));
    }
}

template<typename BType>
void
LoadZeroPoints(const MLAS_GEMM_QUANT_DATA_PARAMS& Data, size_t n, size_t Columns, int32_t (&ZeroPoints)[BlockColumns])
{
    for (size_t i = 0; i < Columns; i++) {
        ZeroPoints[i] = ZeroPointOf<BType>(Data.ZeroPointB[Data.PerColumnZeroPoints ? n + i : 0]);
    }
}

template<typename AType, typename BType>
void
MultiplyRows(
    const MLAS_GEMM_QUANT_SHAPE_PARAMS& Shape,
    const MLAS_GEMM_QUANT_DATA_PARAMS& Data,
    size_t Row,
    size_t Rows,
    size_t StartN,
    size_t CountN
    )
{
    const int32_t ZeroPointA = ZeroPointOf<AType>(Data.ZeroPointA);

    // Lines of the cache that the columns of a block leave half read are still there for the next.
    for (size_t k = 0; k < Shape.K; k += PanelK) {

        const size_t CountK = std::min(Shape.K - k, PanelK);
        const bool Accumulate = k > 0 || Shape.IsAccumulateMode;

        for (size_t n = 0, Columns; n < CountN; n += Columns) {

            const COLUMNS Found = FindColumns(Shape, Data, StartN + n, CountN - n);
            const uint8_t* B = Found.B + k * Found.ldb;

            Columns = Found.Count >= BlockColumns ? BlockColumns : 1;

            int32_t ZeroPoints[BlockColumns] = {};
            LoadZeroPoints<BType>(Data, StartN + n, Columns, ZeroPoints);

            for (size_t m = Row; m < Row + Rows; m++) {

                const AType* A = reinterpret_cast<const AType*>(Data.A + m * Data.lda) + k;
                int32_t* C = Data.C + m * Data.ldc + StartN + n;

                if (Columns == BlockColumns) {
                    MultiplyRow<AType, BType, BlockColumns>(
                        A, B, Found.ldb, ZeroPoints, ZeroPointA, C, CountK, Accumulate);
                } else {
                    MultiplyRow<AType, BType, 1>(A, B, Found.ldb, ZeroPoints, ZeroPointA, C, CountK, Accumulate);
                }
            }
        }
    }
}

//
// Rows of A, by tile, k and row.
//

template<typename AType>
void
FillPanelOfA(double* Panel, const uint8_t* A, size_t lda, size_t Rows, size_t CountK, int32_t ZeroPoint)
{
    const size_t AlignedK = MlasDivRoundup(CountK, UnrollK) * UnrollK;

    for (size_t Row = 0; Row < Rows; Row++, A += lda) {

        double* Lane = Panel + Row / TileRows * TileRows * AlignedK + Row % TileRows;

        for (size_t k = 0; k < CountK; k++) {
            Lane[k * TileRows] = double(int32_t(reinterpret_cast<const AType*>(A)[k]) - ZeroPoint);
        }

        for (size_t k = CountK; k < AlignedK; k++) {
            Lane[k * TileRows] = 0.0;
        }
    }
}

//
// A block of columns of B, by k and double. Columns that are not there are zero.
//

template<typename BType, size_t Columns>
MLAS_SCALAR_INLINE
void
FillPanelOfB(double* Panel, const COLUMNS& Found, size_t CountK, const int32_t (&ZeroPoints)[BlockColumns])
{
    const uint8_t* Row = Found.B;

    for (size_t k = 0; k < CountK; k++, Row += Found.ldb, Panel += TileColumns) {

        const BType* B = reinterpret_cast<const BType*>(Row);

        MLAS_SCALAR_UNROLL
        for (size_t n = 0; n < BlockColumns; n += FieldCount) {

            const int64_t Low = n < Columns ? int32_t(B[n]) - ZeroPoints[n] : 0;
            const int64_t High = n + 1 < Columns ? int32_t(B[n + 1]) - ZeroPoints[n + 1] : 0;

            Panel[n / FieldCount] = double(Low + High * (int64_t(1) << FieldBits));
        }
    }

    for (; CountK % UnrollK != 0; CountK++, Panel += TileColumns) {
        std::fill_n(Panel, TileColumns, 0.0);
    }
}

template<typename BType>
void
FillPanelOfB(double* Panel, const COLUMNS& Found, size_t CountK, const int32_t (&ZeroPoints)[BlockColumns])
{
    switch (std::min(Found.Count, BlockColumns)) {
        case 1: return FillPanelOfB<BType, 1>(Panel, Found, CountK, ZeroPoints);
        case 2: return FillPanelOfB<BType, 2>(Panel, Found, CountK, ZeroPoints);
        case 3: return FillPanelOfB<BType, 3>(Panel, Found, CountK, ZeroPoints);
        case 4: return FillPanelOfB<BType, 4>(Panel, Found, CountK, ZeroPoints);
        case 5: return FillPanelOfB<BType, 5>(Panel, Found, CountK, ZeroPoints);
        case 6: return FillPanelOfB<BType, 6>(Panel, Found, CountK, ZeroPoints);
        case 7: return FillPanelOfB<BType, 7>(Panel, Found, CountK, ZeroPoints);
        default: return FillPanelOfB<BType, 8>(Panel, Found, CountK, ZeroPoints);
    }
}

template<size_t Rows>
void
MultiplyTile(const double* A, const double* B, size_t CountK, int32_t* C, size_t ldc, size_t Columns, bool IsFirst)
{
    double Sums[Rows][TileColumns];

    MLAS_SCALAR_UNROLL
    for (size_t n = 0; n < Rows * TileColumns; n++) {
        Sums[n / TileColumns][n % TileColumns] = 0.0;
    }

    const double* const End = B + MlasDivRoundup(CountK, UnrollK) * UnrollK * TileColumns;

    do {

        MlasScalarMultiplyTile<UnrollK>(
            Sums,
            [&](size_t k, size_t Row) MLAS_SCALAR_LAMBDA { return A + k * TileRows + Row; },
            [&](size_t k, size_t Column) MLAS_SCALAR_LAMBDA { return B + k * TileColumns + Column; });

        A += UnrollK * TileRows;
        B += UnrollK * TileColumns;

    } while (B != End);

    MLAS_SCALAR_UNROLL
    for (size_t Row = 0; Row < Rows; Row++, C += ldc) {
        MLAS_SCALAR_UNROLL
        for (size_t Column = 0; Column < TileColumns; Column++) {

            const int64_t Fields = static_cast<int64_t>(Sums[Row][Column]);
            // The lower field's sign, which the upper one has borrowed for, is the bit below the upper one.
            const int64_t High = (Fields + (int64_t(1) << (FieldBits - 1))) >> FieldBits;
            const uint32_t Values[FieldCount] = {
                static_cast<uint32_t>(Fields - High * (int64_t(1) << FieldBits)), static_cast<uint32_t>(High)};

            MLAS_SCALAR_UNROLL
            for (size_t Field = 0; Field < FieldCount; Field++) {

                const size_t n = Column * FieldCount + Field;

                if (n < Columns) {
                    C[n] = static_cast<int32_t>((IsFirst ? 0 : static_cast<uint32_t>(C[n])) + Values[Field]);
                }
            }
        }
    }
}

typedef
void
(MULTIPLY_TILE)(
    const double* A,
    const double* B,
    size_t CountK,
    int32_t* C,
    size_t ldc,
    size_t Columns,
    bool IsFirst
    );

MULTIPLY_TILE* const MultiplyTileOfRows[TileRows] = {
    MultiplyTile<1>, MultiplyTile<2>, MultiplyTile<3>, MultiplyTile<4>, MultiplyTile<5>, MultiplyTile<6>,
};

template<typename AType, typename BType>
void
MultiplyPanels(
    const MLAS_GEMM_QUANT_SHAPE_PARAMS& Shape,
    const MLAS_GEMM_QUANT_DATA_PARAMS& Data,
    size_t Row,
    size_t Rows,
    size_t StartN,
    size_t CountN
    )
{
    double PanelOfA[PanelRows * PanelK];
    double PanelOfB[PanelK * TileColumns];

    for (size_t k = 0; k < Shape.K; k += PanelK) {

        const size_t CountK = std::min(Shape.K - k, PanelK);
        const size_t TileSize = MlasDivRoundup(CountK, UnrollK) * UnrollK * TileRows;
        const bool IsFirst = k == 0 && !Shape.IsAccumulateMode;

        FillPanelOfA<AType>(
            PanelOfA, Data.A + Row * Data.lda + k, Data.lda, Rows, CountK, ZeroPointOf<AType>(Data.ZeroPointA));

        for (size_t n = 0, Columns; n < CountN; n += Columns) {

            COLUMNS Found = FindColumns(Shape, Data, StartN + n, CountN - n);

            Found.B += k * Found.ldb;
            Columns = std::min(Found.Count, BlockColumns);

            int32_t ZeroPoints[BlockColumns] = {};
            LoadZeroPoints<BType>(Data, StartN + n, Columns, ZeroPoints);
            FillPanelOfB<BType>(PanelOfB, Found, CountK, ZeroPoints);

            for (size_t m = 0; m < Rows; m += TileRows) {
                MultiplyTileOfRows[std::min(Rows - m, TileRows) - 1](
                    PanelOfA + m / TileRows * TileSize, PanelOfB, CountK,
                    Data.C + (Row + m) * Data.ldc + StartN + n, Data.ldc, Columns, IsFirst);
            }
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
    const auto Multiply = [&](auto Few, auto Many, size_t Row, size_t Rows) {
        (Rows < MinimumRows ? Few : Many)(*Shape, *Data, Row, Rows, RangeStartN, RangeCountN);
    };

    for (size_t m = 0, Rows; m < RangeCountM; m += Rows) {

        Rows = std::min(RangeCountM - m, PanelRows);

        const size_t Row = RangeStartM + m;

        if (Shape->AIsSigned) {
            if (Shape->BIsSigned) {
                Multiply(MultiplyRows<int8_t, int8_t>, MultiplyPanels<int8_t, int8_t>, Row, Rows);
            } else {
                Multiply(MultiplyRows<int8_t, uint8_t>, MultiplyPanels<int8_t, uint8_t>, Row, Rows);
            }
        } else if (Shape->BIsSigned) {
            Multiply(MultiplyRows<uint8_t, int8_t>, MultiplyPanels<uint8_t, int8_t>, Row, Rows);
        } else {
            Multiply(MultiplyRows<uint8_t, uint8_t>, MultiplyPanels<uint8_t, uint8_t>, Row, Rows);
        }

        if (Data->OutputProcessor != nullptr) {
            Data->OutputProcessor->Process(Data->C, Row, RangeStartN, Rows, RangeCountN, Data->ldc);
        }
    }
}

}  // namespace

const MLAS_GEMM_QUANT_DISPATCH MlasGemmQuantDispatchScalar = {
    GemmQuantOperation,
    GemmQuantOperation,
    CopyPackB,
    1,
    std::numeric_limits<size_t>::max(),
    PanelRows,
};
