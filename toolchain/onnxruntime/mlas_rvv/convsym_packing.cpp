/*++

Module Name:

    convsym_packing.cpp

Abstract:

    Packs the filter of a symmetric quantized convolution.

--*/

#include "convsym_packing.h"

#include "rvv.h"

#include <algorithm>
#include <cstdlib>

using namespace MlasRvvConvSym;

namespace
{

constexpr size_t MaximumWeightSum = (FieldHalf - 1) / 128;

bool
SegmentsHold(const int8_t* W, size_t OutputChannels, size_t InputChannels, size_t KernelSize, size_t SegmentK)
{
    for (size_t oc = 0; oc < OutputChannels; oc++, W += InputChannels * KernelSize) {

        size_t Sum = 0;
        size_t Remaining = SegmentK;

        for (size_t ki = 0; ki < KernelSize; ki++) {
            for (size_t ic = 0; ic < InputChannels; ic++) {

                Sum += static_cast<size_t>(std::abs(int32_t(W[ic * KernelSize + ki])));

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
ChooseSegmentK(const int8_t* W, size_t OutputChannels, size_t InputChannels, size_t KernelSize)
{
    const size_t AlignedK = AlignK(InputChannels * KernelSize);
    size_t SegmentK;

    for (size_t Segments = MlasDivRoundup(AlignedK, MaximumSegmentK);; Segments++) {

        SegmentK = AlignK(MlasDivRoundup(AlignedK, Segments));

        if (SegmentK == UnrollK || SegmentsHold(W, OutputChannels, InputChannels, KernelSize, SegmentK)) {
            return SegmentK;
        }
    }
}

}  // namespace

MLAS_RVV_BEGIN

extern "C" {

size_t
MLASCALL
MlasConvSymPackWSizeRvv(
    size_t InputChannels,
    size_t OutputChannels,
    size_t KernelSize
    )
{
    if (InputChannels == 1 && OutputChannels == 1) {
        // QLinearConv takes this for a depthwise convolution, whose filter has another layout.
        return 0;
    }

    const size_t MaximumLanes = __riscv_vsetvlmax_e64m4();
    size_t Lanes = 0;

    for (size_t Channel = 0; Channel < OutputChannels; Channel += FieldCount * MaximumLanes) {
        Lanes += BlockLanes(OutputChannels - Channel, MaximumLanes);
    }

    return HeaderSize + AlignK(KernelSize * InputChannels) * Lanes * sizeof(int64_t);
}

void
MLASCALL
MlasConvSymPackWRvv(
    size_t InputChannels,
    size_t OutputChannels,
    size_t KernelSize,
    const int8_t* W,
    int8_t* PackedW
    )
{
    const size_t K = KernelSize * InputChannels;
    const size_t MaximumLanes = __riscv_vsetvlmax_e64m4();

    reinterpret_cast<PACKED_FILTER_HEADER*>(PackedW)->SegmentK =
        ChooseSegmentK(W, OutputChannels, InputChannels, KernelSize);

    int64_t* Packed = reinterpret_cast<int64_t*>(PackedW + HeaderSize);

    for (size_t Channel = 0, Lanes; Channel < OutputChannels; Channel += FieldCount * Lanes) {

        Lanes = BlockLanes(OutputChannels - Channel, MaximumLanes);

        for (size_t ki = 0; ki < KernelSize; ki++) {
            for (size_t ic = 0; ic < InputChannels; ic++) {
                for (size_t Lane = 0; Lane < Lanes; Lane++) {

                    int64_t Value = 0;

                    for (size_t Field = FieldCount; Field-- > 0;) {

                        const size_t oc = Channel + Field * Lanes + Lane;
                        const int8_t Weight = oc < OutputChannels ? W[(oc * InputChannels + ic) * KernelSize + ki] : 0;

                        Value = Value * (int64_t(1) << FieldBits) + Weight;
                    }

                    *Packed++ = Value;
                }
            }
        }

        Packed = std::fill_n(Packed, (AlignK(K) - K) * Lanes, 0);
    }
}

}  // extern "C"

MLAS_RVV_END
