/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    half_support.h

Abstract:

    What the tests of the half precision kernels share: numbers and their bits, and the comparison of bits.

--*/

#pragma once

#include "../detect.h"
#include "../half.h"
#include "float_support.h"

#include <cstring>

using BUFFER = GUARDED_BUFFER<uint16_t>;

inline
uint16_t
ToHalf(double Value)
{
    const _Float16 Half = static_cast<_Float16>(Value);
    uint16_t Bits;
    memcpy(&Bits, &Half, sizeof(Bits));
    return Bits;
}

inline
double
ToDouble(uint16_t Bits)
{
    _Float16 Half;
    memcpy(&Half, &Bits, sizeof(Bits));
    return static_cast<double>(Half);
}

inline
void
Expect(
    const char* Case,
    size_t Index,
    uint16_t Value,
    uint16_t Wanted
    )
{
    if (Value != Wanted) {
        Fail(Case, Index, ToDouble(Value), ToDouble(Wanted));
    }
}

inline
AGAINST
SomeSide(RANDOM& Random)
{
    return Random.Next() % 2 == 0 ? AGAINST::End : AGAINST::Start;
}
