/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_window.h

Abstract:

    The walk of a window over a row of NCHWc blocks, shared by convolution, depthwise convolution and pooling: several
    output positions are computed at once, each with a pointer of its own into the input.

--*/

#pragma once

#include "float.h"
#include "float_vector.h"

#include <algorithm>
#include <limits>

constexpr size_t MlasRvvMaximumPositions = 7;

//
// The window of the first position of a tile. All lengths are in bytes.
//

struct MLAS_RVV_WINDOW {
    const float* Input;
    const float* InputBase;
    size_t InputWidth;
    size_t DilatedInputWidth;
    size_t StrideWidth;
    size_t DilationWidth;
    size_t InputStride;
    size_t KernelHeight;
    size_t KernelWidth;
    const float* Padding;       // a block to read outside of the input, or nullptr when the tile is inside of it
};

MLAS_RVV_BEGIN

//
// Calls Work.Tap with an input pointer for each position, for each element of the window.
//

template<size_t Positions, typename Tile, typename... Vectors>
static MLAS_RVV_INLINE
void
MlasRvvWalkWindow(
    const MLAS_RVV_WINDOW& Window,
    Tile& Work,
    Vectors&... Registers
    )
{
    const float* Input = Window.Input;
    const float* InputBase = Window.InputBase;

    for (size_t kh = 0; kh < Window.KernelHeight; kh++) {

        for (size_t kw = 0; kw < Window.KernelWidth; kw++) {

            const float* Sources[Positions];

            Sources[0] = Input;

            for (size_t p = 1; p < Positions; p++) {
                Sources[p] = MlasRvvAdvance(Sources[p - 1], Window.StrideWidth);
            }

            if (Window.Padding != nullptr) {
                for (const float*& Source : Sources) {
                    Source = MlasRvvIsInside(Source, InputBase, Window.InputWidth) ? Source : Window.Padding;
                }
            }

            Work.Tap(Sources, Registers...);
            Input = MlasRvvAdvance(Input, Window.DilationWidth);
        }

        Input = MlasRvvAdvance(Input, Window.InputStride);
        InputBase = MlasRvvAdvance(InputBase, Window.DilatedInputWidth);
    }
}

template<typename Kernel>
static
void
MlasRvvAdvanceRow(
    Kernel& Work,
    size_t Positions
    )
{
    Work.Window.Input = MlasRvvAdvance(Work.Window.Input, Positions * Work.Window.StrideWidth);
    Work.Output += Positions * MlasRvvNchwcBlockSize;
}

//
// Computes one tile after another, on a copy that the compiler can keep in registers.
//

template<size_t Positions, typename Kernel>
__attribute__((noinline))
static
void
MlasRvvComputeTiles(
    const Kernel& First,
    size_t Tiles
    )
{
    Kernel Work = First;

    for (size_t n = 0; n < Tiles; n++) {
        Work.template Compute<Positions>();
        MlasRvvAdvanceRow(Work, Positions);
    }
}

template<typename Kernel>
static
void
MlasRvvComputeTiles(
    const Kernel& Work,
    size_t Positions,
    size_t Tiles
    )
{
    switch (Positions) {
        case 1: return MlasRvvComputeTiles<1>(Work, Tiles);
        case 2: return MlasRvvComputeTiles<2>(Work, Tiles);
        case 3: return MlasRvvComputeTiles<3>(Work, Tiles);
        case 4: return MlasRvvComputeTiles<4>(Work, Tiles);
        case 5: return MlasRvvComputeTiles<5>(Work, Tiles);
        case 6: return MlasRvvComputeTiles<6>(Work, Tiles);
        default: return MlasRvvComputeTiles<7>(Work, Tiles);
    }
}

//
// Computes a row as tiles of up to seven positions: with Inside those that do not touch the padding, with Padded, which
// reads `Padding` there, the others.
//

template<typename InsideKernel, typename PaddedKernel>
static
void
MlasRvvComputeRow(
    InsideKernel Inside,
    PaddedKernel Padded,
    const float* Padding,
    size_t OutputCountLeftPad,
    size_t OutputCount,
    size_t OutputCountRightPad
    )
{
    const size_t PaddedFrom = OutputCountLeftPad + OutputCount;
    const size_t Total = PaddedFrom + OutputCountRightPad;

    Padded.Window.Padding = Padding;

    for (size_t n = 0, Positions, Tiles; n < Total; n += Positions * Tiles) {

        Positions = std::min(Total - n, MlasRvvMaximumPositions);

        if (n < OutputCountLeftPad || n + Positions > PaddedFrom) {
            Tiles = 1;
            MlasRvvComputeTiles(Padded, Positions, Tiles);
        } else {
            Tiles = (PaddedFrom - n) / Positions;
            MlasRvvComputeTiles(Inside, Positions, Tiles);
        }

        MlasRvvAdvanceRow(Inside, Positions * Tiles);
        MlasRvvAdvanceRow(Padded, Positions * Tiles);
    }
}

MLAS_RVV_END

//
// Blocks of what padding holds.
//

struct MLAS_RVV_BLOCK {
    float Values[MlasRvvNchwcBlockSize];
};

constexpr
MLAS_RVV_BLOCK
MlasRvvFilledBlock(
    float Value
    )
{
    MLAS_RVV_BLOCK Block{};

    for (float& Element : Block.Values) {
        Element = Value;
    }

    return Block;
}

alignas(64) constexpr MLAS_RVV_BLOCK MlasRvvZeroBlock = MlasRvvFilledBlock(0.0f);
alignas(64) constexpr MLAS_RVV_BLOCK MlasRvvLowestBlock = MlasRvvFilledBlock(std::numeric_limits<float>::lowest());
