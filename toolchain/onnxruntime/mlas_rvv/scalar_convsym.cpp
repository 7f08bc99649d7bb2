/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_convsym.cpp

Abstract:

    Symmetric quantized convolution on a processor without vectors: signed 8-bit weights without zero point, any kernel
    size.

--*/

#include "scalar.h"
#include "scalar_convsym_tile.h"
#include "scalar_requantize.h"

#include <cassert>

using namespace MlasScalarConvSym;

namespace
{

// Outputs that share a load of a block's weights from beyond the first level cache.
constexpr size_t OutputsAtOnce = 4 * TileRows;

//
// Activations of an output, signed, into its lane of a tile's panel.
//

template<typename InputType>
MLAS_SCALAR_INLINE
double
Activation(InputType Value)
{
    constexpr int32_t Offset = std::is_signed<InputType>::value ? 0 : 128;

    return double(int32_t(Value) - Offset);
}

template<typename InputType>
double*
FillRun(double* Lane, const InputType* Input, size_t Count)
{
    constexpr size_t Unrolled = 8;

    for (; Count >= Unrolled; Count -= Unrolled) {

        MLAS_SCALAR_UNROLL
        for (size_t n = 0; n < Unrolled; n++) {
            Lane[n * TileRows] = Activation(Input[n]);
        }

        Lane += Unrolled * TileRows;
        Input += Unrolled;
    }

    for (; Count > 0; Count--) {
        *Lane = Activation(*Input++);
        Lane += TileRows;
    }

    return Lane;
}

template<typename InputType>
void
FillLane(double* Lane, const void* const* Pixels, size_t InputChannels, size_t StartK, size_t CountK)
{
    const void* const* Pixel = Pixels + StartK / InputChannels;
    size_t ic = StartK % InputChannels;

    for (size_t Remaining = CountK, Count; Remaining > 0; Remaining -= Count) {
        Count = std::min(Remaining, InputChannels - ic);
        Lane = FillRun(Lane, static_cast<const InputType*>(*Pixel++) + ic, Count);
        ic = 0;
    }

    for (size_t k = CountK; k < AlignK(CountK); k++) {
        *Lane = 0.0;
        Lane += TileRows;
    }
}

//
// Outputs of the channels, up to three, that a column of doubles holds.
//

template<typename OutputType, bool IsZeroBased>
struct OUTPUT_CHANNELS {

    MLAS_SCALAR_REQUANTIZE<OutputType, IsZeroBased> Requantize;
    OutputType* Output;
    size_t OutputStride;
    int32_t Bias[FieldCount];
    float Scale[FieldCount];

    template<size_t Channels, bool IsOneSegment>
    void
    Store(const TILE_SUMS* Tile, size_t Column, size_t OutputCount) const
    {
        // A copy, which no store of an output can change.
        const OUTPUT_CHANNELS Copy = *this;
        OutputType* o = Output;

        for (size_t Remaining = OutputCount, Rows; Remaining > 0; Remaining -= Rows, Tile++) {

            Rows = std::min(Remaining, TileRows);

            for (size_t Row = 0; Row < Rows; Row++, o += Copy.OutputStride) {

                const uint64_t All = static_cast<uint64_t>(Tile->All[Row][Column]);
                const uint64_t Even =
                    IsOneSegment ? All & uint64_t(EvenMask) : static_cast<uint64_t>(Tile->Even[Row][Column]);

                Copy.template StoreField<Channels, 0>(o, static_cast<uint32_t>(IsOneSegment ? All & FieldMask : Even));
                Copy.template StoreField<Channels, 1>(o, static_cast<uint32_t>((All - Even) >> FieldBits));
                Copy.template StoreField<Channels, 2>(o, static_cast<uint32_t>(static_cast<int64_t>(Even) >> (2 * FieldBits)));
            }
        }
    }

    template<size_t Channels>
    void
    Store(const TILE_SUMS* Tiles, size_t Column, size_t OutputCount, bool IsOneSegment) const
    {
        if (IsOneSegment) {
            Store<Channels, true>(Tiles, Column, OutputCount);
        } else {
            Store<Channels, false>(Tiles, Column, OutputCount);
        }
    }

    template<size_t Channels, size_t Field>
    MLAS_SCALAR_INLINE
    void
    StoreField(OutputType* o, uint32_t Sum) const
    {
        if constexpr (Field < Channels) {
            const int32_t Biased = static_cast<int32_t>(Sum + static_cast<uint32_t>(Bias[Field]));
            o[Field] = Requantize(float(Biased) * Scale[Field]);
        }
    }
};

//
// What the kernel gets in a call, of a few outputs.
//

struct OUTPUT_RANGE {
    const MLAS_CONV_SYM_PARAMS& Params;
    size_t Start;
    size_t Count;

    template<typename OutputType>
    OutputType* Output(size_t Channel) const
    {
        return static_cast<OutputType*>(Params.Output) + Start * Params.OutputChannels + Channel;
    }
};

template<typename OutputType, bool IsZeroBased>
void
StoreBlock(const OUTPUT_RANGE& Range, const TILE_SUMS* Tiles, size_t Channel, size_t Channels, size_t Segments)
{
    const MLAS_CONV_SYM_PARAMS& Params = Range.Params;
    const int32_t* WeightSums = static_cast<const int32_t*>(Params.Filter);

    for (size_t c = 0; c < Channels; c += FieldCount) {

        const size_t Fields = std::min(Channels - c, FieldCount);
        const size_t Column = c / FieldCount;

        OUTPUT_CHANNELS<OutputType, IsZeroBased> o{
            MLAS_SCALAR_REQUANTIZE<OutputType, IsZeroBased>(Params.OutputZeroPoint),
            Range.Output<OutputType>(Channel + c), Params.OutputChannels, {}, {}};

        for (size_t Field = 0; Field < Fields; Field++) {

            const size_t oc = Channel + c + Field;
            uint32_t Bias = static_cast<uint32_t>(Params.Bias[oc]);

            if (std::is_unsigned<OutputType>::value) {
                Bias += static_cast<uint32_t>(WeightSums[oc]);
            }

            // What the sums of the two lower fields started with is taken off again.
            if (Field + 1 < FieldCount) {
                Bias -= static_cast<uint32_t>(Segments * FieldHalf);
            }

            o.Bias[Field] = static_cast<int32_t>(Bias);
            o.Scale[Field] = Params.Scale[Params.PerChannelScale ? oc : 0];
        }

        switch (Fields) {
            case 1: o.template Store<1>(Tiles, Column, Range.Count, Segments == 1); break;
            case 2: o.template Store<2>(Tiles, Column, Range.Count, Segments == 1); break;
            default: o.template Store<3>(Tiles, Column, Range.Count, Segments == 1); break;
        }
    }
}

//
// The activations of a part of K, by tile, k and output.
//

template<typename InputType>
void
FillPanel(const OUTPUT_RANGE& Range, double* Panel, size_t StartK, size_t CountK)
{
    const MLAS_CONV_SYM_PARAMS& Params = Range.Params;

    for (size_t n = 0; n < Range.Count; n++) {

        double* const Lane = Panel + n / TileRows * TileRows * AlignK(CountK) + n % TileRows;
        const size_t Output = Range.Start + n;

        if (Params.InputIndirection == nullptr) {
            const void* Pixel = static_cast<const int8_t*>(Params.InputDirect) + Output * Params.InputChannels;
            FillLane<InputType>(Lane, &Pixel, Params.InputChannels, StartK, CountK);
        } else {
            FillLane<InputType>(
                Lane, Params.InputIndirection + Output * Params.KernelSize, Params.InputChannels, StartK, CountK);
        }
    }
}

template<typename InputType>
void
ConvolveOutputs(const OUTPUT_RANGE& Range)
{
    const MLAS_CONV_SYM_PARAMS& Params = Range.Params;
    const size_t K = Params.KernelSize * Params.InputChannels;
    const size_t Tiles = MlasDivRoundup(Range.Count, TileRows);
    const size_t FirstBlock = Params.ChannelStart / BlockChannels;
    const size_t Blocks = MlasDivRoundup(Params.ChannelCount, BlockChannels);
    const size_t AllBlocks = MlasDivRoundup(Params.OutputChannels, BlockChannels);
    const size_t PanelSize = Tiles * TileRows * AlignK(std::min(K, PartK)) * sizeof(double);
    const size_t SumsSize = Blocks * Tiles * sizeof(TILE_SUMS);

    MlasThreadedBufAlloc(UpAlignSize(PanelSize) + UpAlignSize(SumsSize) + UpAlignSize(Blocks * sizeof(size_t)));

    uint8_t* Buffer = ThreadedBufHolder.get();
    double* const Panel = reinterpret_cast<double*>(Buffer);
    TILE_SUMS* const Sums = reinterpret_cast<TILE_SUMS*>(Buffer + UpAlignSize(PanelSize));
    size_t* const SegmentCounts = reinterpret_cast<size_t*>(Buffer + UpAlignSize(PanelSize) + UpAlignSize(SumsSize));

    std::fill_n(SegmentCounts, Blocks, 0);

    const int8_t* Part = static_cast<const int8_t*>(Params.Filter) + PartsOffset(Params.OutputChannels);

    for (size_t StartK = 0; StartK < K; StartK += PartK) {

        const size_t CountK = std::min(K - StartK, PartK);
        const int8_t* Packed = Part + FirstBlock * BlockBytes(TileColumns, CountK);

        FillPanel<InputType>(Range, Panel, StartK, CountK);

        for (size_t Block = 0; Block < Blocks; Block++) {

            const SEGMENTS& Segments = *reinterpret_cast<const SEGMENTS*>(Packed);
            const SEGMENT Kind = StartK > 0                                  ? SEGMENT::Other
                                 : CountK == K && Segments.Steps[1] == 0 ? SEGMENT::Only
                                                                         : SEGMENT::First;
            const size_t Columns = BlockColumns(Params.OutputChannels - (FirstBlock + Block) * BlockChannels);

            for (size_t Tile = 0; Tile < Tiles; Tile++) {

                const size_t Rows = std::min(Range.Count - Tile * TileRows, TileRows);

                MultiplyTileOf[Rows - 1][Columns - 1](
                    Panel + Tile * TileRows * AlignK(CountK), Segments, Sums[Block * Tiles + Tile], Kind);
            }

            for (const uint8_t* Steps = Segments.Steps; *Steps != 0; Steps++) {
                SegmentCounts[Block]++;
            }

            Packed += BlockBytes(Columns, CountK);
        }

        Part += (AllBlocks - 1) * BlockBytes(TileColumns, CountK) +
                BlockBytes(BlockColumns(Params.OutputChannels - (AllBlocks - 1) * BlockChannels), CountK);
    }

    const size_t EndChannel = Params.ChannelStart + Params.ChannelCount;

    for (size_t Block = 0; Block < Blocks; Block++) {

        const size_t Channel = Params.ChannelStart + Block * BlockChannels;
        const size_t Channels = std::min(EndChannel - Channel, BlockChannels);
        const TILE_SUMS* BlockSums = Sums + Block * Tiles;

        if constexpr (std::is_unsigned<InputType>::value) {
            if (Params.OutputZeroPoint == 0) {
                StoreBlock<InputType, true>(Range, BlockSums, Channel, Channels, SegmentCounts[Block]);
                continue;
            }
        }

        StoreBlock<InputType, false>(Range, BlockSums, Channel, Channels, SegmentCounts[Block]);
    }
}

void
MLASCALL
ConvSym(const MLAS_CONV_SYM_PARAMS& Params)
{
    assert(Params.InputIndirection != nullptr || Params.KernelSize == 1);
    assert(Params.ChannelStart % BlockChannels == 0);
    assert(Params.KernelSize * Params.InputChannels <= MaximumK);

    for (size_t Start = 0; Start < Params.OutputCount; Start += OutputsAtOnce) {

        const OUTPUT_RANGE Range{Params, Start, std::min(Params.OutputCount - Start, OutputsAtOnce)};

        if (Params.InputIsSigned) {
            ConvolveOutputs<int8_t>(Range);
        } else {
            ConvolveOutputs<uint8_t>(Range);
        }
    }
}

size_t
MLASCALL
ChannelAlignment()
{
    return BlockChannels;
}

}  // namespace

const MLAS_CONV_SYM_ROUTINES MlasConvSymScalar = {
    PackWSize,
    PackW,
    ChannelAlignment,
    OutputsAtOnce,
    ConvSym,
};
