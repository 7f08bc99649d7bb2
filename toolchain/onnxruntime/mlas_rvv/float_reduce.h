/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_reduce.h

Abstract:

    The kernels that reduce matrices to a row or a column.

--*/

#pragma once

#include <cstddef>

//
// Sums, maxima and minima of M rows of N elements, Stride apart: one of each row, or one of each column. M and N are at
// least one.
//

typedef
void
(MLAS_RVV_REDUCE_KERNEL)(
    const float* Input,
    size_t Stride,
    size_t M,
    size_t N,
    float* Output
    );

MLAS_RVV_REDUCE_KERNEL MlasRvvReduceRowsSumKernel;
MLAS_RVV_REDUCE_KERNEL MlasRvvReduceRowsMaximumKernel;
MLAS_RVV_REDUCE_KERNEL MlasRvvReduceRowsMinimumKernel;
MLAS_RVV_REDUCE_KERNEL MlasRvvReduceColumnsSumKernel;
MLAS_RVV_REDUCE_KERNEL MlasRvvReduceColumnsMaximumKernel;
MLAS_RVV_REDUCE_KERNEL MlasRvvReduceColumnsMinimumKernel;
