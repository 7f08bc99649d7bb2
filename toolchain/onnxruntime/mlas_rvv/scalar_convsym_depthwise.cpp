/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_convsym_depthwise.cpp

Abstract:

    Symmetric quantized depthwise convolution on a processor without vectors.

    Sums are doubles: a fused multiply-add is one instruction where an integer product and its addition are two, and a
    sum of whole numbers below 2^53 is exact.

    Outputs beside each other share columns of a 3x3 window, which their pointers tell. Each pixel of such a run is loaded
    and converted once, for the outputs that it is the last, the middle and the first column of.

--*/

#include "scalar.h"
#include "scalar_requantize.h"
#include "scalar_tile.h"

#include <cassert>

namespace
{

constexpr size_t Width = 3;
constexpr size_t WindowSize = Width * Width;
// Channels that share the address of a pixel in the window of another size.
constexpr size_t LanesOfAny = 4;
// A hint for who shares out outputs to threads: as long as a run at least.
constexpr size_t OutputsAtOnce = 16;

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
    int8_t Weight(size_t k, size_t c) const { return static_cast<const int8_t*>(Params.Filter)[k * Channels() + c]; }
    int32_t Bias(size_t c) const { return Params.Bias[c]; }
    float Scale(size_t c) const { return Params.Scale[Params.PerChannelScale ? c : 0]; }
};

//
// Outputs whose pointers are those of the output before moved on by Stride columns, from the first on.
//

template<size_t Stride, typename InputType>
size_t
RunLength(const InputType* const* Pixels, size_t OutputCount)
{
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

template<typename InputType, bool IsZeroBased, size_t LaneCount>
struct DEPTHWISE_LANES {

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
                Weights[k].Values[Lane] = a.Weight(k, c + Lane);
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
    // The last column of an output is the middle one of the next, and the first of the one behind that.
    //

    MLAS_SCALAR_INLINE
    void
    Step(const InputType* const* Pixels, InputType* Output, SUMS& Sums, SUMS& Next, SUMS& Last) const
    {
        Last = Bias;

        MLAS_SCALAR_UNROLL
        for (size_t k = 0; k < WindowSize; k += Width) {
            const SUMS Pixel = LoadPixel(Pixels[k + 2]);
            MultiplyAdd(Sums, Pixel, k + 2);
            MultiplyAdd(Next, Pixel, k + 1);
            MultiplyAdd(Last, Pixel, k);
        }

        Store(Output, Sums);
    }

    //
    // The same for a stride of two columns.
    //

    MLAS_SCALAR_INLINE
    void
    Step(const InputType* const* Pixels, InputType* Output, SUMS& Sums, SUMS& Next) const
    {
        Next = Bias;

        MLAS_SCALAR_UNROLL
        for (size_t k = 0; k < WindowSize; k += Width) {
            MultiplyAdd(Sums, LoadPixel(Pixels[k + 1]), k + 1);
            const SUMS Pixel = LoadPixel(Pixels[k + 2]);
            MultiplyAdd(Sums, Pixel, k + 2);
            MultiplyAdd(Next, Pixel, k);
        }

        Store(Output, Sums);
    }

    //
    // Which sums are whose goes round with the outputs.
    //

    template<size_t Stride>
    void
    ComputeRun(const InputType* const* Pixels, InputType* o, size_t OutputStride, size_t OutputCount) const
    {
        // A copy, which no store of an output can change.
        const DEPTHWISE_LANES Copy = *this;
        SUMS A = Bias;
        SUMS B = Bias;
        SUMS C = Bias;

        MLAS_SCALAR_UNROLL
        for (size_t k = 0; k < WindowSize; k += Width) {

            const SUMS First = LoadPixel(Pixels[k]);
            MultiplyAdd(A, First, k);

            if constexpr (Stride == 1) {
                const SUMS Second = LoadPixel(Pixels[k + 1]);
                MultiplyAdd(A, Second, k + 1);
                MultiplyAdd(B, Second, k);
            }
        }

        const auto Advance = [&]() {
            Pixels += WindowSize;
            o += OutputStride;
            return --OutputCount != 0;
        };

        for (;;) {

            if constexpr (Stride == 1) {
                Copy.Step(Pixels, o, A, B, C);
                if (!Advance()) {
                    return;
                }
                Copy.Step(Pixels, o, B, C, A);
                if (!Advance()) {
                    return;
                }
                Copy.Step(Pixels, o, C, A, B);
            } else {
                Copy.Step(Pixels, o, A, B);
                if (!Advance()) {
                    return;
                }
                Copy.Step(Pixels, o, B, A);
            }

            if (!Advance()) {
                return;
            }
        }
    }
};

template<typename InputType, bool IsZeroBased, size_t Stride>
void
ComputeRun3x3(const DEPTHWISE_ARGUMENTS<InputType>& a, size_t First, size_t OutputCount)
{
    const InputType* const* Pixels = a.Pixels(First);
    InputType* Output = a.Output(First);
    size_t c = a.Params.ChannelStart;

    for (; c + 2 <= a.End(); c += 2) {
        const DEPTHWISE_LANES<InputType, IsZeroBased, 2> Lanes(a, c);
        Lanes.template ComputeRun<Stride>(Pixels, Output + c, a.Channels(), OutputCount);
    }

    for (; c < a.End(); c++) {
        const DEPTHWISE_LANES<InputType, IsZeroBased, 1> Lane(a, c);
        Lane.template ComputeRun<Stride>(Pixels, Output + c, a.Channels(), OutputCount);
    }
}

template<typename InputType, bool IsZeroBased>
void
Compute3x3(const DEPTHWISE_ARGUMENTS<InputType>& a)
{
    for (size_t n = 0, Count; n < a.Params.OutputCount; n += Count) {

        const size_t Remaining = a.Params.OutputCount - n;
        const size_t Strided = RunLength<2>(a.Pixels(n), Remaining);

        Count = RunLength<1>(a.Pixels(n), Remaining);

        if (Strided > Count) {
            Count = Strided;
            ComputeRun3x3<InputType, IsZeroBased, 2>(a, n, Count);
        } else {
            ComputeRun3x3<InputType, IsZeroBased, 1>(a, n, Count);
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

    if (Params.KernelSize != WindowSize) {
        return ComputeAny(a);
    }

    if constexpr (std::is_unsigned<InputType>::value) {
        if (Params.OutputZeroPoint == 0) {
            return Compute3x3<InputType, true>(a);
        }
    }

    Compute3x3<InputType, false>(a);
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
    return Shape.GroupCount * Shape.KernelSize;
}

void
MLASCALL
PackW(const MLAS_CONV_SYM_FILTER_SHAPE& Shape, const int8_t* W, void* PackedW)
{
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
