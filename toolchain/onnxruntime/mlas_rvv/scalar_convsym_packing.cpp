/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_convsym_packing.cpp

Abstract:

    Packs the filter of a symmetric quantized convolution for a processor without vectors.

--*/

#include "scalar_convsym.h"

#include <cassert>
#include <cstdlib>
#include <numeric>

using namespace MlasScalarConvSym;

namespace
{

constexpr size_t MaximumWeightSum = (FieldHalf - 1) / 128;

//
// The weights of a part of K for a block of output channels, zero where there are none.
//

struct WEIGHTS {
    int8_t Values[PartK][BlockChannels];
};

WEIGHTS
GatherWeights(
    const MLAS_CONV_SYM_FILTER_SHAPE& Shape,
    const int8_t* W,
    size_t Channel,
    size_t Channels,
    size_t StartK,
    size_t CountK
    )
{
    WEIGHTS Weights{};

    for (size_t c = 0; c < Channels; c++) {

        const int8_t* w = W + (Channel + c) * Shape.InputChannels * Shape.KernelSize;
        size_t ki = StartK / Shape.InputChannels;
        size_t ic = StartK % Shape.InputChannels;

        for (size_t k = 0; k < CountK; k++) {

            Weights.Values[k][c] = w[ic * Shape.KernelSize + ki];

            if (++ic == Shape.InputChannels) {
                ic = 0;
                ki++;
            }
        }
    }

    return Weights;
}

//
// The lengths of the segments of a block: each as long as no channel's weights are more than its field holds.
//

SEGMENTS
FindSegments(const WEIGHTS& Weights, size_t CountK)
{
    SEGMENTS Segments{};
    size_t Sums[BlockChannels] = {};
    size_t Segment = 0;

    for (size_t k = 0; k < CountK; k += UnrollK) {

        size_t Steps[BlockChannels] = {};
        bool Holds = true;

        for (size_t c = 0; c < BlockChannels; c++) {

            for (size_t u = 0; u < UnrollK; u++) {
                Steps[c] += static_cast<size_t>(std::abs(int32_t(Weights.Values[k + u][c])));
            }

            Holds = Holds && Sums[c] + Steps[c] <= MaximumWeightSum;
        }

        if (!Holds) {
            std::fill_n(Sums, BlockChannels, 0);
            Segment++;
        }

        for (size_t c = 0; c < BlockChannels; c++) {
            Sums[c] += Steps[c];
        }

        Segments.Steps[Segment]++;
    }

    return Segments;
}

}  // namespace

size_t
MLASCALL
MlasScalarConvSym::PackWSize(const MLAS_CONV_SYM_FILTER_SHAPE& Shape)
{
    const size_t K = Shape.InputChannels * Shape.KernelSize;

    if (K > MaximumK) {
        return 0;
    }

    size_t Bytes = PartsOffset(Shape.OutputChannels);

    for (size_t StartK = 0; StartK < K; StartK += PartK) {
        for (size_t Channel = 0; Channel < Shape.OutputChannels; Channel += BlockChannels) {
            Bytes += BlockBytes(BlockColumns(Shape.OutputChannels - Channel), std::min(K - StartK, PartK));
        }
    }

    return Bytes;
}

void
MLASCALL
MlasScalarConvSym::PackW(const MLAS_CONV_SYM_FILTER_SHAPE& Shape, const int8_t* W, void* PackedW)
{
    assert(reinterpret_cast<uintptr_t>(PackedW) % sizeof(double) == 0);

    const size_t K = Shape.InputChannels * Shape.KernelSize;
    int32_t* const WeightSums = static_cast<int32_t*>(PackedW);
    int8_t* Part = static_cast<int8_t*>(PackedW) + PartsOffset(Shape.OutputChannels);

    for (size_t oc = 0; oc < Shape.OutputChannels; oc++) {
        WeightSums[oc] = 128 * std::accumulate(W + oc * K, W + (oc + 1) * K, int32_t(0));
    }

    for (size_t StartK = 0; StartK < K; StartK += PartK) {

        const size_t CountK = std::min(K - StartK, PartK);

        for (size_t Channel = 0; Channel < Shape.OutputChannels; Channel += BlockChannels) {

            const size_t Channels = std::min(Shape.OutputChannels - Channel, BlockChannels);
            const size_t Columns = BlockColumns(Channels);
            const WEIGHTS Weights = GatherWeights(Shape, W, Channel, Channels, StartK, CountK);

            *reinterpret_cast<SEGMENTS*>(Part) = FindSegments(Weights, CountK);

            double* Packed = reinterpret_cast<double*>(Part + sizeof(SEGMENTS));

            for (size_t k = 0; k < AlignK(CountK); k++) {
                for (size_t c = 0; c < Columns * FieldCount; c += FieldCount) {

                    const int8_t* Fields = Weights.Values[k] + c;
                    const int64_t Low = Fields[0] + Fields[1] * (int64_t(1) << FieldBits);

                    *Packed++ = double(Low + Fields[2] * (int64_t(1) << (2 * FieldBits)));
                }
            }

            Part += BlockBytes(Columns, CountK);
        }
    }
}
