/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_nchwc.cpp

Abstract:

    Tests the NCHWc convolution and pooling kernels row by row, called as snchwc.cpp calls them.

--*/

#include "float_support.h"
#include "float_variant.h"

#include <algorithm>
#include <limits>

namespace
{

constexpr size_t Block = TestedBlockSize;
constexpr float Infinity = std::numeric_limits<float>::infinity();

enum class KIND { Nchw, Nchwc, Pointwise, Depthwise, Maximum, AverageExcludePad, AverageIncludePad };

const char* const KindNames[] = {"nchw", "nchwc", "pointwise", "depthwise", "maximum", "exclude pad", "include pad"};

struct AXIS {
    size_t Input;
    size_t Kernel;
    size_t Stride;
    size_t Dilation;
    size_t PadLeft;
    size_t PadRight;

    size_t Span() const { return Dilation * (Kernel - 1) + 1; }
    size_t Output() const { return (Input + PadLeft + PadRight - Span()) / Stride + 1; }
    bool Fits() const { return Input + PadLeft + PadRight >= Span(); }

    // The input index under a tap, or one that is not less than Input.
    size_t Source(size_t Output, size_t Tap) const { return Output * Stride + Tap * Dilation - PadLeft; }

    // MlasNchwcPrepareWorkBlock
    size_t WithLeftPad() const { return Input + PadLeft >= Span() ? (Input + PadLeft - Span()) / Stride + 1 : 0; }
    size_t LeftPad() const { return std::min((PadLeft + Stride - 1) / Stride, WithLeftPad()); }
};

struct CASE {
    KIND Kind;
    AXIS Y;
    AXIS X;
    size_t InputBlocks;     // channels for NCHW
    size_t FilterCount;
    unsigned Flags;
    float Minimum;
    float Maximum;
    AGAINST Against;

    bool IsPool() const { return Kind >= KIND::Maximum; }
    bool IsBlocked() const { return Kind != KIND::Nchw; }
    bool IsDense() const { return Kind <= KIND::Pointwise; }
    size_t InputLanes() const { return IsBlocked() ? Block : 1; }
    size_t OutputBlocks() const { return IsDense() ? FilterCount : 1; }
    size_t InputSize() const { return Y.Input * X.Input; }
    size_t OutputSize() const { return Y.Output() * X.Output(); }
    size_t KernelSize() const { return Y.Kernel * X.Kernel; }
    size_t FilterSize() const { return (IsDense() ? InputBlocks * InputLanes() : 1) * KernelSize() * Block; }

    void Describe(char* Text, size_t Size) const
    {
        snprintf(Text, Size,
            "%s, %zux%zu input of %zu, %zux%zu kernel, strides %zu %zu, dilations %zu %zu, pads %zu %zu %zu %zu, "
            "%zu filter blocks, flags %#x",
            KindNames[size_t(Kind)], Y.Input, X.Input, InputBlocks, Y.Kernel, X.Kernel, Y.Stride, X.Stride, Y.Dilation,
            X.Dilation, Y.PadLeft, X.PadLeft, Y.PadRight, X.PadRight, FilterCount, Flags);
    }
};

//
// Calls the kernel for each row and input block.
//

void
Run(
    const MLAS_RVV_NCHWC_KERNELS& Kernels,
    const CASE& c,
    const float* Input,
    const float* Filter,
    const float* Bias,
    float* Output
    )
{
    const size_t Lanes = c.InputLanes();
    const size_t Stride = Lanes * c.X.Stride * sizeof(float);
    const size_t Dilation = Lanes * c.X.Dilation * sizeof(float);
    const size_t Width = Lanes * c.X.Input * sizeof(float);
    const size_t DilatedWidth = Width * c.Y.Dilation;
    const size_t InputStride = DilatedWidth - c.X.Kernel * Dilation;
    const size_t FilterStride = c.FilterSize() * sizeof(float);
    const size_t OutputStride = Block * c.OutputSize() * sizeof(float);
    const size_t LeftPad = c.X.LeftPad();
    const size_t Count = c.X.WithLeftPad() - LeftPad;
    const size_t RightPad = c.X.Output() - c.X.WithLeftPad();

    if (c.Kind == KIND::Pointwise) {

        for (size_t y = 0; y < c.Y.Output(); y++) {
            Kernels.ConvPointwise(
                Input + Block * y * c.Y.Stride * c.X.Input, Filter, Output + Block * y * c.X.Output(), Stride,
                c.InputBlocks, c.FilterCount, Block * c.InputSize() * sizeof(float), FilterStride, OutputStride,
                c.X.Output(), Bias, c.Flags, c.Minimum, c.Maximum);
        }

        return;
    }

    const size_t InputBlocks = c.IsDense() ? c.InputBlocks : 1;

    for (size_t y = 0; y < c.Y.Output(); y++) {

        for (size_t i = 0; i < InputBlocks; i++) {

            // The rows of the kernel that lie inside of the input.
            size_t First = 0;
            size_t Height = 0;

            for (size_t kh = 0; kh < c.Y.Kernel; kh++) {
                if (c.Y.Source(y, kh) < c.Y.Input) {
                    First = Height == 0 ? kh : First;
                    Height += 1;
                }
            }

            unsigned Flags = i == 0 ? c.Flags & MlasRvvConvAccumulateOutput : MlasRvvConvAccumulateOutput;
            Flags |= i + 1 == InputBlocks ? c.Flags & ~MlasRvvConvAccumulateOutput : 0;

            const float* Row = Input + Lanes * (i * c.InputSize() + c.Y.Source(y, First) * c.X.Input);
            const float* Start = Row - Lanes * c.X.PadLeft;
            const size_t FilterRow = c.IsDense() ? Lanes * (i * c.Y.Kernel + First) : First;
            const float* RowFilter = Filter + FilterRow * c.X.Kernel * Block;
            float* RowOutput = Output + Block * y * c.X.Output();

            switch (c.Kind) {

                case KIND::Nchw:
                case KIND::Nchwc: {
                    const auto Kernel = c.Kind == KIND::Nchw ? Kernels.ConvNchw : Kernels.ConvNchwc;
                    Kernel(Start, RowFilter, RowOutput, Stride, Dilation, c.FilterCount, InputStride, FilterStride,
                        OutputStride, Height, c.X.Kernel, Row, Width, DilatedWidth, LeftPad, Count, RightPad, Bias,
                        Flags, c.Minimum, c.Maximum);
                    break;
                }

                case KIND::Depthwise:
                    Kernels.ConvDepthwise(Start, RowFilter, RowOutput, Stride, Dilation, InputStride, Height,
                        c.X.Kernel, Row, Width, DilatedWidth, LeftPad, Count, RightPad, Bias, Flags, c.Minimum,
                        c.Maximum);
                    break;

                default: {
                    const auto Kernel = c.Kind == KIND::Maximum ? Kernels.Pool.Maximum
                        : c.Kind == KIND::AverageExcludePad ? Kernels.Pool.AverageExcludePad
                        : Kernels.Pool.AverageIncludePad;
                    Kernel(Start, RowOutput, Stride, Dilation, InputStride, c.KernelSize(), Height, c.X.Kernel, Row,
                        Width, DilatedWidth, LeftPad, Count, RightPad);
                    break;
                }
            }
        }
    }
}

//
// The sum for one output element, or the maximum with a magnitude of zero.
//

EXACT
Reference(
    const CASE& c,
    const GUARDED& Input,
    const GUARDED& Filter,
    const GUARDED& Bias,
    float Before,
    size_t b,
    size_t y,
    size_t x,
    size_t o
    )
{
    EXACT Result;
    double Maximum = -std::numeric_limits<float>::max();
    size_t Inside = 0;

    for (size_t kh = 0; kh < c.Y.Kernel; kh++) {

        for (size_t kw = 0; kw < c.X.Kernel; kw++) {

            const size_t iy = c.Y.Source(y, kh);
            const size_t ix = c.X.Source(x, kw);

            if (iy >= c.Y.Input || ix >= c.X.Input) {
                continue;
            }

            const size_t Place = iy * c.X.Input + ix;
            const size_t Tap = kh * c.X.Kernel + kw;

            Inside += 1;

            if (!c.IsDense()) {

                const float Value = Input[Place * Block + o];

                Maximum = std::max(Maximum, double(Value));
                Result.Add(c.IsPool() ? double(Value) : double(Value) * double(Filter[Tap * Block + o]));
                continue;
            }

            for (size_t i = 0; i < c.InputBlocks; i++) {

                for (size_t l = 0; l < c.InputLanes(); l++) {

                    const float Value = Input[(i * c.InputSize() + Place) * c.InputLanes() + l];
                    const size_t Weight = ((i * c.KernelSize() + Tap) * c.InputLanes() + l) * Block + o;

                    Result.Add(double(Value) * double(Filter[b * c.FilterSize() + Weight]));
                }
            }
        }
    }

    if (c.Kind == KIND::Maximum) {
        return EXACT{Maximum, 0.0, 0};
    }

    if (c.IsPool()) {
        const double Divisor = double(c.Kind == KIND::AverageIncludePad ? c.KernelSize() : Inside);
        return EXACT{Result.Sum / Divisor, Result.Magnitude / Divisor, Result.Terms + 1};
    }

    if ((c.Flags & MlasRvvConvAccumulateOutput) != 0) {
        Result.Add(double(Before));
    }

    if ((c.Flags & MlasRvvConvBiasAddition) != 0) {
        Result.Add(double(Bias[b * Block + o]));
    }

    return (c.Flags & MlasRvvConvClampOutput) != 0 ? Result.Clamped(c.Minimum, c.Maximum) : Result;
}

void
Check(
    const MLAS_RVV_NCHWC_KERNELS& Kernels,
    const CASE& c,
    RANDOM& Random
    )
{
    GUARDED Input(c.InputLanes() * c.InputBlocks * c.InputSize(), c.Against);
    GUARDED Filter(c.OutputBlocks() * c.FilterSize(), c.Against);
    GUARDED Bias(c.OutputBlocks() * Block, c.Against);
    GUARDED Output(c.OutputBlocks() * Block * c.OutputSize(), c.Against);
    GUARDED Before(Output.Count(), c.Against);

    Random.Fill(Input);
    Random.Fill(Filter);
    Random.Fill(Bias);
    Random.Fill(Before);
    std::copy_n(Before.Data(), Before.Count(), Output.Data());

    Run(Kernels, c, Input.Data(), Filter.Data(), (c.Flags & MlasRvvConvBiasAddition) != 0 ? Bias.Data() : nullptr,
        Output.Data());

    for (size_t n = 0; n < Output.Count(); n++) {

        const size_t o = n % Block;
        const size_t x = n / Block % c.X.Output();
        const size_t y = n / Block / c.X.Output() % c.Y.Output();
        const size_t b = n / Block / c.OutputSize();
        const EXACT Exact = Reference(c, Input, Filter, Bias, Before[n], b, y, x, o);

        if (!Exact.Matches(Output[n])) {
            char Text[256];
            c.Describe(Text, sizeof(Text));
            Fail(Text, n, double(Output[n]), Exact.Sum);
        }
    }
}

AXIS
RandomAxis(
    KIND Kind,
    RANDOM& Random
    )
{
    for (;;) {

        AXIS Axis{Random.Between(1, 24), Random.Between(1, 5), Random.Between(1, 3), Random.Between(1, 3),
            Random.Between(0, 3), Random.Between(0, 3)};

        if (Kind == KIND::Pointwise) {
            Axis.Kernel = 1;
            Axis.Dilation = 1;
            Axis.PadLeft = Axis.PadRight = 0;
        } else if (Random.Between(0, 1) == 0) {
            // What networks have most.
            Axis.Kernel = 3;
            Axis.Dilation = 1;
            Axis.Stride = Random.Between(1, 2);
            Axis.PadLeft = Axis.PadRight = Random.Between(0, 1);
        }

        // Windows that see nothing but padding have no average.
        const bool Sees = !(Kind >= KIND::Maximum) || (Axis.PadLeft < Axis.Kernel && Axis.PadRight < Axis.Kernel &&
            Axis.Dilation == 1);

        if (Axis.Fits() && Sees) {
            return Axis;
        }
    }
}

CASE
RandomCase(
    KIND Kind,
    RANDOM& Random
    )
{
    const unsigned Flags = unsigned(Random.Between(0, 3)) | (Random.Between(0, 1) == 0 ? 0 : MlasRvvConvClampOutput);
    const bool Relu = Random.Between(0, 1) == 0;

    return {Kind, RandomAxis(Kind, Random), RandomAxis(Kind, Random), Random.Between(1, 4), Random.Between(1, 4),
        Flags, Relu ? 0.0f : -0.5f, Relu ? Infinity : 0.75f, Random.Between(0, 1) == 0 ? AGAINST::End : AGAINST::Start};
}

}  // namespace

int
main()
{
    const MLAS_RVV_NCHWC_KERNELS Kernels = TestedNchwcKernels();
    RANDOM Random(1);
    size_t Cases = 0;

    if (!TestedKernelsCanRun()) {
        printf("no vector registers\n");
        return 2;
    }

    for (size_t Kind = 0; Kind <= size_t(KIND::AverageIncludePad); Kind++) {
        for (size_t n = 0; n < 60; n++, Cases++) {
            Check(Kernels, RandomCase(KIND(Kind), Random), Random);
        }
    }

    // Shapes of real networks: a first layer, a long pointwise sum, a whole image as one window.
    const AXIS First{20, 3, 2, 1, 1, 1};
    const AXIS Wide{30, 7, 2, 1, 3, 3};
    const AXIS One{3, 1, 1, 1, 0, 0};
    const AXIS Image{49, 49, 1, 1, 0, 0};
    const unsigned Fused = MlasRvvConvBiasAddition | MlasRvvConvClampOutput;
    const CASE Real[] = {
        {KIND::Nchw, First, First, 3, 2, Fused, 0.0f, 6.0f, AGAINST::End},
        {KIND::Nchw, Wide, Wide, 3, 4, Fused, 0.0f, Infinity, AGAINST::End},
        {KIND::Pointwise, One, {15, 1, 1, 1, 0, 0}, 62, 4, Fused, 0.0f, 6.0f, AGAINST::End},
        {KIND::AverageIncludePad, One, Image, 1, 1, 0, 0.0f, 0.0f, AGAINST::End},
    };

    for (const CASE& c : Real) {
        Check(Kernels, c, Random);
        Cases++;
    }

    printf("%zu cases at vlen=%zu\n", Cases, TestedVectorBits());
    return 0;
}
