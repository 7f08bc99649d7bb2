/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    convsym_depthwise.cpp

Abstract:

    Symmetric quantized depthwise convolution: one weight for each channel and place of the kernel.

    The lanes are channels. Products of 8 bits have 16, and two of them are added before they are widened into the 32-bit
    sum, unless the weights are such that this could overflow. For that activations are signed: 128 is taken off unsigned
    ones, and added in the bias as 128 times the sum of the weights, which is packed before them.

    The nine weights of a 3x3 kernel stay in registers while the outputs go by.

--*/

#include "requantize.h"
#include "wide_tile.h"

#include <cassert>
#include <cstdlib>

using namespace MlasRvvWideTile;

MLAS_RVV_BEGIN

namespace
{

// Outputs whose pixels are still in the cache when the next channels are computed.
constexpr size_t OutputsAtOnce = 224;
// What a task should have a multiple of.
constexpr size_t OutputsTogether = 14;

struct PACKED_FILTER_HEADER {
    uint32_t PairsHold;  // whether the sum of two products fits into 16 bits
    uint8_t Unused[60];
};

size_t
WeightsOffset(size_t Channels)
{
    return sizeof(PACKED_FILTER_HEADER) + Channels * sizeof(int32_t);
}

template<size_t Lmul>
struct BYTES;

template<>
struct BYTES<1> {
    static vint8mf4_t Load(const int8_t* Values, size_t vl) { return __riscv_vle8_v_i8mf4(Values, vl); }
};

template<>
struct BYTES<2> {
    static vint8mf2_t Load(const int8_t* Values, size_t vl) { return __riscv_vle8_v_i8mf2(Values, vl); }
};

template<>
struct BYTES<4> {
    static vint8m1_t Load(const int8_t* Values, size_t vl) { return __riscv_vle8_v_i8m1(Values, vl); }
};

template<size_t Lmul, typename InputType>
MLAS_FORCEINLINE
auto
LoadActivations(const InputType* Input, size_t vl)
{
    const auto Values = BYTES<Lmul>::Load(reinterpret_cast<const int8_t*>(Input), vl);

    if constexpr (std::is_signed<InputType>::value) {
        return Values;
    } else {
        return __riscv_vxor(Values, -128, vl);
    }
}

//
// What is the same for all outputs.
//

template<typename InputType>
struct DEPTHWISE {
    const int8_t* Weights;  // of the first channel; Channels further on for the next place
    const int32_t* WeightSums;
    const int32_t* Bias;
    const float* Scale;
    size_t KernelSize;
    size_t Channels;
    size_t Channel;
    bool PairsHold;
    bool PerChannelScale;
    int32_t ZeroPoint;

    template<size_t Lmul>
    auto LoadBias(size_t vl) const
    {
        const auto Values = SUMS<Lmul>::Load(Bias, vl);

        if constexpr (std::is_signed<InputType>::value) {
            return Values;
        } else {
            return __riscv_vadd(Values, SUMS<Lmul>::Load(WeightSums, vl), vl);
        }
    }

    template<size_t Lmul>
    auto LoadScale(size_t vl) const
    {
        return PerChannelScale ? SUMS<Lmul>::LoadScale(Scale, vl) : SUMS<Lmul>::FillScale(*Scale, vl);
    }
};

template<size_t Lmul, typename InputType>
void
ConvolveAny(
    const DEPTHWISE<InputType>& Filter,
    const InputType* const* Pointers,
    InputType* Output,
    size_t OutputCount,
    size_t vl
    )
{
    const DEPTHWISE<InputType> f = Filter;
    const auto Bias = f.template LoadBias<Lmul>(vl);
    const auto Scale = f.template LoadScale<Lmul>(vl);
    const size_t Step = f.PairsHold ? 2 : 1;

    for (size_t n = 0; n < OutputCount; n++) {

        auto Sum = Bias;
        size_t k = 0;

        for (; k + Step <= f.KernelSize; k += Step) {

            auto Products = __riscv_vwmul(
                BYTES<Lmul>::Load(f.Weights + k * f.Channels, vl),
                LoadActivations<Lmul>(Pointers[k] + f.Channel, vl),
                vl);

            if (Step == 2) {
                Products = __riscv_vwmacc(
                    Products,
                    BYTES<Lmul>::Load(f.Weights + (k + 1) * f.Channels, vl),
                    LoadActivations<Lmul>(Pointers[k + 1] + f.Channel, vl),
                    vl);
            }

            Sum = __riscv_vwadd_wv(Sum, Products, vl);
        }

        if (k < f.KernelSize) {
            const auto Products = __riscv_vwmul(
                BYTES<Lmul>::Load(f.Weights + k * f.Channels, vl),
                LoadActivations<Lmul>(Pointers[k] + f.Channel, vl),
                vl);
            Sum = __riscv_vwadd_wv(Sum, Products, vl);
        }

        MlasRvvStoreQuantized(Output, __riscv_vfmul(__riscv_vfcvt_f(Sum, vl), Scale, vl), f.ZeroPoint, vl);

        Pointers += f.KernelSize;
        Output += f.Channels;
    }
}

template<size_t Lmul, typename InputType>
void
Convolve3x3(
    const DEPTHWISE<InputType>& Filter,
    const InputType* const* Pointers,
    InputType* Output,
    size_t OutputCount,
    size_t vl
    )
{
    assert(Filter.KernelSize == 9 && Filter.PairsHold);

    const DEPTHWISE<InputType> f = Filter;
    const auto Bias = f.template LoadBias<Lmul>(vl);
    const auto Scale = f.template LoadScale<Lmul>(vl);
    const auto Weights0 = BYTES<Lmul>::Load(f.Weights, vl);
    const auto Weights1 = BYTES<Lmul>::Load(f.Weights + f.Channels, vl);
    const auto Weights2 = BYTES<Lmul>::Load(f.Weights + 2 * f.Channels, vl);
    const auto Weights3 = BYTES<Lmul>::Load(f.Weights + 3 * f.Channels, vl);
    const auto Weights4 = BYTES<Lmul>::Load(f.Weights + 4 * f.Channels, vl);
    const auto Weights5 = BYTES<Lmul>::Load(f.Weights + 5 * f.Channels, vl);
    const auto Weights6 = BYTES<Lmul>::Load(f.Weights + 6 * f.Channels, vl);
    const auto Weights7 = BYTES<Lmul>::Load(f.Weights + 7 * f.Channels, vl);
    const auto Weights8 = BYTES<Lmul>::Load(f.Weights + 8 * f.Channels, vl);

    for (size_t n = 0; n < OutputCount; n++) {

        // Two independent sums of 16 bits at any time.
        auto Even = __riscv_vwmul(Weights0, LoadActivations<Lmul>(Pointers[0] + f.Channel, vl), vl);
        auto Odd = __riscv_vwmul(Weights2, LoadActivations<Lmul>(Pointers[2] + f.Channel, vl), vl);
        Even = __riscv_vwmacc(Even, Weights1, LoadActivations<Lmul>(Pointers[1] + f.Channel, vl), vl);
        Odd = __riscv_vwmacc(Odd, Weights3, LoadActivations<Lmul>(Pointers[3] + f.Channel, vl), vl);
        auto Sum = __riscv_vwadd_wv(Bias, Even, vl);
        Even = __riscv_vwmul(Weights4, LoadActivations<Lmul>(Pointers[4] + f.Channel, vl), vl);
        Sum = __riscv_vwadd_wv(Sum, Odd, vl);
        Odd = __riscv_vwmul(Weights6, LoadActivations<Lmul>(Pointers[6] + f.Channel, vl), vl);
        Even = __riscv_vwmacc(Even, Weights5, LoadActivations<Lmul>(Pointers[5] + f.Channel, vl), vl);
        Odd = __riscv_vwmacc(Odd, Weights7, LoadActivations<Lmul>(Pointers[7] + f.Channel, vl), vl);
        Sum = __riscv_vwadd_wv(Sum, Even, vl);
        Even = __riscv_vwmul(Weights8, LoadActivations<Lmul>(Pointers[8] + f.Channel, vl), vl);
        Sum = __riscv_vwadd_wv(Sum, Odd, vl);
        Sum = __riscv_vwadd_wv(Sum, Even, vl);

        MlasRvvStoreQuantized(Output, __riscv_vfmul(__riscv_vfcvt_f(Sum, vl), Scale, vl), f.ZeroPoint, vl);

        Pointers += 9;
        Output += f.Channels;
    }
}

template<size_t Lmul, typename InputType>
void
ConvolveBlock(
    const DEPTHWISE<InputType>& Filter,
    const InputType* const* Pointers,
    InputType* Output,
    size_t OutputCount,
    size_t vl
    )
{
    if (Filter.KernelSize == 9 && Filter.PairsHold) {
        Convolve3x3<Lmul>(Filter, Pointers, Output, OutputCount, vl);
    } else {
        ConvolveAny<Lmul>(Filter, Pointers, Output, OutputCount, vl);
    }
}

template<typename InputType>
void
ConvSymDepthwise(const MLAS_CONV_SYM_PARAMS& Params)
{
    assert(Params.InputIndirection != nullptr && Params.InputChannels == Params.OutputChannels);

    const size_t Channels = Params.OutputChannels;
    const size_t ChannelEnd = Params.ChannelStart + Params.ChannelCount;
    const auto* Header = static_cast<const PACKED_FILTER_HEADER*>(Params.Filter);
    const int32_t* WeightSums = reinterpret_cast<const int32_t*>(Header + 1);
    const int8_t* Weights = static_cast<const int8_t*>(Params.Filter) + WeightsOffset(Channels);

    for (size_t n = 0; n < Params.OutputCount; n += OutputsAtOnce) {

        const size_t Count = std::min(Params.OutputCount - n, OutputsAtOnce);
        const auto* Pointers = reinterpret_cast<const InputType* const*>(Params.InputIndirection) + n * Params.KernelSize;
        BLOCK Block;

        for (size_t c = Params.ChannelStart; c < ChannelEnd; c += Block.Columns) {

            Block = NextBlock(ChannelEnd - c);

            const DEPTHWISE<InputType> Filter{
                Weights + c,
                WeightSums + c,
                Params.Bias + c,
                Params.Scale + (Params.PerChannelScale ? c : 0),
                Params.KernelSize,
                Channels,
                c,
                Header->PairsHold != 0,
                Params.PerChannelScale,
                Params.OutputZeroPoint,
            };
            InputType* const Output = static_cast<InputType*>(Params.Output) + n * Channels + c;

            switch (Block.Lmul) {
                case 1: ConvolveBlock<1>(Filter, Pointers, Output, Count, Block.Columns); break;
                case 2: ConvolveBlock<2>(Filter, Pointers, Output, Count, Block.Columns); break;
                default: ConvolveBlock<4>(Filter, Pointers, Output, Count, Block.Columns); break;
            }
        }
    }
}

void
MLASCALL
ConvSymDepthwiseOfEitherSign(const MLAS_CONV_SYM_PARAMS& Params)
{
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
    return __riscv_vsetvlmax_e32m4();
}

size_t
MLASCALL
PackWSize(const MLAS_CONV_SYM_FILTER_SHAPE& Shape)
{
    return WeightsOffset(Shape.GroupCount) + Shape.GroupCount * Shape.KernelSize;
}

void
MLASCALL
PackW(const MLAS_CONV_SYM_FILTER_SHAPE& Shape, const int8_t* W, void* PackedW)
{
    const size_t Channels = Shape.GroupCount;
    auto* Header = static_cast<PACKED_FILTER_HEADER*>(PackedW);
    int32_t* WeightSums = reinterpret_cast<int32_t*>(Header + 1);
    int8_t* Packed = static_cast<int8_t*>(PackedW) + WeightsOffset(Channels);
    bool PairsHold = true;

    for (size_t c = 0; c < Channels; c++) {

        int32_t Sum = 0;

        for (size_t k = 0; k < Shape.KernelSize; k++) {

            const int8_t Weight = W[c * Shape.KernelSize + k];

            if (k % 2 != 0 && 128 * (std::abs(int32_t(W[c * Shape.KernelSize + k - 1])) + std::abs(int32_t(Weight))) > INT16_MAX) {
                PairsHold = false;
            }

            Sum += Weight;
            Packed[k * Channels + c] = Weight;
        }

        WeightSums[c] = 128 * Sum;
    }

    *Header = {PairsHold ? 1u : 0u, {}};
}

}  // namespace

MLAS_RVV_END

const MLAS_CONV_SYM_ROUTINES MlasConvSymDepthwiseRvv = {
    PackWSize,
    PackW,
    ChannelAlignment,
    OutputsTogether,
    ConvSymDepthwiseOfEitherSign,
};
