/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    convsym_ime.cpp

Abstract:

    Symmetric quantized convolution by SpacemiT's integer matrix extension: ime_tile.h. Sums become 8-bit outputs in the
    registers that hold them.

--*/

#include "ime_tile.h"
#include "requantize.h"

#include <cassert>

using namespace MlasRvvIme;

MLAS_RVV_BEGIN

namespace
{

//
// What a block of channels starts from and is scaled with, as its sums lie.
//

struct BLOCK {
    alignas(64) int32_t Bias[GroupSums];
    alignas(64) float Scale[GroupSums];
    size_t Channels;
};

template<typename OutputType>
struct REQUANTIZED_OUTPUT {
    OutputType* Output;
    size_t Stride;
    size_t Rows;
    const BLOCK& Block;
    int32_t ZeroPoint;

    REQUANTIZED_OUTPUT From(size_t Row, size_t RowCount) const
    {
        return {Output + Row * Stride, Stride, RowCount, Block, ZeroPoint};
    }

    vint32m8_t Start() const { return __riscv_vle32_v_i32m8(Block.Bias, GroupSums); }

    void Store(size_t Group, vint32m8_t Sums) const
    {
        // By row and group of channels, from group and row: four channels are an element.
        static const uint16_t Order[] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
        constexpr size_t Elements = sizeof(Order) / sizeof(Order[0]);

        const vfloat32m8_t Value = __riscv_vfmul_vv_f32m8(
            __riscv_vfcvt_f_x_v_f32m8(Sums, GroupSums), __riscv_vle32_v_f32m8(Block.Scale, GroupSums), GroupSums);
        const vint8m2_t Narrow = MlasRvvNarrowQuantized<OutputType>(Value, ZeroPoint, GroupSums);
        const vint8m2_t Ordered = __riscv_vreinterpret_v_i32m2_i8m2(__riscv_vrgatherei16_vv_i32m2(
            __riscv_vreinterpret_v_i8m2_i32m2(Narrow), __riscv_vle16_v_u16m1(Order, Elements), Elements));

        const vint8m1_t Rows01 = __riscv_vget_v_i8m2_i8m1(Ordered, 0);
        const vint8m1_t Rows23 = __riscv_vget_v_i8m2_i8m1(Ordered, 1);
        const size_t Count = Rows - Group * GroupSize;
        const size_t ld = Stride;
        const size_t vl = Block.Channels;
        int8_t* const o = reinterpret_cast<int8_t*>(Output) + Group * GroupSize * ld;

        __riscv_vse8_v_i8m1(o, Rows01, vl);
        if (Count > 1) {
            __riscv_vse8_v_i8m1(o + ld, __riscv_vslidedown_vx_i8m1(Rows01, BlockColumns, BlockColumns), vl);
        }
        if (Count > 2) {
            __riscv_vse8_v_i8m1(o + 2 * ld, Rows23, vl);
        }
        if (Count > 3) {
            __riscv_vse8_v_i8m1(o + 3 * ld, __riscv_vslidedown_vx_i8m1(Rows23, BlockColumns, BlockColumns), vl);
        }
    }
};

//
// Copies the activations of an output. Pixels are copied one behind the other to Joined where they are not whole words.
//

void
FillPanel(const PANEL_ROW& Row, const MLAS_CONV_SYM_PARAMS& Params, size_t Output, uint8_t* Joined)
{
    const size_t InputChannels = Params.InputChannels;

    if (Params.InputIndirection == nullptr) {
        FillPanelRow(
            Row, static_cast<const uint8_t*>(Params.InputDirect) + Output * InputChannels, InputChannels);
        return;
    }

    const auto* const Pointers =
        reinterpret_cast<const uint8_t* const*>(Params.InputIndirection) + Output * Params.KernelSize;

    if (Params.KernelSize == 1 || InputChannels % DepthK == 0) {
        for (size_t ki = 0; ki < Params.KernelSize; ki++) {
            const size_t Words = ki * InputChannels / DepthK;
            FillPanelRow({Row.Start + Words * Row.Stride, Row.Stride}, Pointers[ki], InputChannels);
        }
        return;
    }

    for (size_t ki = 0; ki < Params.KernelSize; ki++) {
        std::copy_n(Pointers[ki], InputChannels, Joined + ki * InputChannels);
    }

    FillPanelRow(Row, Joined, Params.KernelSize * InputChannels);
}

template<typename InputType>
void
ConvSym(const MLAS_CONV_SYM_PARAMS& Params)
{
    const size_t AlignedK = AlignK(Params.KernelSize * Params.InputChannels);
    const size_t Rows = std::min(RowsAtOnce(AlignedK), Params.OutputCount);
    const size_t Size = PanelsSize(Rows, AlignedK);
    const uint8_t* const Filter = static_cast<const uint8_t*>(Params.Filter);
    const size_t ChannelEnd = Params.ChannelStart + Params.ChannelCount;
    BLOCK Block;

    MlasThreadedBufAlloc(Size + AlignedK);

    uint8_t* const Panels = ThreadedBufHolder.get();

    for (size_t Row = 0; Row < Params.OutputCount; Row += Rows) {

        const size_t Count = std::min(Params.OutputCount - Row, Rows);

        for (size_t r = 0; r < Count; r++) {
            FillPanel(FindPanelRow(Panels, r, Count, AlignedK), Params, Row + r, Panels + Size);
        }

        for (size_t Channel = Params.ChannelStart; Channel < ChannelEnd; Channel += BlockColumns) {

            Block.Channels = std::min(Params.OutputChannels - Channel, BlockColumns);
            Replicate(Params.Bias + Channel, Block.Channels, Block.Bias);

            if (Params.PerChannelScale) {
                Replicate(Params.Scale + Channel, Block.Channels, Block.Scale);
            } else {
                std::fill_n(Block.Scale, GroupSums, *Params.Scale);
            }

            const REQUANTIZED_OUTPUT<InputType> Output{
                static_cast<InputType*>(Params.Output) + Row * Params.OutputChannels + Channel,
                Params.OutputChannels,
                Count,
                Block,
                Params.OutputZeroPoint,
            };

            MultiplyPanels<std::is_signed<InputType>::value, true>(
                Panels, Count, AlignedK, Filter + Channel * AlignedK, Output);
        }
    }
}

void
MLASCALL
ConvSymOfEitherSign(const MLAS_CONV_SYM_PARAMS& Params)
{
    assert(Params.InputIndirection != nullptr || Params.KernelSize == 1);
    assert(Params.ChannelStart % BlockColumns == 0);

    if (Params.InputIsSigned) {
        ConvSym<int8_t>(Params);
    } else {
        ConvSym<uint8_t>(Params);
    }
}

size_t
MLASCALL
ChannelAlignment()
{
    return BlockColumns;
}

size_t
MLASCALL
PackWSize(const MLAS_CONV_SYM_FILTER_SHAPE& Shape)
{
    return AlignK(Shape.KernelSize * Shape.InputChannels) * MlasDivRoundup(Shape.OutputChannels, BlockColumns) *
        BlockColumns;
}

void
MLASCALL
PackW(const MLAS_CONV_SYM_FILTER_SHAPE& Shape, const int8_t* W, void* PackedW)
{
    const size_t AlignedK = AlignK(Shape.KernelSize * Shape.InputChannels);
    int8_t* const Packed = static_cast<int8_t*>(PackedW);

    std::fill_n(Packed, PackWSize(Shape), int8_t(0));

    for (size_t oc = 0; oc < Shape.OutputChannels; oc++) {

        int8_t* const Column =
            Packed + oc / BlockColumns * BlockColumns * AlignedK + oc % BlockColumns * DepthK;

        for (size_t ki = 0, k = 0; ki < Shape.KernelSize; ki++) {
            for (size_t ic = 0; ic < Shape.InputChannels; ic++, k++) {
                Column[k / DepthK * BlockStepBytes + k % DepthK] =
                    W[(oc * Shape.InputChannels + ic) * Shape.KernelSize + ki];
            }
        }
    }
}

}  // namespace

MLAS_RVV_END

const MLAS_CONV_SYM_ROUTINES MlasConvSymImeRvv = {
    PackWSize,
    PackW,
    ChannelAlignment,
    TileRows,
    ConvSymOfEitherSign,
};
