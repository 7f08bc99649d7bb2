/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_convsym_depthwise.cpp

Abstract:

    Symmetric quantized depthwise convolution on a processor without vectors.

    Sums are doubles: a fused multiply-add is one instruction where an integer product and its addition are two, and a
    sum of whole numbers below 2^53 is exact.

    Windows of 3x3 and 5x5 are computed by runs of outputs: scalar_convsym_run.h.

--*/

#include "scalar.h"
#include "scalar_convsym_run.h"

#include <cassert>

using namespace MlasScalarConvSymDepthwise;

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
