/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    convsym_packed64_packing.cpp

Abstract:

    Packs the filter of a symmetric quantized convolution, three output channels to a lane.

--*/

#include "convsym_packed64.h"

#include "rvv.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace MlasRvvConvSymPacked64
{

namespace
{

constexpr size_t MaximumWeightSum = (FieldHalf - 1) / 128;

struct FILTER : MLAS_CONV_SYM_FILTER_SHAPE {
    const int8_t* W;

    int8_t Weight(size_t oc, size_t ki, size_t ic) const { return W[(oc * InputChannels + ic) * KernelSize + ki]; }
};

bool
SegmentsHold(const FILTER& Filter, size_t SegmentK)
{
    for (size_t oc = 0; oc < Filter.OutputChannels; oc++) {

        size_t Sum = 0;
        size_t Remaining = SegmentK;

        for (size_t ki = 0; ki < Filter.KernelSize; ki++) {
            for (size_t ic = 0; ic < Filter.InputChannels; ic++) {

                Sum += static_cast<size_t>(std::abs(int32_t(Filter.Weight(oc, ki, ic))));

                if (Sum > MaximumWeightSum) {
                    return false;
                }

                if (--Remaining == 0) {
                    Sum = 0;
                    Remaining = SegmentK;
                }
            }
        }
    }

    return true;
}

size_t
ChooseSegmentK(const FILTER& Filter)
{
    const size_t AlignedK = AlignK(Filter.InputChannels * Filter.KernelSize);
    size_t SegmentK;

    for (size_t Segments = MlasDivRoundup(AlignedK, MaximumSegmentK);; Segments++) {

        SegmentK = AlignK(MlasDivRoundup(AlignedK, Segments));

        if (SegmentK == UnrollK || SegmentsHold(Filter, SegmentK)) {
            return SegmentK;
        }
    }
}

}  // namespace

MLAS_RVV_BEGIN

size_t
MLASCALL
PackWSize(const MLAS_CONV_SYM_FILTER_SHAPE& Shape)
{
    const size_t OutputChannels = Shape.OutputChannels;
    const size_t MaximumLanes = __riscv_vsetvlmax_e64m4();
    size_t Lanes = 0;

    for (size_t Channel = 0; Channel < OutputChannels; Channel += FieldCount * MaximumLanes) {
        Lanes += BlockLanes(OutputChannels - Channel, MaximumLanes);
    }

    return WeightsOffset(OutputChannels) + AlignK(Shape.KernelSize * Shape.InputChannels) * Lanes * sizeof(int64_t);
}

void
MLASCALL
PackW(const MLAS_CONV_SYM_FILTER_SHAPE& Shape, const int8_t* W, void* PackedW)
{
    const FILTER Filter{Shape, W};
    const size_t K = Filter.KernelSize * Filter.InputChannels;
    const size_t MaximumLanes = __riscv_vsetvlmax_e64m4();
    auto* Header = static_cast<PACKED_FILTER_HEADER*>(PackedW);
    int32_t* Sums = reinterpret_cast<int32_t*>(Header + 1);

    *Header = {ChooseSegmentK(Filter), {}};

    for (size_t oc = 0; oc < Filter.OutputChannels; oc++) {
        const int8_t* w = Filter.W + oc * K;
        *Sums++ = 128 * std::accumulate(w, w + K, int32_t(0));
    }

    int64_t* Packed = reinterpret_cast<int64_t*>(static_cast<int8_t*>(PackedW) + WeightsOffset(Filter.OutputChannels));

    for (size_t Channel = 0, Lanes; Channel < Filter.OutputChannels; Channel += FieldCount * Lanes) {

        Lanes = BlockLanes(Filter.OutputChannels - Channel, MaximumLanes);

        for (size_t ki = 0; ki < Filter.KernelSize; ki++) {
            for (size_t ic = 0; ic < Filter.InputChannels; ic++) {
                for (size_t Lane = 0; Lane < Lanes; Lane++) {

                    int64_t Value = 0;

                    for (size_t Field = FieldCount; Field-- > 0;) {

                        const size_t oc = Channel + Field * Lanes + Lane;
                        const int8_t Weight = oc < Filter.OutputChannels ? Filter.Weight(oc, ki, ic) : 0;

                        Value = Value * (int64_t(1) << FieldBits) + Weight;
                    }

                    *Packed++ = Value;
                }
            }
        }

        Packed = std::fill_n(Packed, (AlignK(K) - K) * Lanes, 0);
    }
}

}  // namespace MlasRvvConvSymPacked64

MLAS_RVV_END
