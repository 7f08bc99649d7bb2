/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_convsym_tile.h

Abstract:

    A part of K for a tile of an 8-bit convolution on a processor without vectors: the products, and the fields of their
    sums. How they are packed is in scalar_convsym.h.

--*/

#pragma once

#include "scalar_convsym.h"

#include <algorithm>

namespace MlasScalarConvSym
{

constexpr size_t TileRows = MlasScalarTileRows;
constexpr size_t TileColumns = MlasScalarTileColumns;

//
// The fields of a tile's sums. All is what the segments' sums come to, modulo 2^64; Even is what they come to without the
// field in the middle, which is the difference, then. Of a single segment there is no need for Even.
//

struct TILE_SUMS {
    int64_t All[TileRows][TileColumns];
    int64_t Even[TileRows][TileColumns];
};

constexpr int64_t EvenMask = ~(FieldMask << FieldBits);

enum class SEGMENT { Only, First, Other };

template<SEGMENT Kind, size_t Rows, size_t Columns>
MLAS_SCALAR_INLINE
void
AddSegment(const double (&Sums)[Rows][Columns], TILE_SUMS& Total)
{
    MLAS_SCALAR_UNROLL
    for (size_t Row = 0; Row < Rows; Row++) {
        MLAS_SCALAR_UNROLL
        for (size_t Column = 0; Column < Columns; Column++) {

            int64_t Fields;
            __asm__ volatile("fcvt.l.d %0, %1, rtz" : "=r"(Fields) : "f"(Sums[Row][Column]));

            int64_t& All = Total.All[Row][Column];
            int64_t& Even = Total.Even[Row][Column];

            if constexpr (Kind == SEGMENT::Other) {
                All = static_cast<int64_t>(static_cast<uint64_t>(All) + static_cast<uint64_t>(Fields));
                Even += Fields & EvenMask;
            } else {
                All = Fields;
            }

            if constexpr (Kind == SEGMENT::First) {
                Even = Fields & EvenMask;
            }
        }

        // The next row is converted when this one is stored: all of them at once would be spilled.
        __asm__ volatile("" : : : "memory");
    }
}

//
// A part of K for a block of output channels and Rows outputs.
//

template<size_t Rows, size_t Columns>
void
MultiplyTile(const double* Panel, const SEGMENTS& Segments, TILE_SUMS& Total, SEGMENT Kind)
{
    const double* Weights = reinterpret_cast<const double*>(&Segments + 1);
    const uint8_t* Steps = Segments.Steps;
    double Starts[Columns];

    std::fill_n(Starts, Columns, SumsStart);

    do {

        double Sums[Rows][Columns];
        const double* const End = Weights + *Steps * UnrollK * Columns;

        const auto Multiply = [&](const auto&... Starts) MLAS_SCALAR_LAMBDA {

            MlasScalarMultiplyTile<UnrollK>(
                Sums,
                [&](size_t k, size_t Row) MLAS_SCALAR_LAMBDA { return Panel + k * TileRows + Row; },
                [&](size_t k, size_t Column) MLAS_SCALAR_LAMBDA { return Weights + k * Columns + Column; },
                Starts...);

            Panel += UnrollK * TileRows;
            Weights += UnrollK * Columns;
        };

        Multiply(Starts);

        while (Weights != End) {
            Multiply();
        }

        switch (Kind) {
            case SEGMENT::Only: return AddSegment<SEGMENT::Only>(Sums, Total);
            case SEGMENT::First: AddSegment<SEGMENT::First>(Sums, Total); break;
            case SEGMENT::Other: AddSegment<SEGMENT::Other>(Sums, Total); break;
        }

        Kind = SEGMENT::Other;

    } while (*++Steps != 0);
}

typedef
void
(MULTIPLY_TILE)(
    const double* Panel,
    const SEGMENTS& Segments,
    TILE_SUMS& Total,
    SEGMENT Kind
    );

#define MLAS_SCALAR_TILES_OF(Rows) \
    {MultiplyTile<Rows, 1>, MultiplyTile<Rows, 2>, MultiplyTile<Rows, 3>, MultiplyTile<Rows, 4>}

MULTIPLY_TILE* const MultiplyTileOf[TileRows][TileColumns] = {
    MLAS_SCALAR_TILES_OF(1), MLAS_SCALAR_TILES_OF(2), MLAS_SCALAR_TILES_OF(3),
    MLAS_SCALAR_TILES_OF(4), MLAS_SCALAR_TILES_OF(5), MLAS_SCALAR_TILES_OF(6),
};

#undef MLAS_SCALAR_TILES_OF

}  // namespace MlasScalarConvSym
