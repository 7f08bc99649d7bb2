/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    convsym_packed64.h

Abstract:

    How the filter of a symmetric quantized convolution is laid out for the kernel that makes three products with one
    multiplication (packed64).

    A 64-bit lane holds the weights of three output channels, w0 + w1 * 2^21 + w2 * 2^42, and its multiply-accumulate
    by one activation makes three. An activation less its sign's half range is at most 128 in size, so that a field
    of 21 bits holds the sum of as many products as have weights of 8191 in all: some 250 with the weights of trained
    networks, 63 at the least. K is cut into segments that short when the filter is packed, and the fields are
    unpacked into 32-bit sums after each. Every accumulator starts with half of each field's range, so that no field
    is ever negative and borrows from the next.

    This takes two thirds of the multiplications of 16-bit products with 32-bit sums, and a register holds half as
    many sums again. It pays where a multiplication of 64-bit lanes takes as long as one of 32-bit lanes; on many
    processors it takes four times as long.

    The weights lie by block of output channels, as many as the lanes of a register group hold; in a block by k.

--*/

#pragma once

#include "mlasi.h"

#include <algorithm>

namespace MlasRvvConvSymPacked64
{

constexpr size_t FieldCount = 3;
constexpr size_t FieldBits = 21;
constexpr int64_t FieldHalf = int64_t(1) << (FieldBits - 1);

// Activations of a row that lie side by side: what a load can reach from one address for each of the rows.
constexpr size_t MaximumSegmentK = 256;
constexpr size_t UnrollK = 4;

//
// What is before the packed weights, and before that 128 times the sum of each output channel's weights, which makes up
// for the 128 that is taken off unsigned activations.
//

struct PACKED_FILTER_HEADER {
    uint64_t SegmentK;
    uint64_t Unused[7];
};

inline
size_t
WeightsOffset(size_t OutputChannels)
{
    return sizeof(PACKED_FILTER_HEADER) + UpAlignSize(OutputChannels * sizeof(int32_t));
}

inline
size_t
AlignK(size_t K)
{
    return (K + UnrollK - 1) / UnrollK * UnrollK;
}

//
// The lanes of a block of output channels: FieldCount * Lanes of them, the last block's partly without use.
//

inline
size_t
BlockLanes(size_t ChannelsRemaining, size_t MaximumLanes)
{
    return std::min((ChannelsRemaining + FieldCount - 1) / FieldCount, MaximumLanes);
}

size_t
MLASCALL
PackWSize(const MLAS_CONV_SYM_FILTER_SHAPE& Shape);

void
MLASCALL
PackW(const MLAS_CONV_SYM_FILTER_SHAPE& Shape, const int8_t* W, void* PackedW);

}  // namespace MlasRvvConvSymPacked64
