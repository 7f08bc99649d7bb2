/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_convsym_depthwise.cpp

Abstract:

    Symmetric quantized depthwise convolution on a processor without vectors.

    Sums are doubles: a fused multiply-add is one instruction where an integer product and its addition are two, and a
    sum of whole numbers below 2^53 is exact.

    Outputs beside each other share columns of a 3x3 or a 5x5 window, which their pointers tell. Each pixel of such a run
    is loaded and converted once, for the outputs in whose windows it is.

--*/

#include "scalar.h"
#include "scalar_requantize.h"
#include "scalar_tile.h"

#include <cassert>
#include <utility>

namespace
{

// Channels that share the address of a pixel in the window of another size.
constexpr size_t LanesOfAny = 4;
// A hint for who shares out outputs to threads: as long as a run at least.
constexpr size_t OutputsAtOnce = 16;

//
// Windows whose outputs share columns, and whose weights are packed as doubles.
//

constexpr
bool
IsSquare(size_t KernelSize)
{
    return KernelSize == 9 || KernelSize == 25;
}

//
// Some channels of a convolution.
//

template<typename InputType>
struct DEPTHWISE_ARGUMENTS {
    const MLAS_CONV_SYM_PARAMS& Params;

    size_t Channels() const { return Params.OutputChannels; }
    size_t End() const { return Params.ChannelStart + Params.ChannelCount; }

    const InputType* const* Pixels(size_t Output) const
    {
        return reinterpret_cast<const InputType* const*>(Params.InputIndirection) + Output * Params.KernelSize;
    }

    InputType* Output(size_t n) const { return static_cast<InputType*>(Params.Output) + n * Channels(); }
    // Of a square window, by channel.
    const double* Weights(size_t c) const { return static_cast<const double*>(Params.Filter) + c * Params.KernelSize; }
    // Of any other.
    int8_t Weight(size_t k, size_t c) const { return static_cast<const int8_t*>(Params.Filter)[k * Channels() + c]; }
    int32_t Bias(size_t c) const { return Params.Bias[c]; }
    float Scale(size_t c) const { return Params.Scale[Params.PerChannelScale ? c : 0]; }
};

//
// Outputs whose pointers are those of the output before moved on by Stride columns, from the first on.
//

template<size_t Width, size_t Stride, typename InputType>
size_t
RunLength(const InputType* const* Pixels, size_t OutputCount)
{
    constexpr size_t WindowSize = Width * Width;

    size_t Length = 1;

    for (; Length < OutputCount; Length++, Pixels += WindowSize) {
        for (size_t Line = 0; Line < WindowSize; Line += Width) {
            for (size_t Column = Stride; Column < Width; Column++) {
                if (Pixels[WindowSize + Line + Column - Stride] != Pixels[Line + Column]) {
                    return Length;
                }
            }
        }
    }

    return Length;
}

//
// A few channels of a run.
//

template<typename InputType, bool IsZeroBased, size_t Width, size_t Stride, size_t LaneCount>
struct DEPTHWISE_LANES {

    static constexpr size_t WindowSize = Width * Width;
    // Outputs in whose windows a pixel is, at most.
    static constexpr size_t OutputsOfPixel = (Width + Stride - 1) / Stride;

    struct SUMS {
        double Values[LaneCount];
    };

    MLAS_SCALAR_REQUANTIZE<InputType, IsZeroBased> Requantize;
    size_t Offset;
    SUMS Weights[WindowSize];
    SUMS Bias;
    float Scale[LaneCount];

    DEPTHWISE_LANES(const DEPTHWISE_ARGUMENTS<InputType>& a, size_t c)
        : Requantize(a.Params.OutputZeroPoint), Offset(c)
    {
        for (size_t Lane = 0; Lane < LaneCount; Lane++) {

            for (size_t k = 0; k < WindowSize; k++) {
                Weights[k].Values[Lane] = a.Weights(c + Lane)[k];
            }

            Bias.Values[Lane] = a.Bias(c + Lane);
            Scale[Lane] = a.Scale(c + Lane);
        }
    }

    MLAS_SCALAR_INLINE
    SUMS
    LoadPixel(const InputType* Pixel) const
    {
        SUMS Result;

        MLAS_SCALAR_UNROLL
        for (size_t Lane = 0; Lane < LaneCount; Lane++) {
            Result.Values[Lane] = double(int32_t(Pixel[Offset + Lane]));
        }

        return Result;
    }

    MLAS_SCALAR_INLINE
    void
    MultiplyAdd(SUMS& Sums, const SUMS& Pixel, size_t k) const
    {
        MLAS_SCALAR_UNROLL
        for (size_t Lane = 0; Lane < LaneCount; Lane++) {
            Sums.Values[Lane] = __builtin_fma(Pixel.Values[Lane], Weights[k].Values[Lane], Sums.Values[Lane]);
        }
    }

    MLAS_SCALAR_INLINE
    void
    Store(InputType* Output, const SUMS& Sums) const
    {
        MLAS_SCALAR_UNROLL
        for (size_t Lane = 0; Lane < LaneCount; Lane++) {
            Output[Lane] = Requantize(float(Sums.Values[Lane]) * Scale[Lane]);
        }
    }

    //
    // The products of a column of the window of an output, whose sums are Sums[First]: those of the outputs behind it go
    // round from there.
    //

    template<size_t First>
    MLAS_SCALAR_INLINE
    void
    MultiplyColumn(const InputType* const* Pixels, SUMS (&Sums)[OutputsOfPixel], size_t Column) const
    {
        MLAS_SCALAR_UNROLL
        for (size_t Line = 0; Line < WindowSize; Line += Width) {

            const SUMS Pixel = LoadPixel(Pixels[Line + Column]);

            MLAS_SCALAR_UNROLL
            for (size_t n = 0; n < OutputsOfPixel; n++) {
                if (Column >= n * Stride) {
                    MultiplyAdd(Sums[(First + n) % OutputsOfPixel], Pixel, Line + Column - n * Stride);
                }
            }
        }
    }

    //
    // The columns that an output does not share with those before it.
    //

    template<size_t First>
    MLAS_SCALAR_INLINE
    void
    Step(const InputType* const* Pixels, InputType* Output, SUMS (&Sums)[OutputsOfPixel]) const
    {
        Sums[(First + OutputsOfPixel - 1) % OutputsOfPixel] = Bias;

        MLAS_SCALAR_UNROLL
        for (size_t Column = Width - Stride; Column < Width; Column++) {
            MultiplyColumn<First>(Pixels, Sums, Column);
        }

        Store(Output, Sums[First]);
    }

    //
    // Which sums are whose goes round with the outputs.
    //

    void
    ComputeRun(const InputType* const* Pixels, InputType* o, size_t OutputStride, size_t OutputCount) const
    {
        // A copy, which no store of an output can change.
        const DEPTHWISE_LANES Copy = *this;
        SUMS Sums[OutputsOfPixel];

        std::fill_n(Sums, OutputsOfPixel, Bias);

        MLAS_SCALAR_UNROLL
        for (size_t Column = 0; Column < Width - Stride; Column++) {
            MultiplyColumn<0>(Pixels, Sums, Column);
        }

        const auto Advance = [&]() MLAS_SCALAR_LAMBDA {
            Pixels += WindowSize;
            o += OutputStride;
            return --OutputCount != 0;
        };

        while (StepAll(Copy, Pixels, o, Sums, Advance, std::make_index_sequence<OutputsOfPixel>())) {
        }
    }

    template<typename ADVANCE, size_t... First>
    MLAS_SCALAR_INLINE
    static
    bool
    StepAll(
        const DEPTHWISE_LANES& Lanes,
        const InputType* const*& Pixels,
        InputType*& o,
        SUMS (&Sums)[OutputsOfPixel],
        const ADVANCE& Advance,
        std::index_sequence<First...>
        )
    {
        return ((Lanes.template Step<First>(Pixels, o, Sums), Advance()) && ...);
    }
};

template<typename InputType, bool IsZeroBased, size_t Width, size_t Stride>
void
ComputeRun(const DEPTHWISE_ARGUMENTS<InputType>& a, size_t First, size_t OutputCount)
{
    // The weights of a channel, or of two, stay in registers.
    constexpr size_t LaneCount = Width == 3 ? 2 : 1;

    const InputType* const* Pixels = a.Pixels(First);
    InputType* Output = a.Output(First);
    size_t c = a.Params.ChannelStart;

    for (; c + LaneCount <= a.End(); c += LaneCount) {
        const DEPTHWISE_LANES<InputType, IsZeroBased, Width, Stride, LaneCount> Lanes(a, c);
        Lanes.ComputeRun(Pixels, Output + c, a.Channels(), OutputCount);
    }

    for (; c < a.End(); c++) {
        const DEPTHWISE_LANES<InputType, IsZeroBased, Width, Stride, 1> Lane(a, c);
        Lane.ComputeRun(Pixels, Output + c, a.Channels(), OutputCount);
    }
}

template<size_t Width, bool IsZeroBased, typename InputType>
void
ComputeSquare(const DEPTHWISE_ARGUMENTS<InputType>& a)
{
    for (size_t n = 0, Count; n < a.Params.OutputCount; n += Count) {

        const size_t Remaining = a.Params.OutputCount - n;
        const size_t Strided = RunLength<Width, 2>(a.Pixels(n), Remaining);

        Count = RunLength<Width, 1>(a.Pixels(n), Remaining);

        if (Strided > Count) {
            Count = Strided;
            ComputeRun<InputType, IsZeroBased, Width, 2>(a, n, Count);
        } else {
            ComputeRun<InputType, IsZeroBased, Width, 1>(a, n, Count);
        }
    }
}

//
// Any window: a pixel's address and each of the weights are for several channels and outputs.
//

template<size_t Lanes, size_t Outputs, typename InputType, typename Requantize>
MLAS_SCALAR_INLINE
void
ComputeAny(const DEPTHWISE_ARGUMENTS<InputType>& a, size_t c, size_t n, const Requantize& ToOutput)
{
    const InputType* const* Pixels = a.Pixels(n);
    const size_t KernelSize = a.Params.KernelSize;
    uint32_t Sums[Outputs][Lanes] = {};

    for (size_t k = 0; k < KernelSize; k++) {

        MLAS_SCALAR_UNROLL
        for (size_t Output = 0; Output < Outputs; Output++) {

            const InputType* Pixel = Pixels[Output * KernelSize + k] + c;

            MLAS_SCALAR_UNROLL
            for (size_t Lane = 0; Lane < Lanes; Lane++) {
                Sums[Output][Lane] += static_cast<uint32_t>(int32_t(Pixel[Lane]) * a.Weight(k, c + Lane));
            }
        }
    }

    MLAS_SCALAR_UNROLL
    for (size_t Lane = 0; Lane < Lanes; Lane++) {
        MLAS_SCALAR_UNROLL
        for (size_t Output = 0; Output < Outputs; Output++) {
            const int32_t Sum = static_cast<int32_t>(static_cast<uint32_t>(a.Bias(c + Lane)) + Sums[Output][Lane]);
            a.Output(n + Output)[c + Lane] = ToOutput(float(Sum) * a.Scale(c + Lane));
        }
    }
}

template<typename InputType>
void
ComputeAny(const DEPTHWISE_ARGUMENTS<InputType>& a)
{
    const MLAS_SCALAR_REQUANTIZE<InputType, false> Requantize(a.Params.OutputZeroPoint);
    size_t n = 0;

    for (; n + 2 <= a.Params.OutputCount; n += 2) {

        size_t c = a.Params.ChannelStart;

        for (; c + LanesOfAny <= a.End(); c += LanesOfAny) {
            ComputeAny<LanesOfAny, 2>(a, c, n, Requantize);
        }

        for (; c < a.End(); c++) {
            ComputeAny<1, 2>(a, c, n, Requantize);
        }
    }

    for (; n < a.Params.OutputCount; n++) {
        for (size_t c = a.Params.ChannelStart; c < a.End(); c++) {
            ComputeAny<1, 1>(a, c, n, Requantize);
        }
    }
}

template<typename InputType>
void
ConvSymDepthwise(const MLAS_CONV_SYM_PARAMS& Params)
{
    const DEPTHWISE_ARGUMENTS<InputType> a{Params};

    if constexpr (std::is_unsigned<InputType>::value) {
        if (Params.OutputZeroPoint == 0 && IsSquare(Params.KernelSize)) {
            return Params.KernelSize == 9 ? ComputeSquare<3, true>(a) : ComputeSquare<5, true>(a);
        }
    }

    switch (Params.KernelSize) {
        case 9: return ComputeSquare<3, false>(a);
        case 25: return ComputeSquare<5, false>(a);
        default: return ComputeAny(a);
    }
}

void
MLASCALL
ConvSymDepthwiseOfEitherSign(const MLAS_CONV_SYM_PARAMS& Params)
{
    assert(Params.InputIndirection != nullptr);

    if (Params.InputIsSigned) {
        ConvSymDepthwise<int8_t>(Params);
    } else {
        ConvSymDepthwise<uint8_t>(Params);
    }
}

size_t
MLASCALL
ChannelAlignment()
{
    return LanesOfAny;
}

size_t
MLASCALL
PackWSize(const MLAS_CONV_SYM_FILTER_SHAPE& Shape)
{
    return Shape.GroupCount * Shape.KernelSize * (IsSquare(Shape.KernelSize) ? sizeof(double) : sizeof(int8_t));
}

void
MLASCALL
PackW(const MLAS_CONV_SYM_FILTER_SHAPE& Shape, const int8_t* W, void* PackedW)
{
    if (IsSquare(Shape.KernelSize)) {
        std::copy_n(W, Shape.GroupCount * Shape.KernelSize, static_cast<double*>(PackedW));
        return;
    }

    int8_t* Packed = static_cast<int8_t*>(PackedW);

    for (size_t k = 0; k < Shape.KernelSize; k++) {
        for (size_t c = 0; c < Shape.GroupCount; c++) {
            *Packed++ = W[c * Shape.KernelSize + k];
        }
    }
}

}  // namespace

const MLAS_CONV_SYM_ROUTINES MlasConvSymDepthwiseScalar = {
    PackWSize,
    PackW,
    ChannelAlignment,
    OutputsAtOnce,
    ConvSymDepthwiseOfEitherSign,
};
