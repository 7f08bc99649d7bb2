/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    convsym_wide.cpp

Abstract:

    Symmetric quantized convolution with weights that are widened when they are packed, to 16 bits (wide16) or to 32
    (wide32).

    Nothing is copied before: activations are read where they lie, and sums become 8-bit outputs in the registers that
    hold them. The weights lie by block of output channels, and in a block by k.

--*/

#include "requantize.h"
#include "wide_tile.h"

#include <cassert>

using namespace MlasRvvWideTile;

MLAS_RVV_BEGIN

namespace
{

// Outputs whose activations stay in the second level cache while all of the filter goes by.
constexpr size_t RowsInCache = 238;

//
// Where the activations of some outputs are: side by side, or by pointers for each place of the kernel.
//

template<typename InputType>
struct ACTIVATIONS {
    const InputType* Direct;
    const InputType* const* Pointers;
    size_t KernelSize;
    size_t InputChannels;

    const InputType* Pixel(size_t Row, size_t ki) const
    {
        return Pointers == nullptr ? Direct + Row * InputChannels : Pointers[Row * KernelSize + ki];
    }

    ACTIVATIONS From(size_t Row) const
    {
        return Pointers == nullptr
            ? ACTIVATIONS{Direct + Row * InputChannels, nullptr, KernelSize, InputChannels}
            : ACTIVATIONS{nullptr, Pointers + Row * KernelSize, KernelSize, InputChannels};
    }
};

//
// Outputs of a block of channels, scaled and rounded.
//

template<typename OutputType>
struct REQUANTIZED_OUTPUT {
    OutputType* Output;
    size_t Stride;
    const int32_t* Bias;
    const float* Scale;
    bool PerChannelScale;
    int32_t ZeroPoint;

    REQUANTIZED_OUTPUT From(size_t Row) const
    {
        return {Output + Row * Stride, Stride, Bias, Scale, PerChannelScale, ZeroPoint};
    }

    template<size_t Lmul>
    auto Start(size_t vl) const
    {
        return SUMS<Lmul>::Load(Bias, vl);
    }

    template<size_t Lmul, size_t Rows, typename SumType>
    void Store(size_t vl, SumType Sum0, SumType Sum1, SumType Sum2, SumType Sum3, SumType Sum4, SumType Sum5, SumType Sum6)
        const
    {
        OutputType* const o = Output;
        const size_t ld = Stride;
        const int32_t Zero = ZeroPoint;
        const auto Scales = PerChannelScale ? SUMS<Lmul>::LoadScale(Scale, vl) : SUMS<Lmul>::FillScale(*Scale, vl);

        auto Value0 = __riscv_vfmul(__riscv_vfcvt_f(Sum0, vl), Scales, vl);
        auto Value1 = __riscv_vfmul(__riscv_vfcvt_f(Sum1, vl), Scales, vl);
        auto Value2 = __riscv_vfmul(__riscv_vfcvt_f(Sum2, vl), Scales, vl);
        auto Value3 = __riscv_vfmul(__riscv_vfcvt_f(Sum3, vl), Scales, vl);
        auto Value4 = __riscv_vfmul(__riscv_vfcvt_f(Sum4, vl), Scales, vl);
        auto Value5 = __riscv_vfmul(__riscv_vfcvt_f(Sum5, vl), Scales, vl);
        auto Value6 = __riscv_vfmul(__riscv_vfcvt_f(Sum6, vl), Scales, vl);

        if constexpr (Rows == 7) {
            // All are scaled before the first is narrowed, which takes the registers of the scales.
            __asm__ volatile(""
                             : "+vr"(Value0), "+vr"(Value1), "+vr"(Value2), "+vr"(Value3), "+vr"(Value4), "+vr"(Value5),
                               "+vr"(Value6));
        }

        MlasRvvStoreQuantized(o, Value0, Zero, vl);
        if constexpr (Rows > 1) { MlasRvvStoreQuantized(o + ld, Value1, Zero, vl); }
        if constexpr (Rows > 2) { MlasRvvStoreQuantized(o + 2 * ld, Value2, Zero, vl); }
        if constexpr (Rows > 3) { MlasRvvStoreQuantized(o + 3 * ld, Value3, Zero, vl); }
        if constexpr (Rows > 4) { MlasRvvStoreQuantized(o + 4 * ld, Value4, Zero, vl); }
        if constexpr (Rows > 5) { MlasRvvStoreQuantized(o + 5 * ld, Value5, Zero, vl); }
        if constexpr (Rows > 6) { MlasRvvStoreQuantized(o + 6 * ld, Value6, Zero, vl); }
    }
};

template<typename InputType, typename WeightType>
void
ConvSym(const MLAS_CONV_SYM_PARAMS& Params)
{
    assert(Params.InputIndirection != nullptr || Params.KernelSize == 1);

    const size_t K = Params.KernelSize * Params.InputChannels;
    const WeightType* const Filter = static_cast<const WeightType*>(Params.Filter);
    const ACTIVATIONS<InputType> Input{
        static_cast<const InputType*>(Params.InputDirect),
        reinterpret_cast<const InputType* const*>(Params.InputIndirection),
        Params.KernelSize,
        Params.InputChannels,
    };
    InputType* const Output = static_cast<InputType*>(Params.Output);
    const size_t ChannelEnd = Params.ChannelStart + Params.ChannelCount;
    BLOCK Block;

    assert(ChannelEnd <= Params.OutputChannels);
    assert(Params.ChannelStart % __riscv_vsetvlmax_e32m4() == 0);

    for (size_t Row = 0; Row < Params.OutputCount; Row += RowsInCache) {

        const size_t Rows = std::min(Params.OutputCount - Row, RowsInCache);

        for (size_t Channel = Params.ChannelStart; Channel < ChannelEnd; Channel += Block.Columns) {

            Block = NextBlock(Params.OutputChannels - Channel);

            const REQUANTIZED_OUTPUT<InputType> o{
                Output + Row * Params.OutputChannels + Channel,
                Params.OutputChannels,
                Params.Bias + Channel,
                Params.Scale + (Params.PerChannelScale ? Channel : 0),
                Params.PerChannelScale,
                Params.OutputZeroPoint,
            };

            MultiplyBlock(Input.From(Row), PACKED_WEIGHTS<WeightType>{Filter + K * Channel}, o, Rows, Block);
        }
    }
}

template<typename WeightType>
void
MLASCALL
ConvSymOfEitherSign(const MLAS_CONV_SYM_PARAMS& Params)
{
    if (Params.InputIsSigned) {
        ConvSym<int8_t, WeightType>(Params);
    } else {
        ConvSym<uint8_t, WeightType>(Params);
    }
}

size_t
MLASCALL
ChannelAlignment()
{
    return __riscv_vsetvlmax_e32m4();
}

template<typename WeightType>
size_t
MLASCALL
PackWSize(const MLAS_CONV_SYM_FILTER_SHAPE& Shape)
{
    return (Shape.KernelSize * Shape.InputChannels * Shape.OutputChannels + __riscv_vsetvlmax_e32m4()) * sizeof(WeightType);
}

template<typename WeightType>
void
MLASCALL
PackW(const MLAS_CONV_SYM_FILTER_SHAPE& Shape, const int8_t* W, void* PackedW)
{
    WeightType* Packed = static_cast<WeightType*>(PackedW);
    BLOCK Block;

    for (size_t Channel = 0; Channel < Shape.OutputChannels; Channel += Block.Columns) {

        Block = NextBlock(Shape.OutputChannels - Channel);

        for (size_t ki = 0; ki < Shape.KernelSize; ki++) {
            for (size_t ic = 0; ic < Shape.InputChannels; ic++) {
                for (size_t oc = Channel; oc < Channel + Block.Columns; oc++) {
                    *Packed++ = W[(oc * Shape.InputChannels + ic) * Shape.KernelSize + ki];
                }
            }
        }
    }

    std::fill_n(Packed, __riscv_vsetvlmax_e32m4(), WeightType(0));
}

}  // namespace

MLAS_RVV_END

const MLAS_CONV_SYM_ROUTINES MlasConvSymWide16Rvv = {
    PackWSize<int16_t>,
    PackW<int16_t>,
    ChannelAlignment,
    TileRows<int16_t>,
    ConvSymOfEitherSign<int16_t>,
};

const MLAS_CONV_SYM_ROUTINES MlasConvSymWide32Rvv = {
    PackWSize<int32_t>,
    PackW<int32_t>,
    ChannelAlignment,
    TileRows<int32_t>,
    ConvSymOfEitherSign<int32_t>,
};
