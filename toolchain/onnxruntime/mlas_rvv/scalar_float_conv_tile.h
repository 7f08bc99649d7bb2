/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_float_conv_tile.h

Abstract:

    A tile of a convolution of NCHWc blocks on a processor without vectors: up to six output positions times four channels,
    half of a block.

--*/

#pragma once

#include "scalar_float.h"
#include "scalar_tile.h"

namespace MlasScalarConv
{

constexpr size_t Block = MlasScalarNchwcBlockSize;
constexpr size_t TileRows = MlasScalarTileRows;
constexpr size_t TileColumns = MlasScalarTileColumns;

constexpr float ZeroPixel[Block] = {};

//
// The window of the first position, and what is done to the sums. All lengths are in bytes.
//

struct CONV_WINDOW {
    const float* Input;
    const float* InputBase;
    size_t InputWidth;
    size_t DilatedInputWidth;
    size_t StrideWidth;
    size_t DilationWidth;
    size_t InputStride;
    size_t KernelHeight;
    size_t KernelWidth;
    bool IsPadded;
    unsigned Flags;
    float Minimum;
    float Maximum;
};

//
// Sums of a tile, from what is there already and the bias.
//

template<size_t Rows>
MLAS_SCALAR_INLINE
void
StartTile(float (&Sums)[Rows][TileColumns], const float (&Starts)[TileColumns], const float* Output, unsigned Flags)
{
    const bool Accumulate = (Flags & MlasRvvConvAccumulateOutput) != 0;

    MLAS_SCALAR_UNROLL
    for (size_t n = 0; n < Rows * TileColumns; n++) {
        const float Start = Starts[n % TileColumns];
        Sums[n / TileColumns][n % TileColumns] =
            Accumulate ? Start + Output[n / TileColumns * Block + n % TileColumns] : Start;
    }
}

template<size_t Rows>
MLAS_SCALAR_INLINE
void
StoreTile(float (&Sums)[Rows][TileColumns], float* Output, const CONV_WINDOW& w)
{
    if ((w.Flags & MlasRvvConvClampOutput) != 0) {

        MLAS_SCALAR_UNROLL
        for (size_t n = 0; n < Rows * TileColumns; n++) {
            float& Sum = Sums[n / TileColumns][n % TileColumns];
            Sum = MlasScalarClamp(Sum, w.Minimum, w.Maximum);
        }
    }

    MLAS_SCALAR_UNROLL
    for (size_t n = 0; n < Rows * TileColumns; n++) {
        Output[n / TileColumns * Block + n % TileColumns] = Sums[n / TileColumns][n % TileColumns];
    }
}

//
// The products of one element of the window. Channels inputs lie beside each other: those of a block, or for NCHW one, or
// a line of the window. Stride is how many floats lie between the positions, or zero where that is none of those known
// beforehand, or where they may be in the padding.
//

template<size_t Channels, size_t Stride, size_t Rows, typename... StartsOf>
MLAS_SCALAR_INLINE
void
MultiplyElement(
    float (&Sums)[Rows][TileColumns],
    const CONV_WINDOW& w,
    const float* Input,
    const float* InputBase,
    const float* Filter,
    const StartsOf&... Starts
    )
{
    const auto Weight = [&](size_t c, size_t Column) MLAS_SCALAR_LAMBDA { return Filter + c * Block + Column; };

    if constexpr (Stride != 0) {

        MlasScalarMultiplyTile<Channels>(
            Sums, [&](size_t c, size_t Row) MLAS_SCALAR_LAMBDA { return Input + Row * Stride + c; }, Weight, Starts...);

    } else {

        const float* Pixels[Rows];

        MLAS_SCALAR_UNROLL
        for (size_t Row = 0; Row < Rows; Row++) {
            const float* Pixel = MlasScalarAdvance(Input, Row * w.StrideWidth);
            const bool IsOutside = w.IsPadded && !MlasScalarIsInside(Pixel, InputBase, w.InputWidth);
            Pixels[Row] = IsOutside ? ZeroPixel : Pixel;
        }

        MlasScalarMultiplyTile<Channels>(
            Sums, [&](size_t c, size_t Row) MLAS_SCALAR_LAMBDA { return Pixels[Row] + c; }, Weight, Starts...);
    }
}

//
// One tile.
//

template<size_t Channels, size_t Stride, size_t Rows>
MLAS_SCALAR_INLINE
void
ComputeTile(const CONV_WINDOW& w, const float* Filter, float* Output, const float* Bias)
{
    float Sums[Rows][TileColumns];
    float Starts[TileColumns] = {};
    const float* Input = w.Input;
    const float* InputBase = w.InputBase;
    const size_t DilationWidth = w.DilationWidth;
    const size_t LineWidth = w.KernelWidth * DilationWidth;
    const float* LineEnd = MlasScalarAdvance(Input, LineWidth);

    if ((w.Flags & MlasRvvConvBiasAddition) != 0) {
        std::copy_n(Bias, TileColumns, Starts);
    }

    if ((w.Flags & MlasRvvConvAccumulateOutput) != 0 || w.KernelHeight == 0) {
        StartTile(Sums, Starts, Output, w.Flags);
    } else {
        MultiplyElement<Channels, Stride>(Sums, w, Input, InputBase, Filter, Starts);
        Filter += Channels * Block;
        Input = MlasScalarAdvance(Input, DilationWidth);
    }

    for (size_t kh = 0; kh < w.KernelHeight; kh++) {

        for (; Input != LineEnd; Input = MlasScalarAdvance(Input, DilationWidth)) {
            MultiplyElement<Channels, Stride>(Sums, w, Input, InputBase, Filter);
            Filter += Channels * Block;
        }

        Input = MlasScalarAdvance(Input, w.InputStride);
        LineEnd = MlasScalarAdvance(Input, LineWidth);
        InputBase = MlasScalarAdvance(InputBase, w.DilatedInputWidth);
    }

    StoreTile(Sums, Output, w);
}

}  // namespace MlasScalarConv
