/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_convsym_run.h

Abstract:

    Some channels of a run of outputs of an 8-bit depthwise convolution on a processor without vectors: outputs beside each
    other share columns of a square window, which their pointers tell. Each pixel of the run is loaded and converted once,
    for the outputs in whose windows it is.

--*/

#pragma once

#include "scalar_requantize.h"
#include "scalar_tile.h"

#include "mlasi.h"

#include <algorithm>
#include <utility>

namespace MlasScalarConvSymDepthwise
{

// Of the one file that includes it: so the compiler puts a run where it is called.
namespace
{

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

}  // namespace

}  // namespace MlasScalarConvSymDepthwise
