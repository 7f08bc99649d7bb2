/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    measure.h

Abstract:

    Times the multiplications that the variants of the 8-bit kernels are made of.

--*/

#pragma once

#include <cstddef>

//
// Whether the processor is emulated: what instructions take says nothing of a processor then. An emulator takes hundreds of
// additions for an instruction on many elements.
//

bool
MlasRvvIsEmulated();

//
// Nanoseconds of an instruction on four registers of sums, the least of some runs. It takes less than two milliseconds.
//

struct MLAS_RVV_MEASUREMENT {
    double WideningMultiplyAdd16;  // vwmacc.vx, 16 bits into 32
    double MultiplyAdd32;          // vmacc.vx
    double MultiplyAdd64;          // vmacc.vx
};

MLAS_RVV_MEASUREMENT
MlasRvvMeasure();

//
// The variant that makes its products in the least time. The narrowest is taken unless another is much faster, as that
// reads fewer bytes of weights and has less to do when it is done.
//

const char*
MlasRvvFastestVariant(
    const MLAS_RVV_MEASUREMENT& Measurement
    );
