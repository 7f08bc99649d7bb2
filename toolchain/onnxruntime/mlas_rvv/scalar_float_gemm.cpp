/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_float_gemm.cpp

Abstract:

    Single precision matrix multiplication on a processor without vectors: up to six rows of A by some of the 16 columns
    of a panel of packed B. Fewer rows take more columns.

--*/

#include "scalar_float.h"
#include "scalar_tile.h"

#include <cassert>

namespace
{

constexpr size_t PanelColumns = 16;
constexpr size_t Unrolled = 8;

struct GEMM_ARGUMENTS {
    const float* A;
    size_t CountK;
    size_t lda;
    size_t ldc;
    float alpha;
    bool ZeroMode;
};

template<size_t Depth, size_t Rows, size_t Columns>
MLAS_SCALAR_INLINE
void
MultiplyStep(float (&Sums)[Rows][Columns], const float* (&A)[Rows], const float*& B)
{
    MlasScalarMultiplyTile<Depth>(
        Sums,
        [&](size_t k, size_t Row) MLAS_SCALAR_LAMBDA { return A[Row] + k; },
        [&](size_t k, size_t Column) MLAS_SCALAR_LAMBDA { return B + k * PanelColumns + Column; });

    MLAS_SCALAR_UNROLL
    for (size_t Row = 0; Row < Rows; Row++) {
        A[Row] += Depth;
    }

    B += Depth * PanelColumns;
}

template<size_t Rows, size_t Columns>
void
ComputeTile(const GEMM_ARGUMENTS& a, const float* B, float* C, size_t CountN)
{
    float Sums[Rows][Columns];
    const float* A[Rows];

    MLAS_SCALAR_UNROLL
    for (size_t Row = 0; Row < Rows; Row++) {

        A[Row] = a.A + Row * a.lda;

        MLAS_SCALAR_UNROLL
        for (size_t Column = 0; Column < Columns; Column++) {
            Sums[Row][Column] = 0.0f;
        }
    }

    size_t k = a.CountK;

    for (; k >= Unrolled; k -= Unrolled) {
        MultiplyStep<Unrolled>(Sums, A, B);
    }

    for (; k > 0; k--) {
        MultiplyStep<1>(Sums, A, B);
    }

    MLAS_SCALAR_UNROLL
    for (size_t Row = 0; Row < Rows; Row++, C += a.ldc) {
        MLAS_SCALAR_UNROLL
        for (size_t Column = 0; Column < Columns; Column++) {
            if (Column < CountN) {
                const float Product = a.alpha * Sums[Row][Column];
                C[Column] = a.ZeroMode ? Product : C[Column] + Product;
            }
        }
    }
}

template<size_t Rows>
size_t
ComputeRows(const GEMM_ARGUMENTS& a, const float* B, float* C, size_t CountN)
{
    constexpr size_t Columns = Rows == 1 ? PanelColumns : Rows <= 3 ? PanelColumns / 2 : PanelColumns / 4;

    for (size_t n = 0; n < CountN; n += Columns) {
        ComputeTile<Rows, Columns>(
            a, B + n / PanelColumns * PanelColumns * a.CountK + n % PanelColumns, C + n, std::min(CountN - n, Columns));
    }

    return Rows;
}

size_t
ComputeRows(const GEMM_ARGUMENTS& a, const float* B, float* C, size_t CountM, size_t CountN)
{
    assert(CountM > 0 && a.CountK > 0);

    switch (CountM) {
        case 1: return ComputeRows<1>(a, B, C, CountN);
        case 2: return ComputeRows<2>(a, B, C, CountN);
        case 3: return ComputeRows<3>(a, B, C, CountN);
        case 4: return ComputeRows<4>(a, B, C, CountN);
        case 5: return ComputeRows<5>(a, B, C, CountN);
        default: return ComputeRows<MlasScalarTileRows>(a, B, C, CountN);
    }
}

}  // namespace

size_t
MlasSgemmKernelZeroScalar(
    const float* A,
    const float* B,
    float* C,
    size_t CountK,
    size_t CountM,
    size_t CountN,
    size_t lda,
    size_t ldc,
    float alpha
    )
/*++

Routine Description:

    This routine computes up to six rows of the output.

Arguments:

    See MLAS_GEMM_FLOAT_KERNEL.

Return Value:

    Returns the number of rows handled.

--*/
{
    return ComputeRows({A, CountK, lda, ldc, alpha, true}, B, C, CountM, CountN);
}

size_t
MlasSgemmKernelAddScalar(
    const float* A,
    const float* B,
    float* C,
    size_t CountK,
    size_t CountM,
    size_t CountN,
    size_t lda,
    size_t ldc,
    float alpha
    )
/*++

Routine Description:

    This routine adds to up to six rows of the output.

Arguments:

    See MLAS_GEMM_FLOAT_KERNEL.

Return Value:

    Returns the number of rows handled.

--*/
{
    return ComputeRows({A, CountK, lda, ldc, alpha, false}, B, C, CountM, CountN);
}
