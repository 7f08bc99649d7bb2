/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_float_pool.cpp

Abstract:

    Pooling of NCHWc blocks on a processor without vectors.

--*/

#include "scalar_float.h"
#include "scalar_tile.h"

#include <limits>

namespace
{

constexpr size_t Block = MlasScalarNchwcBlockSize;

enum class POOLING { Maximum, AverageExcludePad, AverageIncludePad };

template<POOLING Kind>
MLAS_SCALAR_INLINE
void
ComputeRow(
    const float* RowInput,
    float* Output,
    size_t StrideWidth,
    size_t DilationWidth,
    size_t InputStride,
    size_t ActualKernelSize,
    size_t KernelHeight,
    size_t KernelWidth,
    const float* RowInputBase,
    size_t InputWidth,
    size_t DilatedInputWidth,
    size_t OutputCount
    )
{
    for (size_t n = 0; n < OutputCount; n++, Output += Block) {

        const float* Input = MlasScalarAdvance(RowInput, n * StrideWidth);
        const float* InputBase = RowInputBase;
        size_t Elements = 0;
        float Values[Block];

        std::fill_n(Values, Block, Kind == POOLING::Maximum ? std::numeric_limits<float>::lowest() : 0.0f);

        for (size_t kh = 0; kh < KernelHeight; kh++) {

            for (size_t kw = 0; kw < KernelWidth; kw++) {

                if (MlasScalarIsInside(Input, InputBase, InputWidth)) {

                    Elements++;

                    MLAS_SCALAR_UNROLL
                    for (size_t c = 0; c < Block; c++) {
                        Values[c] = Kind == POOLING::Maximum ? __builtin_fmaxf(Values[c], Input[c]) : Values[c] + Input[c];
                    }
                }

                Input = MlasScalarAdvance(Input, DilationWidth);
            }

            Input = MlasScalarAdvance(Input, InputStride);
            InputBase = MlasScalarAdvance(InputBase, DilatedInputWidth);
        }

        const float Divisor = float(Kind == POOLING::AverageExcludePad ? Elements : ActualKernelSize);

        for (size_t c = 0; c < Block; c++) {
            Output[c] = Kind == POOLING::Maximum ? Values[c] : Values[c] / Divisor;
        }
    }
}

}  // namespace

#define MLAS_SCALAR_POOL_KERNEL(Name, Kind)                                                                             \
    void Name(                                                                                                          \
        const float* Input,                                                                                             \
        float* Output,                                                                                                  \
        size_t StrideWidth,                                                                                             \
        size_t DilationWidth,                                                                                           \
        size_t InputStride,                                                                                             \
        size_t ActualKernelSize,                                                                                        \
        size_t KernelHeight,                                                                                            \
        size_t KernelWidth,                                                                                             \
        const float* InputBase,                                                                                         \
        size_t InputWidth,                                                                                              \
        size_t DilatedInputWidth,                                                                                       \
        size_t OutputCountLeftPad,                                                                                      \
        size_t OutputCount,                                                                                             \
        size_t OutputCountRightPad                                                                                      \
        )                                                                                                               \
    {                                                                                                                   \
        ComputeRow<Kind>(                                                                                               \
            Input, Output, StrideWidth, DilationWidth, InputStride, ActualKernelSize, KernelHeight, KernelWidth,        \
            InputBase, InputWidth, DilatedInputWidth, OutputCountLeftPad + OutputCount + OutputCountRightPad);          \
    }

MLAS_SCALAR_POOL_KERNEL(MlasPoolMaximumFloatKernelScalar, POOLING::Maximum)
MLAS_SCALAR_POOL_KERNEL(MlasPoolAverageExcludePadFloatKernelScalar, POOLING::AverageExcludePad)
MLAS_SCALAR_POOL_KERNEL(MlasPoolAverageIncludePadFloatKernelScalar, POOLING::AverageIncludePad)
