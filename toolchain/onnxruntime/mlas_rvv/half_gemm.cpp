/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    half_gemm.cpp

Abstract:

    Half precision matrix multiplication: up to twelve rows of A by a panel of B, whose columns fill up to four registers.
    A row may be in pieces, pixels of an image that a convolution multiplies: none is copied.

    Long sums are made of shorter ones. That bounds the error of additions in half precision, and lets the part of a panel
    that all rows use stay in the first cache.

--*/

#include "half.h"
#include "half_vector.h"

#include <algorithm>
#include <atomic>
#include <cstring>

MLAS_RVV_HALF_BEGIN

namespace
{

constexpr size_t Unrolled = 8;
constexpr size_t MaximumTerms = 192;

struct TILE_ARGUMENTS {
    const uint16_t* A;
    const uint16_t* const* Pixels;
    size_t lda;
    size_t Offset;
    size_t Pieces;
    const uint16_t* B;
    size_t ldb;
    uint16_t* C;
    size_t ldc;
    const uint16_t* Bias;
    size_t Columns;
    size_t CountK;  // of a piece
    bool Accumulate;
    MLAS_RVV_HALF_BOUNDS Bounds;

    //
    // Where a piece of each row begins.
    //

    template<size_t Rows>
    MLAS_RVV_HALF_INLINE
    void
    FindPiece(const uint16_t* (&Starts)[Rows], size_t Index) const
    {
        if (Pixels != nullptr) {
            for (size_t r = 0; r < Rows; r++) {
                Starts[r] = Pixels[r * lda + Index] + Offset;
            }
        } else {
            const uint16_t* const First = A + Offset;
            for (size_t r = 0; r < Rows; r++) {
                Starts[r] = First + r * lda;
            }
        }
    }

    void
    SkipRows(size_t Count)
    {
        if (Pixels != nullptr) {
            Pixels += Count * lda;
        } else {
            A += Count * lda;
        }
        C += Count * ldc;
    }
};

template<size_t Lmul, size_t Rows>
struct TILE {
    using Half = MLAS_RVV_HALF<Lmul>;
    using Vector = typename Half::Vector;

    static constexpr size_t RegisterGroups = Rows + 2;

    const TILE_ARGUMENTS& a;

    template<typename... Vectors>
    MLAS_RVV_HALF_INLINE
    void
    Run(
        Vector& Even,
        Vector& Odd,
        Vectors&... Sums
        ) const
    {
        const size_t vl = Half::Length(a.Columns);
        const uint16_t* Factors = a.B;

        Even = Half::Broadcast(0.0f, vl);
        Odd = Even;

        if (a.Bias != nullptr) {
            Half::LoadInto(Even, a.Bias, vl);
        }

        ((Sums = Even), ...);

        for (size_t Index = 0; Index < a.Pieces; Index++) {

            const uint16_t* Scalars[Rows];
            size_t k = a.CountK;

            a.FindPiece(Scalars, Index);

            for (; k >= Unrolled; k -= Unrolled) {

                MLAS_RVV_HALF_UNROLL
                for (size_t u = 0; u < Unrolled; u++) {
                    Add(Scalars, Factors, u, vl, u % 2 == 0 ? Even : Odd, Sums...);
                    Factors += a.ldb;
                }

                for (size_t r = 0; r < Rows; r++) {
                    Scalars[r] += Unrolled;
                }
            }

            for (; k > 0; k--) {

                Add(Scalars, Factors, 0, vl, Even, Sums...);
                Factors += a.ldb;

                for (size_t r = 0; r < Rows; r++) {
                    Scalars[r] += 1;
                }
            }
        }

        if (a.Accumulate) {
            const uint16_t* Before = a.C;
            ((Sums = __riscv_vfadd(Sums, Half::Load(Before, vl), vl), Before += a.ldc), ...);
        }

        if (a.Bounds.Bounded) {
            const _Float16 Minimum = static_cast<_Float16>(a.Bounds.Minimum);
            const _Float16 Maximum = static_cast<_Float16>(a.Bounds.Maximum);
            ((Sums = Half::Clamp(Sums, Minimum, Maximum, vl)), ...);
        }

        uint16_t* Output = a.C;

        ((__riscv_vse16(MlasRvvHalfNumbers(Output), Sums, vl), Output += a.ldc), ...);
    }

    template<typename... Vectors>
    static MLAS_RVV_HALF_INLINE
    void
    Add(
        const uint16_t* const (&Scalars)[Rows],
        const uint16_t* Factors,
        size_t k,
        size_t vl,
        Vector& Factor,
        Vectors&... Sums
        )
    {
        //
        // Keeps the compiler from loading ahead, for which no register is left.
        //

        std::atomic_signal_fence(std::memory_order_seq_cst);

        _Float16 Values[Rows];

        for (size_t r = 0; r < Rows; r++) {
            Values[r] = MlasRvvHalfScalar(Scalars[r] + k);
        }

        Half::LoadInto(Factor, Factors, vl);

        size_t r = 0;

        (Half::MultiplyAddInto(Sums, Values[r++], Factor, vl), ...);
    }
};

template<size_t Lmul, size_t Rows>
__attribute__((noinline))
void
ComputeTile(
    const TILE_ARGUMENTS& Arguments
    )
{
    const TILE_ARGUMENTS Copy = Arguments;

    MlasRvvHalfWithRegisters(TILE<Lmul, Rows>{Copy});
}

//
// All rows by a part of a panel: as many at a time as there are registers for.
//

template<size_t Lmul>
void
ComputeRows(
    TILE_ARGUMENTS a,
    size_t CountM
    )
{
    for (size_t m = CountM, Rows; m > 0; m -= Rows) {

        Rows = std::min<size_t>(m, 6);

        if constexpr (Lmul <= 2) {
            if (m >= 12) {
                Rows = 12;
            }
        }

        switch (Rows) {
            case 1: ComputeTile<Lmul, 1>(a); break;
            case 2: ComputeTile<Lmul, 2>(a); break;
            case 3: ComputeTile<Lmul, 3>(a); break;
            case 4: ComputeTile<Lmul, 4>(a); break;
            case 5: ComputeTile<Lmul, 5>(a); break;
            case 6: ComputeTile<Lmul, 6>(a); break;
            default:
                if constexpr (Lmul <= 2) {
                    ComputeTile<Lmul, 12>(a);
                }
                break;
        }

        a.SkipRows(Rows);
    }
}

template<size_t Lmul>
void
ComputePanel(
    TILE_ARGUMENTS a,
    size_t CountM
    )
{
    const MLAS_RVV_HALF_BOUNDS Bounds = a.Bounds;
    const size_t CountK = a.CountK;
    const size_t Offset = a.Offset;
    const size_t Most = std::max<size_t>(MaximumTerms / std::max<size_t>(CountK, 1), 1);  // pieces

    for (size_t Left = a.Pieces, Turns = (Left + Most - 1) / Most; Turns > 0; Turns--) {

        a.Pieces = (Left + Turns - 1) / Turns;
        a.Offset = Offset;
        Left -= a.Pieces;

        //
        // A piece that is too long is one of its own, and taken in parts.
        //

        size_t k = CountK;

        for (size_t Parts = std::max<size_t>((k + MaximumTerms - 1) / MaximumTerms, 1); Parts > 0; Parts--) {

            a.CountK = (k + Parts - 1) / Parts;
            a.Bounds = Turns == 1 && Parts == 1 ? Bounds : MLAS_RVV_HALF_BOUNDS{};
            ComputeRows<Lmul>(a, CountM);

            k -= a.CountK;
            a.Offset += a.CountK;
            a.B += a.Pieces * a.CountK * a.ldb;
            a.Bias = nullptr;
            a.Accumulate = true;
        }

        if (a.Pixels != nullptr) {
            a.Pixels += a.Pieces;
        }
    }
}

}  // namespace

size_t
MlasRvvHalfPanelColumns()
{
    return __riscv_vsetvlmax_e16m4();
}

void
MlasRvvHalfGemm(
    const MLAS_RVV_HALF_GEMM& Arguments
    )
{
    const MLAS_RVV_HALF_GEMM& a = Arguments;
    const size_t Panel = MlasRvvHalfPanelColumns();

    for (size_t n = 0, Columns; n < a.CountN; n += Columns) {

        TILE_ARGUMENTS Tile{};

        if (a.ldb == 0) {
            const size_t Column = a.StartN + n;
            const size_t Start = Column - Column % Panel;
            const size_t Width = std::min(Panel, a.TotalN - Start);
            Columns = std::min(a.CountN - n, Start + Width - Column);
            Tile.B = a.B + Start * a.CountK + (Column - Start);
            Tile.ldb = Width;
        } else {
            Columns = std::min(a.CountN - n, Panel);
            Tile.B = a.B + n;
            Tile.ldb = a.ldb;
        }

        Tile.A = a.A;
        Tile.Pixels = a.Pixels;
        Tile.lda = a.lda;
        Tile.Offset = a.Offset;
        Tile.Pieces = a.Pixels != nullptr ? a.lda : 1;
        Tile.C = a.C + n;
        Tile.ldc = a.ldc;
        Tile.Bias = a.Bias != nullptr ? a.Bias + n : nullptr;
        Tile.Columns = Columns;
        Tile.CountK = a.CountK / Tile.Pieces;
        Tile.Bounds = a.Bounds;

        if (Columns <= Panel / 4) {
            ComputePanel<1>(Tile, a.CountM);
        } else if (Columns <= Panel / 2) {
            ComputePanel<2>(Tile, a.CountM);
        } else {
            ComputePanel<4>(Tile, a.CountM);
        }
    }
}

void
MlasRvvHalfPack(
    uint16_t* Packed,
    const uint16_t* B,
    size_t ldb,
    size_t CountN,
    size_t CountK
    )
{
    const size_t Panel = MlasRvvHalfPanelColumns();

    for (size_t n = 0, Columns; n < CountN; n += Columns) {

        Columns = std::min(CountN - n, Panel);

        for (size_t k = 0; k < CountK; k++) {
            memcpy(Packed, B + k * ldb + n, Columns * sizeof(uint16_t));
            Packed += Columns;
        }
    }
}

MLAS_RVV_HALF_END
