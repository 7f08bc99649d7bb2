/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    convsym_packed64.cpp

Abstract:

    Symmetric quantized convolution whose multiplications make products for three output channels each:
    convsym_packed64.h.

--*/

#include "convsym_packed64.h"
#include "requantize.h"

#include <cassert>

using namespace MlasRvvConvSymPacked64;

namespace
{

constexpr int64_t AccumulatorStart = FieldHalf | (FieldHalf << FieldBits) | (FieldHalf << (2 * FieldBits));

// Outputs that share a load of weights: with four registers each, and four for the weights, all 32 are used.
constexpr size_t TileRows = 7;
constexpr size_t OutputsAtOnce = 2 * TileRows;
constexpr size_t PanelSegmentSize = TileRows * MaximumSegmentK;

}  // namespace

MLAS_RVV_BEGIN

namespace
{

template<typename InputType>
MLAS_FORCEINLINE
void
FillPanelRow(int8_t* Row, size_t SegmentK, const int8_t* const* Pointers, size_t KernelSize, size_t InputChannels)
{
    int8_t* Destination = Row;
    size_t Room = SegmentK;

    for (size_t ki = 0; ki < KernelSize;) {

        const int8_t* Source = Pointers[ki];
        size_t Count = InputChannels;

        // Neighbouring pixels are one run.
        for (ki++; ki < KernelSize && Pointers[ki] == Source + Count; ki++) {
            Count += InputChannels;
        }

        while (Count > 0) {

            const size_t vl = __riscv_vsetvl_e8m8(std::min(Count, Room));

            vint8m8_t Values = __riscv_vle8_v_i8m8(Source, vl);

            if (!std::is_signed<InputType>::value) {
                Values = __riscv_vxor_vx_i8m8(Values, -128, vl);
            }

            __riscv_vse8_v_i8m8(Destination, Values, vl);

            Source += vl;
            Destination += vl;
            Count -= vl;
            Room -= vl;

            if (Room == 0) {
                Row += PanelSegmentSize;
                Destination = Row;
                Room = SegmentK;
            }
        }
    }
}

//
// Unpacks an accumulator's fields, less the half of their range that they started with, which the caller takes off.
//

template<size_t Field>
MLAS_FORCEINLINE
void
AddField(vint64m4_t Accumulator, int32_t* Sums, bool IsFirstSegment, size_t vl)
{
    vuint32m2_t Unpacked =
        __riscv_vnsrl_wx_u32m2(__riscv_vreinterpret_v_i64m4_u64m4(Accumulator), Field * FieldBits, vl);

    if (Field + 1 < FieldCount) {
        Unpacked = __riscv_vand_vx_u32m2(Unpacked, (uint32_t(1) << FieldBits) - 1, vl);
    }

    vint32m2_t Sum = __riscv_vreinterpret_v_u32m2_i32m2(Unpacked);

    if (!IsFirstSegment) {
        Sum = __riscv_vadd_vv_i32m2(Sum, __riscv_vle32_v_i32m2(Sums + Field * vl, vl), vl);
    }

    __riscv_vse32_v_i32m2(Sums + Field * vl, Sum, vl);
}

MLAS_FORCEINLINE
void
AddFields(vint64m4_t Accumulator, int32_t* Sums, bool IsFirstSegment, size_t vl)
{
    AddField<0>(Accumulator, Sums, IsFirstSegment, vl);
    AddField<1>(Accumulator, Sums, IsFirstSegment, vl);
    AddField<2>(Accumulator, Sums, IsFirstSegment, vl);
}

//
// A segment of K for a block of output channels and Rows outputs. Returns the weights of the next segment.
//

template<size_t Rows>
const int64_t*
MultiplySegment(
    const int8_t* Panel,
    const int64_t* Filter,
    size_t CountK,
    int32_t* Sums,
    size_t SumsStride,
    bool IsFirstSegment,
    size_t vl
    )
{
    static_assert(Rows >= 1 && Rows <= TileRows, "an accumulator for each row");

    vint64m4_t Accumulator0 = __riscv_vmv_v_x_i64m4(AccumulatorStart, vl);
    vint64m4_t Accumulator1 = Accumulator0;
    vint64m4_t Accumulator2 = Accumulator0;
    vint64m4_t Accumulator3 = Accumulator0;
    vint64m4_t Accumulator4 = Accumulator0;
    vint64m4_t Accumulator5 = Accumulator0;
    vint64m4_t Accumulator6 = Accumulator0;

#define MLAS_RVV_FOR_ROW(Row, Action) \
    if constexpr (Rows > Row) { Action(Row, Accumulator##Row) }
#define MLAS_RVV_FOR_ROWS(Action) \
    MLAS_RVV_FOR_ROW(0, Action) MLAS_RVV_FOR_ROW(1, Action) MLAS_RVV_FOR_ROW(2, Action) MLAS_RVV_FOR_ROW(3, Action) \
    MLAS_RVV_FOR_ROW(4, Action) MLAS_RVV_FOR_ROW(5, Action) MLAS_RVV_FOR_ROW(6, Action)
#define MLAS_RVV_MULTIPLY_ROW(Row, Accumulator) \
    Accumulator = __riscv_vmacc_vx_i64m4(Accumulator, Panel[Row * MaximumSegmentK + k], Weights, vl);
#define MLAS_RVV_STORE_ROW(Row, Accumulator) \
    AddFields(Accumulator, Sums + Row * SumsStride, IsFirstSegment, vl);

    const int64_t* const FilterEnd = Filter + CountK * vl;

    do {

        #pragma GCC unroll 4
        for (size_t k = 0; k < UnrollK; k++) {

            const vint64m4_t Weights = __riscv_vle64_v_i64m4(Filter, vl);

            MLAS_RVV_FOR_ROWS(MLAS_RVV_MULTIPLY_ROW)

            Filter += vl;

            // All is done with these weights before the next are loaded: there is no register for more.
            __asm__ volatile(""
                             : "+vr"(Accumulator0), "+vr"(Accumulator1), "+vr"(Accumulator2), "+vr"(Accumulator3),
                               "+vr"(Accumulator4), "+vr"(Accumulator5), "+vr"(Accumulator6)
                             : "vr"(Weights)
                             : "memory");
        }

        Panel += UnrollK;

    } while (Filter != FilterEnd);

    MLAS_RVV_FOR_ROWS(MLAS_RVV_STORE_ROW)

#undef MLAS_RVV_STORE_ROW
#undef MLAS_RVV_MULTIPLY_ROW
#undef MLAS_RVV_FOR_ROWS
#undef MLAS_RVV_FOR_ROW

    return Filter;
}

typedef
const int64_t*
(MULTIPLY_SEGMENT)(
    const int8_t* Panel,
    const int64_t* Filter,
    size_t CountK,
    int32_t* Sums,
    size_t SumsStride,
    bool IsFirstSegment,
    size_t vl
    );

MULTIPLY_SEGMENT* const MultiplySegmentOfRows[TileRows] = {
    MultiplySegment<1>, MultiplySegment<2>, MultiplySegment<3>, MultiplySegment<4>,
    MultiplySegment<5>, MultiplySegment<6>, MultiplySegment<7>,
};

//
// Outputs that are computed at once: all of their activations are copied, and all sums of a block of channels are kept.
//

template<typename InputType>
void
ConvolveOutputs(const MLAS_CONV_SYM_PARAMS& Params, size_t OutputStart, size_t OutputCount)
{
    const auto* Header = static_cast<const PACKED_FILTER_HEADER*>(Params.Filter);
    const int32_t* WeightSums = reinterpret_cast<const int32_t*>(Header + 1);
    const size_t AlignedK = AlignK(Params.KernelSize * Params.InputChannels);
    const size_t SegmentK = Header->SegmentK;
    const size_t Segments = MlasDivRoundup(AlignedK, SegmentK);
    const size_t MaximumLanes = __riscv_vsetvlmax_e64m4();
    const size_t SumsStride = FieldCount * MaximumLanes;

    // The activations of all outputs, signed: by tile, segment, row, and k.
    const size_t TileSize = Segments * PanelSegmentSize;
    const size_t PanelSize = UpAlignSize(MlasDivRoundup(OutputCount, TileRows) * TileSize);
    const size_t SumsSize = UpAlignSize(OutputCount * SumsStride * sizeof(int32_t));
    const size_t BiasSize = UpAlignSize(SumsStride * sizeof(int32_t));

    MlasThreadedBufAlloc(PanelSize + SumsSize + BiasSize);

    uint8_t* const Buffer = ThreadedBufHolder.get();
    int8_t* const Panel = reinterpret_cast<int8_t*>(Buffer);
    int32_t* const Sums = reinterpret_cast<int32_t*>(Buffer + PanelSize);
    int32_t* const Bias = reinterpret_cast<int32_t*>(Buffer + PanelSize + SumsSize);

    for (size_t Row = 0; Row < OutputCount; Row++) {

        int8_t* const PanelRow = Panel + Row / TileRows * TileSize + Row % TileRows * MaximumSegmentK;

        if (Params.InputIndirection == nullptr) {
            const int8_t* Pixel =
                static_cast<const int8_t*>(Params.InputDirect) + (OutputStart + Row) * Params.InputChannels;
            FillPanelRow<InputType>(PanelRow, SegmentK, &Pixel, 1, Params.InputChannels);
        } else {
            const auto* Pointers =
                reinterpret_cast<const int8_t* const*>(Params.InputIndirection) + (OutputStart + Row) * Params.KernelSize;
            FillPanelRow<InputType>(PanelRow, SegmentK, Pointers, Params.KernelSize, Params.InputChannels);
        }
    }

    const size_t ChannelEnd = Params.ChannelStart + Params.ChannelCount;
    const int64_t* Weights = reinterpret_cast<const int64_t*>(
        static_cast<const int8_t*>(Params.Filter) + WeightsOffset(Params.OutputChannels));

    // All blocks before the first have all of their lanes.
    Weights += AlignedK * (Params.ChannelStart / FieldCount);

    for (size_t Channel = Params.ChannelStart, Lanes; Channel < ChannelEnd; Channel += FieldCount * Lanes) {

        Lanes = BlockLanes(Params.OutputChannels - Channel, MaximumLanes);

        for (size_t Row = 0; Row < OutputCount; Row += TileRows) {

            const size_t Rows = std::min(OutputCount - Row, TileRows);
            const int64_t* SegmentWeights = Weights;

            for (size_t Segment = 0; Segment < Segments; Segment++) {

                SegmentWeights = MultiplySegmentOfRows[Rows - 1](
                    Panel + Row / TileRows * TileSize + Segment * PanelSegmentSize,
                    SegmentWeights,
                    std::min(SegmentK, AlignedK - Segment * SegmentK),
                    Sums + Row * SumsStride,
                    SumsStride,
                    Segment == 0,
                    Lanes);
            }
        }

        Weights += AlignedK * Lanes;

        const size_t Channels = std::min(Params.OutputChannels - Channel, FieldCount * Lanes);

        for (size_t c = 0; c < Channels; c++) {
            Bias[c] = Params.Bias[Channel + c] + (std::is_signed<InputType>::value ? 0 : WeightSums[Channel + c]);
        }

        MlasRvvRequantizeRows(
            Sums,
            SumsStride,
            static_cast<InputType*>(Params.Output) + OutputStart * Params.OutputChannels + Channel,
            Params.OutputChannels,
            OutputCount,
            Channels,
            Bias,
            -static_cast<int32_t>(Segments * FieldHalf),
            Params.Scale + (Params.PerChannelScale ? Channel : 0),
            Params.PerChannelScale,
            Params.OutputZeroPoint);
    }
}

void
MLASCALL
ConvSym(const MLAS_CONV_SYM_PARAMS& Params)
{
    assert(Params.InputIndirection != nullptr || Params.KernelSize == 1);
    assert(Params.ChannelStart % (FieldCount * __riscv_vsetvlmax_e64m4()) == 0);

    for (size_t Output = 0; Output < Params.OutputCount; Output += OutputsAtOnce) {

        const size_t Count = std::min(Params.OutputCount - Output, OutputsAtOnce);

        if (Params.InputIsSigned) {
            ConvolveOutputs<int8_t>(Params, Output, Count);
        } else {
            ConvolveOutputs<uint8_t>(Params, Output, Count);
        }
    }
}

size_t
MLASCALL
ChannelAlignment()
{
    return FieldCount * __riscv_vsetvlmax_e64m4();
}

}  // namespace

MLAS_RVV_END

const MLAS_CONV_SYM_ROUTINES MlasConvSymPacked64Rvv = {
    PackWSize,
    PackW,
    ChannelAlignment,
    OutputsAtOnce,
    ConvSym,
};
