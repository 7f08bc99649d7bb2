/*++

Module Name:

    convsym_packing.h

Abstract:

    How the filter of a symmetric quantized convolution is laid out for the kernels.

    A 64-bit lane holds the weights of three output channels, w0 + w1 * 2^21 + w2 * 2^42, and its multiply-accumulate
    by one activation makes three. An activation less its sign's half range is at most 128 in size, so that a field
    of 21 bits holds the sum of as many products as have weights of 8191 in all: some 250 with the weights of trained
    networks, 63 at the least. K is cut into segments that short when the filter is packed, and the fields are
    unpacked into 32-bit sums after each. Every accumulator starts with half of each field's range, so that no field
    is ever negative and borrows from the next.

    This takes two thirds of the multiplications of 16-bit products with 32-bit sums, and a register holds half as
    many sums again, which is what decides how often a weight or an activation is loaded.

    The weights lie by block of output channels, as many as the lanes of a register group hold; in a block by k.

--*/

#pragma once

#include "mlasi.h"

namespace MlasRvvConvSym
{

constexpr size_t FieldCount = 3;
constexpr size_t FieldBits = 21;
constexpr int64_t FieldHalf = int64_t(1) << (FieldBits - 1);

// Activations of a row that lie side by side: what a load can reach from one address for each of the rows.
constexpr size_t MaximumSegmentK = 256;
constexpr size_t UnrollK = 4;

//
// What is before the packed weights.
//

constexpr size_t HeaderSize = 64;

struct PACKED_FILTER_HEADER {
    uint64_t SegmentK;
};

static_assert(sizeof(PACKED_FILTER_HEADER) <= HeaderSize, "the weights start behind the header");

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

}  // namespace MlasRvvConvSym
