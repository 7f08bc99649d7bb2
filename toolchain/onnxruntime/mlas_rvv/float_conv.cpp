/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_conv.cpp

Abstract:

    Convolution of NCHWc blocks: direct, pointwise, and of the NCHW input of a network's first layer.

    A tile is up to seven output positions times the filter blocks that four registers hold: 28 registers of sums. For
    each input channel it takes four registers of weights and a scalar for each position, whatever the register length.

--*/

#include "float_window.h"

MLAS_RVV_BEGIN

namespace
{

constexpr size_t Block = MlasRvvNchwcBlockSize;
constexpr size_t FilterRegisters = 4;

alignas(64) constexpr float NoBias[FilterRegisters * Block] = {};

//
// `Channels` inputs lie beside each other: those of a block, or for NCHW one, or a line of the window.
//

template<size_t Lmul, size_t Channels, size_t Blocks>
struct CONV_ROW {
    MLAS_RVV_WINDOW Window;
    const float* Filter;
    size_t FilterStride;
    float* Output;
    size_t OutputStride;
    const float* Bias;
    unsigned Flags;
    float Minimum;
    float Maximum;

    template<size_t Positions>
    MLAS_RVV_INLINE
    void
    Compute() const;
};

template<size_t Lmul, size_t Channels, size_t Blocks, size_t Positions>
struct CONV_TILE {
    using Float = MLAS_RVV_FLOAT<Lmul, Block>;
    using Vector = typename Float::Vector;

    static constexpr size_t SumGroups = Blocks * Positions;
    static constexpr size_t RegisterGroups = SumGroups + 2;

    const CONV_ROW<Lmul, Channels, Blocks>& Row;
    const float* Filters[Blocks];

    template<typename... Vectors>
    MLAS_RVV_INLINE
    void
    Run(
        Vector& EvenWeights,
        Vector& OddWeights,
        Vectors&... Sums
        )
    {
        for (size_t b = 0; b < Blocks; b++) {
            Filters[b] = MlasRvvAdvance(Row.Filter, b * Row.FilterStride);
        }

        Start(Sums...);
        EvenWeights = Float::Broadcast(0.0f);
        OddWeights = EvenWeights;
        MlasRvvWalkWindow<Positions>(Row.Window, *this, EvenWeights, OddWeights, Sums...);
        Finish(Sums...);
    }

    template<typename... Vectors>
    MLAS_RVV_INLINE
    void
    Start(
        Vectors&... Sums
        ) const
    {
        const bool AddBias = (Row.Flags & MlasRvvConvBiasAddition) != 0;
        const float* Bias = AddBias ? Row.Bias : NoBias;
        size_t n = 0;

        if ((Row.Flags & MlasRvvConvAccumulateOutput) == 0) {

            ((Sums = Float::Load(Bias + (n++ / Positions) * Block)), ...);

        } else {

            ((Sums = Float::Load(OutputOf(n++))), ...);

            if (AddBias) {
                n = 0;
                ((Sums = __riscv_vfadd(Sums, Float::Load(Bias + (n++ / Positions) * Block), Block)), ...);
            }
        }
    }

    template<typename... Vectors>
    MLAS_RVV_INLINE
    void
    Tap(
        const float* const (&Inputs)[Positions],
        Vector& EvenWeights,
        Vector& OddWeights,
        Vectors&... Sums
        )
    {
        MLAS_RVV_UNROLL
        for (size_t c = 0; c < Channels; c++) {
            MLAS_RVV_OUTER_PRODUCT<Float, Blocks, Positions>::Add(
                Inputs, Filters, c, EvenWeights, OddWeights, Sums...);
        }

        for (size_t b = 0; b < Blocks; b++) {
            Filters[b] += Channels * Block;
        }
    }

    template<typename... Vectors>
    MLAS_RVV_INLINE
    void
    Finish(
        Vectors&... Sums
        ) const
    {
        if ((Row.Flags & MlasRvvConvClampOutput) != 0) {
            (Float::ClampInto(Sums, Row.Minimum, Row.Maximum), ...);
        }

        size_t n = 0;
        (__riscv_vse32(OutputOf(n++), Sums, Block), ...);
    }

    MLAS_RVV_INLINE
    float*
    OutputOf(
        size_t n
        ) const
    {
        return MlasRvvAdvance(Row.Output, (n / Positions) * Row.OutputStride) + (n % Positions) * Block;
    }
};

template<size_t Lmul, size_t Channels, size_t Blocks>
template<size_t Positions>
MLAS_RVV_INLINE
void
CONV_ROW<Lmul, Channels, Blocks>::Compute() const
{
    CONV_TILE<Lmul, Channels, Blocks, Positions> Tile{*this, {}};
    MlasRvvWithRegisters(Tile);
}

//
// The window of an NCHW input where it is not dilated: its lines are what a block's channels are else.
//

template<size_t Lmul, size_t Width, size_t Blocks>
CONV_ROW<Lmul, Width, Blocks>
ByLines(
    const CONV_ROW<Lmul, 1, Blocks>& Row
    )
{
    CONV_ROW<Lmul, Width, Blocks> Lines{
        Row.Window, Row.Filter, Row.FilterStride, Row.Output, Row.OutputStride, Row.Bias, Row.Flags, Row.Minimum,
        Row.Maximum};

    Lines.Window.KernelWidth = 1;
    Lines.Window.InputStride += (Width - 1) * Lines.Window.DilationWidth;

    return Lines;
}

template<size_t Lmul, size_t Channels, size_t Blocks>
void
ComputeRow(
    const CONV_ROW<Lmul, Channels, Blocks>& Row,
    size_t OutputCountLeftPad,
    size_t OutputCount,
    size_t OutputCountRightPad
    )
{
    const auto Compute = [&](const auto& Inside) {
        MlasRvvComputeRow(
            Inside, Row, MlasRvvZeroBlock.Values, OutputCountLeftPad, OutputCount, OutputCountRightPad);
    };

    if constexpr (Channels == 1) {

        const bool Dilated = Row.Window.DilationWidth != sizeof(float);

        if (!Dilated && Row.Window.KernelWidth == 3) {
            return Compute(ByLines<Lmul, 3>(Row));
        }

        if (!Dilated && Row.Window.KernelWidth == 7) {
            return Compute(ByLines<Lmul, 7>(Row));
        }
    }

    Compute(Row);
}

template<size_t Lmul, size_t Channels, size_t Blocks>
void
ComputeFilters(
    CONV_ROW<Lmul, Channels, Blocks> Row,
    size_t FilterCount,
    size_t OutputCountLeftPad,
    size_t OutputCount,
    size_t OutputCountRightPad
    )
{
    for (; FilterCount >= Blocks; FilterCount -= Blocks) {

        ComputeRow(Row, OutputCountLeftPad, OutputCount, OutputCountRightPad);

        Row.Filter = MlasRvvAdvance(Row.Filter, Blocks * Row.FilterStride);
        Row.Output = MlasRvvAdvance(Row.Output, Blocks * Row.OutputStride);
        Row.Bias = Row.Bias == nullptr ? nullptr : Row.Bias + Blocks * Block;
    }

    if constexpr (Blocks > 1) {
        const CONV_ROW<Lmul, Channels, 1> Rest{
            Row.Window, Row.Filter, Row.FilterStride, Row.Output, Row.OutputStride, Row.Bias, Row.Flags,
            Row.Minimum, Row.Maximum};
        ComputeFilters(Rest, FilterCount, OutputCountLeftPad, OutputCount, OutputCountRightPad);
    }
}

}  // namespace

template<size_t Lmul, size_t Channels>
void
MlasRvvConvKernel(
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

    This routine computes a row of up to four output blocks from one input block, or from one NCHW channel.

Arguments:

    See MLAS_CONV_FLOAT_KERNEL. Minimum and Maximum supply the bounds for MlasRvvConvClampOutput; a sum that is not a
    number becomes Minimum.

--*/
{
    const CONV_ROW<Lmul, Channels, FilterRegisters / Lmul> Row{
        {Input, InputBase, InputWidth, DilatedInputWidth, StrideWidth, DilationWidth, InputStride, KernelHeight,
         KernelWidth, nullptr},
        Filter, FilterStride, Output, OutputStride, Bias, Flags, Minimum, Maximum};

    ComputeFilters(Row, FilterCount, OutputCountLeftPad, OutputCount, OutputCountRightPad);
}

template<size_t Lmul>
void
MlasRvvConvPointwiseKernel(
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
    const CONV_ROW<Lmul, Block, FilterRegisters / Lmul> Row{
        {Input, Input, 0, 0, StrideWidth, InputStride, 0, 1, InputChannels, nullptr},
        Filter, FilterStride, Output, OutputStride, Bias, Flags, Minimum, Maximum};

    ComputeFilters(Row, FilterCount, 0, OutputCount, 0);
}

MLAS_RVV_END

#define MLAS_RVV_INSTANTIATE(Lmul)                                      \
    template MLAS_RVV_CONV_KERNEL MlasRvvConvKernel<Lmul, 1>;           \
    template MLAS_RVV_CONV_KERNEL MlasRvvConvKernel<Lmul, 16>;          \
    template MLAS_RVV_CONV_POINTWISE_KERNEL MlasRvvConvPointwiseKernel<Lmul>

MLAS_RVV_INSTANTIATE(1);
MLAS_RVV_INSTANTIATE(2);
MLAS_RVV_INSTANTIATE(4);
