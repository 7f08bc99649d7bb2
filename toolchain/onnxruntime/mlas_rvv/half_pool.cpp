/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    half_pool.cpp

Abstract:

    Half precision pooling of images with channels last.

--*/

#include "half.h"
#include "half_vector.h"

MLAS_RVV_HALF_BEGIN

namespace
{

struct MAXIMUM {
    using Vector = vfloat16m8_t;

    static constexpr float Lowest = -65504.0f;

    static MLAS_RVV_HALF_INLINE
    size_t
    Length(size_t Wanted)
    {
        return __riscv_vsetvl_e16m8(Wanted);
    }

    static MLAS_RVV_HALF_INLINE
    Vector
    Begin(size_t vl)
    {
        return __riscv_vfmv_v_f_f16m8(static_cast<_Float16>(Lowest), vl);
    }

    static MLAS_RVV_HALF_INLINE
    Vector
    Add(Vector Value, const uint16_t* Input, size_t vl)
    {
        return __riscv_vfmax(Value, __riscv_vle16_v_f16m8(MlasRvvHalfNumbers(Input), vl), vl);
    }

    static MLAS_RVV_HALF_INLINE
    Vector
    Finish(Vector Value, size_t, size_t)
    {
        return Value;
    }
};

struct AVERAGE {
    using Vector = vfloat32m8_t;

    static MLAS_RVV_HALF_INLINE
    size_t
    Length(size_t Wanted)
    {
        return __riscv_vsetvl_e16m4(Wanted);
    }

    static MLAS_RVV_HALF_INLINE
    Vector
    Begin(size_t vl)
    {
        return __riscv_vfmv_v_f_f32m8(0.0f, vl);
    }

    static MLAS_RVV_HALF_INLINE
    Vector
    Add(Vector Value, const uint16_t* Input, size_t vl)
    {
        return __riscv_vfwadd_wv(Value, __riscv_vle16_v_f16m4(MlasRvvHalfNumbers(Input), vl), vl);
    }

    static MLAS_RVV_HALF_INLINE
    vfloat16m4_t
    Finish(Vector Value, size_t Count, size_t vl)
    {
        return __riscv_vfncvt_f_f_w_f16m4(__riscv_vfdiv(Value, float(Count), vl), vl);
    }
};

template<typename Pooling>
MLAS_RVV_HALF_INLINE
void
Pool(
    const uint16_t* const* Input,
    uint16_t* Output,
    size_t Channels,
    size_t OutputCount,
    size_t KernelSize
    )
{
    for (size_t n = 0; n < OutputCount; n++, Input += KernelSize, Output += Channels) {
        for (size_t c = 0, vl; c < Channels; c += vl) {

            vl = Pooling::Length(Channels - c);

            auto Value = Pooling::Begin(vl);
            size_t Count = 0;

            for (size_t k = 0; k < KernelSize; k++) {
                if (Input[k] != nullptr) {
                    Value = Pooling::Add(Value, Input[k] + c, vl);
                    Count++;
                }
            }

            __riscv_vse16(MlasRvvHalfNumbers(Output + c), Pooling::Finish(Value, Count, vl), vl);
        }
    }
}

}  // namespace

void
MlasRvvHalfMaximumPool(
    const uint16_t* const* Input,
    uint16_t* Output,
    size_t Channels,
    size_t OutputCount,
    size_t KernelSize
    )
{
    Pool<MAXIMUM>(Input, Output, Channels, OutputCount, KernelSize);
}

void
MlasRvvHalfAveragePool(
    const uint16_t* const* Input,
    uint16_t* Output,
    size_t Channels,
    size_t OutputCount,
    size_t KernelSize
    )
{
    Pool<AVERAGE>(Input, Output, Channels, OutputCount, KernelSize);
}

MLAS_RVV_HALF_END
