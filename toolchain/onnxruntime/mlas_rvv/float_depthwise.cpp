/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_depthwise.cpp

Abstract:

    Depthwise convolution of NCHWc blocks, a register group of channels at a time: windows other than the usual ones are
    computed as tiles of positions.

--*/

#include "float_depthwise_3x3.h"

MLAS_RVV_BEGIN

namespace
{

constexpr size_t Block = MlasRvvNchwcBlockSize;

template<typename Float>
MLAS_RVV_INLINE
void
Finish(
    typename Float::Vector& Sum,
    const MLAS_RVV_DEPTHWISE_ROW& Row,
    float* Output
    )
{
    if ((Row.Flags & MlasRvvConvClampOutput) != 0) {
        Float::ClampInto(Sum, Row.Minimum, Row.Maximum);
    }

    __riscv_vse32(Output, Sum, Float::Count);
}

template<typename Float, size_t Positions>
struct DEPTHWISE_TILE {
    using Vector = typename Float::Vector;

    static constexpr size_t RegisterGroups = Positions;

    const MLAS_RVV_DEPTHWISE_ROW& Row;
    const float* Filter;

    template<typename... Vectors>
    MLAS_RVV_INLINE
    void
    Run(
        Vectors&... Sums
        )
    {
        size_t n = 0;

        if ((Row.Flags & MlasRvvConvAccumulateOutput) != 0) {
            ((Sums = Float::Load(Row.Output + n++ * Block)), ...);
        } else {
            ((Sums = Float::Broadcast(0.0f)), ...);
        }

        if ((Row.Flags & MlasRvvConvBiasAddition) != 0) {
            const Vector Bias = Float::Load(Row.Bias);
            ((Sums = __riscv_vfadd(Sums, Bias, Float::Count)), ...);
        }

        MlasRvvWalkWindow<Positions>(Row.Window, *this, Sums...);

        n = 0;
        (Finish<Float>(Sums, Row, Row.Output + n++ * Block), ...);
    }

    template<typename... Vectors>
    MLAS_RVV_INLINE
    void
    Tap(
        const float* const (&Inputs)[Positions],
        Vectors&... Sums
        )
    {
        const Vector Weights = Float::Load(Filter);
        size_t n = 0;

        ((Sums = __riscv_vfmacc(Sums, Float::Load(Inputs[n++]), Weights, Float::Count)), ...);
        Filter += Block;
    }
};

template<typename Float>
struct DEPTHWISE_WINDOW_ROW : MLAS_RVV_DEPTHWISE_ROW {
    template<size_t Positions>
    MLAS_RVV_INLINE
    void
    Compute() const
    {
        DEPTHWISE_TILE<Float, Positions> Tile{*this, Filter};
        MlasRvvWithRegisters(Tile);
    }
};

}  // namespace

template<size_t Lmul, size_t Lanes>
void
MlasRvvConvDepthwiseKernel(
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

    This routine computes a row of one output block, Lanes channels at a time.

Arguments:

    See MLAS_CONV_DEPTHWISE_FLOAT_KERNEL. Minimum and Maximum supply the bounds for MlasRvvConvClampOutput; a sum that
    is not a number becomes Minimum.

--*/
{
    using Float = MLAS_RVV_FLOAT<Lmul, Lanes>;

    const size_t TotalCount = OutputCountLeftPad + OutputCount + OutputCountRightPad;

    for (size_t c = 0; c < Block; c += Lanes) {

        const DEPTHWISE_WINDOW_ROW<Float> Row{
            {{Input + c, InputBase + c, InputWidth, DilatedInputWidth, StrideWidth, DilationWidth, InputStride,
              KernelHeight, KernelWidth, nullptr},
             Filter + c, Output + c, Bias == nullptr ? nullptr : Bias + c, Flags, Minimum, Maximum}};

        if (!MlasRvvTrySlide3x3<Float, 1>(Row, TotalCount) && !MlasRvvTrySlide3x3<Float, 2>(Row, TotalCount)) {
            MlasRvvComputeRow(Row, Row, MlasRvvZeroBlock.Values, OutputCountLeftPad, OutputCount, OutputCountRightPad);
        }
    }
}

MLAS_RVV_END

template MLAS_RVV_CONV_DEPTHWISE_KERNEL MlasRvvConvDepthwiseKernel<1, 16>;
template MLAS_RVV_CONV_DEPTHWISE_KERNEL MlasRvvConvDepthwiseKernel<2, 16>;
template MLAS_RVV_CONV_DEPTHWISE_KERNEL MlasRvvConvDepthwiseKernel<2, 8>;
