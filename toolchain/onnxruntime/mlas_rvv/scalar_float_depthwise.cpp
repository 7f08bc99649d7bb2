/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_float_depthwise.cpp

Abstract:

    Depthwise convolution of NCHWc blocks on a processor without vectors: one channel of up to eight output positions at a
    time. A line's pixels are loaded once for all the positions in whose windows they are. Those of the padding are left
    out, half a window at most on either side.

--*/

#include "scalar_float.h"
#include "scalar_tile.h"

#include <cassert>
#include <cstring>

namespace
{

constexpr size_t Block = MlasScalarNchwcBlockSize;
constexpr size_t MaximumPositions = 8;
constexpr size_t MaximumWidth = 5;
constexpr size_t MaximumStride = 2;
constexpr size_t MaximumLine = (MaximumPositions - 1) * MaximumStride + MaximumWidth;

//
// One tile. Lengths are in bytes; Left and Right are columns of the input that are padding.
//

struct DEPTHWISE_TILE {
    const float* Input;
    const float* Filter;
    float* Output;
    size_t LineStride;
    size_t Left;
    size_t Right;
    size_t KernelHeight;
    const float* Bias;
    unsigned Flags;
    float Minimum;
    float Maximum;
};

template<size_t Width, size_t Stride, size_t Positions>
void
ComputeTile(const DEPTHWISE_TILE& t)
{
    constexpr size_t Columns = (Positions - 1) * Stride + Width;
    constexpr size_t Edge = Width / 2;

    // Loaded once: what is stored may lie anywhere, for all the compiler knows.
    const size_t KernelHeight = t.KernelHeight;
    const size_t LineStride = t.LineStride;
    const size_t Left = t.Left;
    const size_t Right = t.Right;
    const bool AddBias = (t.Flags & MlasRvvConvBiasAddition) != 0;
    const bool Accumulate = (t.Flags & MlasRvvConvAccumulateOutput) != 0;
    const bool Clamp = (t.Flags & MlasRvvConvClampOutput) != 0;
    const float Minimum = t.Minimum;
    const float Maximum = t.Maximum;

    for (size_t Channel = 0; Channel < Block; Channel++) {

        const float Start = AddBias ? t.Bias[Channel] : 0.0f;
        float* const Output = t.Output + Channel;
        float Sums[Positions];

        MLAS_SCALAR_UNROLL
        for (size_t n = 0; n < Positions; n++) {
            Sums[n] = Start;
        }

        if (Accumulate) {
            for (size_t n = 0; n < Positions; n++) {
                Sums[n] += Output[n * Block];
            }
        }

        const float* Input = t.Input + Channel;
        const float* Filter = t.Filter + Channel;

        for (size_t Line = 0; Line < KernelHeight; Line++) {

            float Weights[Width];

            MLAS_SCALAR_UNROLL
            for (size_t Column = 0; Column < Width; Column++) {
                Weights[Column] = MlasScalarLoad(Filter + Column * Block);
            }

            const auto Multiply = [&](size_t Column, float Pixel) MLAS_SCALAR_LAMBDA {
                MLAS_SCALAR_UNROLL
                for (size_t n = 0; n < Positions; n++) {
                    if (Column >= n * Stride && Column < n * Stride + Width) {
                        MlasScalarMultiplyAdd(Sums[n], Pixel, Weights[Column - n * Stride]);
                    }
                }
            };

            MLAS_SCALAR_UNROLL
            for (size_t Column = 0; Column < Edge; Column++) {
                if (Column >= Left) {
                    Multiply(Column, MlasScalarLoad(Input + Column * Block));
                }
            }

            float Pixels[2];

            Pixels[Edge % 2] = MlasScalarLoad(Input + Edge * Block);

            MLAS_SCALAR_UNROLL
            for (size_t Column = Edge; Column < Columns - Edge; Column++) {

                if (Column + 1 < Columns - Edge) {
                    Pixels[(Column + 1) % 2] = MlasScalarLoad(Input + (Column + 1) * Block);
                }

                Multiply(Column, Pixels[Column % 2]);
            }

            MLAS_SCALAR_UNROLL
            for (size_t Column = Columns - Edge; Column < Columns; Column++) {
                if (Column < Columns - Right) {
                    Multiply(Column, MlasScalarLoad(Input + Column * Block));
                }
            }

            Input = MlasScalarAdvance(Input, LineStride);
            Filter += Width * Block;
        }

        MLAS_SCALAR_UNROLL
        for (size_t n = 0; n < Positions; n++) {
            Output[n * Block] = Clamp ? MlasScalarClamp(Sums[n], Minimum, Maximum) : Sums[n];
        }
    }
}

typedef
void
(COMPUTE_TILE)(
    const DEPTHWISE_TILE& t
    );

template<size_t Width, size_t Stride>
COMPUTE_TILE* const ComputeTileOfPositions[MaximumPositions] = {
    ComputeTile<Width, Stride, 1>, ComputeTile<Width, Stride, 2>, ComputeTile<Width, Stride, 3>,
    ComputeTile<Width, Stride, 4>, ComputeTile<Width, Stride, 5>, ComputeTile<Width, Stride, 6>,
    ComputeTile<Width, Stride, 7>, ComputeTile<Width, Stride, 8>,
};

struct DEPTHWISE_ROW {
    DEPTHWISE_TILE Tile;        // of the first position
    const float* InputBase;
    size_t InputWidth;
    size_t DilatedInputWidth;
    size_t StrideWidth;
    size_t DilationWidth;
    size_t InputStride;
    size_t KernelWidth;
    size_t Total;
};

//
// A tile with more padding than half a window is computed from a copy of its lines.
//

template<size_t Width, size_t Stride>
void
ComputeCopy(DEPTHWISE_TILE t, const DEPTHWISE_ROW& r, size_t Positions)
{
    constexpr size_t PixelBytes = Block * sizeof(float);

    const size_t Columns = (Positions - 1) * Stride + Width;
    float Lines[MaximumWidth][MaximumLine * Block];

    for (size_t Line = 0; Line < t.KernelHeight; Line++) {

        const float* Pixel = MlasScalarAdvance(t.Input, Line * t.LineStride);
        const float* Base = MlasScalarAdvance(r.InputBase, Line * r.DilatedInputWidth);

        for (size_t Column = 0; Column < Columns; Column++) {

            float* Copy = Lines[Line] + Column * Block;

            if (MlasScalarIsInside(Pixel, Base, r.InputWidth)) {
                memcpy(Copy, Pixel, PixelBytes);
            } else {
                memset(Copy, 0, PixelBytes);
            }

            Pixel = MlasScalarAdvance(Pixel, PixelBytes);
        }
    }

    t.Input = Lines[0];
    t.LineStride = sizeof(Lines[0]);
    t.Left = 0;
    t.Right = 0;
    ComputeTileOfPositions<Width, Stride>[Positions - 1](t);
}

template<size_t Width, size_t Stride>
void
ComputeRow(const DEPTHWISE_ROW& r)
{
    constexpr ptrdiff_t PixelBytes = Block * sizeof(float);

    DEPTHWISE_TILE t = r.Tile;

    for (size_t n = 0, Positions; n < r.Total; n += Positions) {

        Positions = std::min(r.Total - n, MaximumPositions);

        const ptrdiff_t Start = ptrdiff_t(reinterpret_cast<uintptr_t>(t.Input) - reinterpret_cast<uintptr_t>(r.InputBase));
        const ptrdiff_t End = Start + ptrdiff_t((Positions - 1) * Stride + Width) * PixelBytes;

        t.Left = size_t(std::max(-Start, ptrdiff_t(0)) / PixelBytes);
        t.Right = size_t(std::max(End - ptrdiff_t(r.InputWidth), ptrdiff_t(0)) / PixelBytes);

        if (std::max(t.Left, t.Right) <= Width / 2) {
            ComputeTileOfPositions<Width, Stride>[Positions - 1](t);
        } else {
            ComputeCopy<Width, Stride>(t, r, Positions);
        }

        t.Input = MlasScalarAdvance(t.Input, Positions * r.StrideWidth);
        t.Output += Positions * Block;
    }
}

//
// Any window, stride and dilation: one position.
//

void
ComputeAnyRow(const DEPTHWISE_ROW& r)
{
    const DEPTHWISE_TILE& t = r.Tile;
    const bool Clamp = (t.Flags & MlasRvvConvClampOutput) != 0;

    for (size_t n = 0; n < r.Total; n++) {

        const float* Input = MlasScalarAdvance(t.Input, n * r.StrideWidth);
        const float* InputBase = r.InputBase;
        const float* Filter = t.Filter;
        float* const Output = t.Output + n * Block;
        float Sums[Block];

        for (size_t c = 0; c < Block; c++) {
            Sums[c] = (t.Flags & MlasRvvConvBiasAddition) != 0 ? t.Bias[c] : 0.0f;
            Sums[c] += (t.Flags & MlasRvvConvAccumulateOutput) != 0 ? Output[c] : 0.0f;
        }

        for (size_t kh = 0; kh < t.KernelHeight; kh++) {

            for (size_t kw = 0; kw < r.KernelWidth; kw++) {

                if (MlasScalarIsInside(Input, InputBase, r.InputWidth)) {

                    MLAS_SCALAR_UNROLL
                    for (size_t c = 0; c < Block; c++) {
                        Sums[c] = __builtin_fmaf(Input[c], Filter[c], Sums[c]);
                    }
                }

                Filter += Block;
                Input = MlasScalarAdvance(Input, r.DilationWidth);
            }

            Input = MlasScalarAdvance(Input, r.InputStride);
            InputBase = MlasScalarAdvance(InputBase, r.DilatedInputWidth);
        }

        for (size_t c = 0; c < Block; c++) {
            Output[c] = Clamp ? MlasScalarClamp(Sums[c], t.Minimum, t.Maximum) : Sums[c];
        }
    }
}

}  // namespace

void
MlasConvDepthwiseFloatKernelScalar(
    const float* Input,
    const float* Filter,
    float* Output,
    size_t StrideWidth,
    size_t DilationWidth,
    size_t InputStride,
    size_t KernelHeight,
    size_t KernelWidth,
    const float* InputBase,
    size_t InputWidth,
    size_t DilatedInputWidth,
    size_t OutputCountLeftPad,
    size_t OutputCount,
    size_t OutputCountRightPad,
    const float* Bias,
    unsigned Flags,
    float Minimum,
    float Maximum
    )
/*++

Routine Description:

    This routine computes a row of one block.

Arguments:

    See MLAS_CONV_DEPTHWISE_FLOAT_KERNEL. Minimum and Maximum supply the bounds for MlasRvvConvClampOutput; a sum that is
    not a number becomes Minimum.

--*/
{
    constexpr size_t PixelBytes = Block * sizeof(float);

    assert(StrideWidth % PixelBytes == 0 && DilationWidth % PixelBytes == 0);

    const DEPTHWISE_ROW r{
        {Input, Filter, Output, InputStride + KernelWidth * DilationWidth, 0, 0, KernelHeight, Bias, Flags, Minimum, Maximum},
        InputBase, InputWidth, DilatedInputWidth, StrideWidth, DilationWidth, InputStride, KernelWidth,
        OutputCountLeftPad + OutputCount + OutputCountRightPad};

    const size_t Stride = StrideWidth / PixelBytes;

    if (DilationWidth != PixelBytes || KernelHeight > MaximumWidth) {
        return ComputeAnyRow(r);
    }

    if (KernelWidth == 3 && Stride == 1) {
        return ComputeRow<3, 1>(r);
    }

    if (KernelWidth == 3 && Stride == 2) {
        return ComputeRow<3, 2>(r);
    }

    if (KernelWidth == 5 && Stride == 1) {
        return ComputeRow<5, 1>(r);
    }

    if (KernelWidth == 5 && Stride == 2) {
        return ComputeRow<5, 2>(r);
    }

    ComputeAnyRow(r);
}
