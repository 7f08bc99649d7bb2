/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    qlinear_softmax.h

Abstract:

    The softmax of 8-bit rows.

--*/

#pragma once

#include "mlasi.h"

//
// M rows of N elements, at least one: see MlasQLinearSoftmax.
//

template<typename T>
void
MLASCALL
MlasRvvQLinearSoftmax(
    const T* Input,
    T* Output,
    size_t M,
    size_t N,
    const float* Table,
    float Scale,
    T ZeroPoint
    );
