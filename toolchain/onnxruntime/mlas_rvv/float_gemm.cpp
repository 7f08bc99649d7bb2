/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_gemm.cpp

Abstract:

    Single precision matrix multiplication: up to seven rows of A by the panels of packed B, of 16 columns each, that
    four registers hold.

--*/

#include "float.h"
#include "float_vector.h"

#include <algorithm>

MLAS_RVV_BEGIN

namespace
{

constexpr size_t PanelColumns = 16;
constexpr size_t PanelRegisters = 4;
constexpr size_t MaximumRows = 7;
constexpr size_t Unrolled = 8;

struct GEMM_ARGUMENTS {
    const float* A;
    const float* B;
    float* C;
    size_t CountK;
    size_t CountN;      // of the last panel, where it is the only one of a tile
    size_t lda;
    size_t ldc;
    float alpha;
    bool ZeroMode;
};

template<size_t Lmul, size_t Panels, size_t Rows>
struct GEMM_TILE {
    using Float = MLAS_RVV_FLOAT<Lmul, PanelColumns>;
    using Vector = typename Float::Vector;
    using Product = MLAS_RVV_OUTER_PRODUCT<Float, Panels, Rows>;

    static constexpr size_t RegisterGroups = Panels * Rows + 2;

    const GEMM_ARGUMENTS& a;

    template<typename... Vectors>
    MLAS_RVV_INLINE
    void
    Run(
        Vector& Even,
        Vector& Odd,
        Vectors&... Sums
        ) const
    {
        const float* Scalars[Rows];
        const float* Factors[Panels];

        for (size_t r = 0; r < Rows; r++) {
            Scalars[r] = a.A + r * a.lda;
        }

        for (size_t p = 0; p < Panels; p++) {
            Factors[p] = a.B + p * PanelColumns * a.CountK;
        }

        Even = Float::Broadcast(0.0f);
        Odd = Even;
        ((Sums = Even), ...);

        size_t k = a.CountK;

        for (; k >= Unrolled; k -= Unrolled) {

            MLAS_RVV_UNROLL
            for (size_t u = 0; u < Unrolled; u++) {
                Product::Add(Scalars, Factors, u, Even, Odd, Sums...);
            }

            Advance(Scalars, Factors, Unrolled);
        }

        for (; k > 0; k--) {
            Product::Add(Scalars, Factors, 0, Even, Odd, Sums...);
            Advance(Scalars, Factors, 1);
        }

        ((Sums = __riscv_vfmul(Sums, a.alpha, PanelColumns)), ...);

        const size_t Columns = Panels == 1 ? a.CountN : PanelColumns;
        size_t n = 0;

        if (!a.ZeroMode) {
            ((Float::AddMemory(Sums, OutputOf(n++), Columns)), ...);
            n = 0;
        }

        (__riscv_vse32(OutputOf(n++), Sums, Columns), ...);
    }

    static MLAS_RVV_INLINE
    void
    Advance(
        const float* (&Scalars)[Rows],
        const float* (&Factors)[Panels],
        size_t Count
        )
    {
        for (size_t r = 0; r < Rows; r++) {
            Scalars[r] += Count;
        }

        for (size_t p = 0; p < Panels; p++) {
            Factors[p] += Count * PanelColumns;
        }
    }

    MLAS_RVV_INLINE
    float*
    OutputOf(
        size_t n
        ) const
    {
        return a.C + (n % Rows) * a.ldc + (n / Rows) * PanelColumns;
    }
};

template<size_t Lmul, size_t Panels, size_t Rows>
__attribute__((noinline))
void
ComputeTile(
    const GEMM_ARGUMENTS& Arguments
    )
{
    const GEMM_ARGUMENTS Copy = Arguments;
    const GEMM_TILE<Lmul, Panels, Rows> Tile{Copy};

    MlasRvvWithRegisters(Tile);
}

template<size_t Lmul, size_t Rows>
void
ComputeRows(
    GEMM_ARGUMENTS a
    )
{
    constexpr size_t Panels = PanelRegisters / Lmul;

    for (size_t n = a.CountN, Columns; n > 0; n -= Columns) {

        if (n >= Panels * PanelColumns) {
            Columns = Panels * PanelColumns;
            a.CountN = PanelColumns;
            ComputeTile<Lmul, Panels, Rows>(a);
        } else {
            Columns = std::min(n, PanelColumns);
            a.CountN = Columns;
            ComputeTile<Lmul, 1, Rows>(a);
        }

        a.B += Columns * a.CountK;
        a.C += Columns;
    }
}

}  // namespace

template<size_t Lmul, bool ZeroMode>
size_t
MlasRvvGemmKernel(
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

    This routine computes up to seven rows of the output.

Arguments:

    See MLAS_GEMM_FLOAT_KERNEL.

Return Value:

    Returns the number of rows handled.

--*/
{
    const GEMM_ARGUMENTS Arguments{A, B, C, CountK, CountN, lda, ldc, alpha, ZeroMode};

    switch (CountM) {
        case 1: ComputeRows<Lmul, 1>(Arguments); return 1;
        case 2: ComputeRows<Lmul, 2>(Arguments); return 2;
        case 3: ComputeRows<Lmul, 3>(Arguments); return 3;
        case 4: ComputeRows<Lmul, 4>(Arguments); return 4;
        case 5: ComputeRows<Lmul, 5>(Arguments); return 5;
        case 6: ComputeRows<Lmul, 6>(Arguments); return 6;
        default: ComputeRows<Lmul, MaximumRows>(Arguments); return MaximumRows;
    }
}

MLAS_RVV_END

#define MLAS_RVV_INSTANTIATE(Lmul)                                      \
    template MLAS_RVV_GEMM_KERNEL MlasRvvGemmKernel<Lmul, true>;        \
    template MLAS_RVV_GEMM_KERNEL MlasRvvGemmKernel<Lmul, false>

MLAS_RVV_INSTANTIATE(1);
MLAS_RVV_INSTANTIATE(2);
MLAS_RVV_INSTANTIATE(4);
