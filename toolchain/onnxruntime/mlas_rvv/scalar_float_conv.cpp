/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_float_conv.cpp

Abstract:

    Convolution of NCHWc blocks on a processor without vectors: direct, pointwise, and of the NCHW input of a network's
    first layer. A tile is up to six output positions times four channels, half of a block.

--*/

#include "scalar_float_conv_tile.h"

#include <cassert>

using namespace MlasScalarConv;

namespace
{

struct CONV_FILTERS {
    const float* Filter;
    size_t FilterCount;
    size_t FilterStride;
    float* Output;
    size_t OutputStride;
    const float* Bias;
};

//
// Some positions: for each tile all the filters, so that the input is loaded from beyond the first level cache only once.
//

template<size_t Channels, size_t Stride, size_t Rows>
void
ComputeFilters(const CONV_WINDOW& w, const CONV_FILTERS& f, size_t Position)
{
    const float* Filter = f.Filter;
    float* Output = f.Output + Position * Block;
    const float* Bias = f.Bias;

    for (size_t Index = 0; Index < f.FilterCount; Index++) {

        for (size_t Half = 0; Half < Block; Half += TileColumns) {
            ComputeTile<Channels, Stride, Rows>(w, Filter + Half, Output + Half, Bias);
            Bias = Bias == nullptr ? nullptr : Bias + TileColumns;
        }

        Filter = MlasScalarAdvance(Filter, f.FilterStride);
        Output = MlasScalarAdvance(Output, f.OutputStride);
    }
}

typedef
void
(COMPUTE_FILTERS)(
    const CONV_WINDOW& w,
    const CONV_FILTERS& f,
    size_t Position
    );

template<size_t Channels, size_t Stride>
COMPUTE_FILTERS* const ComputeFiltersOfRows[TileRows] = {
    ComputeFilters<Channels, Stride, 1>, ComputeFilters<Channels, Stride, 2>, ComputeFilters<Channels, Stride, 3>,
    ComputeFilters<Channels, Stride, 4>, ComputeFilters<Channels, Stride, 5>, ComputeFilters<Channels, Stride, 6>,
};

template<size_t Channels, size_t Stride>
void
ComputePositions(CONV_WINDOW w, const CONV_FILTERS& f, size_t Start, size_t Count)
{
    w.Input = MlasScalarAdvance(w.Input, Start * w.StrideWidth);

    for (size_t n = 0, Rows; n < Count; n += Rows) {
        Rows = std::min(Count - n, TileRows);
        ComputeFiltersOfRows<Channels, Stride>[Rows - 1](w, f, Start + n);
        w.Input = MlasScalarAdvance(w.Input, Rows * w.StrideWidth);
    }
}

//
// Positions that do not touch the padding.
//

template<size_t Channels, size_t PixelSize>
void
ComputeInside(const CONV_WINDOW& w, const CONV_FILTERS& f, size_t Start, size_t Count)
{
    switch (w.StrideWidth / sizeof(float) / PixelSize) {
        case 1: return ComputePositions<Channels, PixelSize>(w, f, Start, Count);
        case 2: return ComputePositions<Channels, 2 * PixelSize>(w, f, Start, Count);
        default: return ComputePositions<Channels, 0>(w, f, Start, Count);
    }
}

//
// The window of an NCHW input where it is not dilated: its lines are what a block's channels are else.
//

template<size_t Width>
void
ComputeLinesInside(const CONV_WINDOW& w, const CONV_FILTERS& f, size_t Start, size_t Count)
{
    CONV_WINDOW Lines = w;

    Lines.KernelWidth = 1;
    Lines.InputStride += (Width - 1) * w.DilationWidth;

    ComputeInside<Width, 1>(Lines, f, Start, Count);
}

//
// Positions of a row: tiles that touch the padding test each of their positions, the others do not.
//

template<size_t Channels, typename InsideFunction>
void
ComputeRow(
    const CONV_WINDOW& w,
    const CONV_FILTERS& f,
    size_t Left,
    size_t Count,
    size_t Right,
    const InsideFunction& Inside
    )
{
    const size_t InsideEnd = Left + Count;
    const size_t Total = InsideEnd + Right;
    const size_t Start = std::min((Left + TileRows - 1) / TileRows * TileRows, Total);
    size_t CountInside = InsideEnd > Start ? InsideEnd - Start : 0;

    if (Right > 0) {
        CountInside = CountInside / TileRows * TileRows;
    }

    CONV_WINDOW Padded = w;
    Padded.IsPadded = true;

    ComputePositions<Channels, 0>(Padded, f, 0, Start);
    Inside(w, f, Start, CountInside);
    ComputePositions<Channels, 0>(Padded, f, Start + CountInside, Total - Start - CountInside);
}

}  // namespace

void
MlasConvNchwFloatKernelScalar(
    const float* Input,
    const float* Filter,
    float* Output,
    size_t StrideWidth,
    size_t DilationWidth,
    size_t FilterCount,
    size_t InputStride,
    size_t FilterStride,
    size_t OutputStride,
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

    This routine computes a row of up to four output blocks from one NCHW channel.

Arguments:

    See MLAS_CONV_FLOAT_KERNEL. Minimum and Maximum supply the bounds for MlasRvvConvClampOutput; a sum that is not a
    number becomes Minimum.

--*/
{
    assert(FilterCount > 0);

    const CONV_WINDOW w{
        Input, InputBase, InputWidth, DilatedInputWidth, StrideWidth, DilationWidth, InputStride, KernelHeight,
        KernelWidth, false, Flags, Minimum, Maximum};
    const CONV_FILTERS f{Filter, FilterCount, FilterStride, Output, OutputStride, Bias};
    const bool IsDilated = DilationWidth != sizeof(float);

    ComputeRow<1>(w, f, OutputCountLeftPad, OutputCount, OutputCountRightPad,
        !IsDilated && KernelWidth == 3   ? ComputeLinesInside<3>
        : !IsDilated && KernelWidth == 7 ? ComputeLinesInside<7>
                                         : ComputeInside<1, 1>);
}

void
MlasConvNchwcFloatKernelScalar(
    const float* Input,
    const float* Filter,
    float* Output,
    size_t StrideWidth,
    size_t DilationWidth,
    size_t FilterCount,
    size_t InputStride,
    size_t FilterStride,
    size_t OutputStride,
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

    This routine computes a row of up to four output blocks from one input block.

Arguments:

    See above.

--*/
{
    assert(FilterCount > 0);

    const CONV_WINDOW w{
        Input, InputBase, InputWidth, DilatedInputWidth, StrideWidth, DilationWidth, InputStride, KernelHeight,
        KernelWidth, false, Flags, Minimum, Maximum};
    const CONV_FILTERS f{Filter, FilterCount, FilterStride, Output, OutputStride, Bias};

    ComputeRow<Block>(w, f, OutputCountLeftPad, OutputCount, OutputCountRightPad, ComputeInside<Block, Block>);
}

void
MlasConvPointwiseFloatKernelScalar(
    const float* Input,
    const float* Filter,
    float* Output,
    size_t StrideWidth,
    size_t InputChannels,
    size_t FilterCount,
    size_t InputStride,
    size_t FilterStride,
    size_t OutputStride,
    size_t OutputCount,
    const float* Bias,
    unsigned Flags,
    float Minimum,
    float Maximum
    )
/*++

Routine Description:

    This routine computes up to four output blocks from InputChannels input blocks: a direct convolution whose window is
    the input blocks.

Arguments:

    See MLAS_CONV_POINTWISE_FLOAT_KERNEL and above.

--*/
{
    assert(FilterCount > 0 && InputChannels > 0);

    const CONV_WINDOW w{
        Input, Input, 0, 0, StrideWidth, InputStride, 0, 1, InputChannels, false, Flags, Minimum, Maximum};
    const CONV_FILTERS f{Filter, FilterCount, FilterStride, Output, OutputStride, Bias};

    ComputeInside<Block, Block>(w, f, 0, OutputCount);
}
