/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_convsym.h

Abstract:

    How 8-bit weights are laid out for a processor without vectors.

    A double holds the weights of three output channels, w0 + w1 * 2^18 + w2 * 2^36. Its fused multiply-add by one
    activation makes three products and adds them, exactly: a double holds every whole number up to 2^53. An integer
    multiplication and an addition do the same in two instructions, and leave fewer registers for sums.

    An activation less its sign's half range is at most 128 in size, so a field of 18 bits holds the sum of as many
    products as have weights of 1023 in all: some 30 to 50 with the weights of trained networks, seven at the least. The
    fields are added to 64-bit sums after each such segment, whose lengths are found when the filter is packed. Sums
    start with half of their field's range, but for the uppermost, so that no field is negative and borrows from the
    next.

    Behind each channel's sum of weights times 128, which is what unsigned activations have lost, the filter lies by parts
    of K, in a part by blocks of output channels, in a block by k: a part of the activations of some outputs and a block's
    weights stay in a first level cache.

--*/

#pragma once

#include "scalar_tile.h"

#include "mlasi.h"

namespace MlasScalarConvSym
{

constexpr size_t FieldCount = 3;
constexpr size_t FieldBits = 18;
constexpr int64_t FieldHalf = int64_t(1) << (FieldBits - 1);
constexpr int64_t FieldMask = (int64_t(1) << FieldBits) - 1;
constexpr double SumsStart = double(FieldHalf | (FieldHalf << FieldBits));

constexpr size_t BlockChannels = FieldCount * MlasScalarTileColumns;
constexpr size_t UnrollK = 4;
constexpr size_t PartK = 128;

// The uppermost field has 28 bits in a 64-bit sum.
constexpr size_t MaximumK = (size_t(1) << 27) / (128 * 128);

//
// What is before the weights of a block in a part: the lengths of its segments in steps of UnrollK, the last one followed
// by zero.
//

struct SEGMENTS {
    uint8_t Steps[PartK / UnrollK + 8];
};

static_assert(sizeof(SEGMENTS) % sizeof(double) == 0, "weights are aligned behind it");

inline
size_t
AlignK(size_t K)
{
    return (K + UnrollK - 1) / UnrollK * UnrollK;
}

//
// Doubles that hold the channels which remain, of one block at most.
//

inline
size_t
BlockColumns(size_t ChannelsRemaining)
{
    return MlasDivRoundup(std::min(ChannelsRemaining, BlockChannels), FieldCount);
}

inline
size_t
BlockBytes(size_t Columns, size_t CountK)
{
    return sizeof(SEGMENTS) + AlignK(CountK) * Columns * sizeof(double);
}

//
// The parts of K are behind the channels' sums of weights.
//

inline
size_t
PartsOffset(size_t OutputChannels)
{
    return MlasDivRoundup(OutputChannels, 2) * 2 * sizeof(int32_t);
}

size_t
MLASCALL
PackWSize(const MLAS_CONV_SYM_FILTER_SHAPE& Shape);

void
MLASCALL
PackW(const MLAS_CONV_SYM_FILTER_SHAPE& Shape, const int8_t* W, void* PackedW);

}  // namespace MlasScalarConvSym
