/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    requantize.h

Abstract:

    32-bit sums to 8-bit outputs, bit for bit as MlasRequantizeOutput makes them.

    Clamping the scaled value and then rounding it, as the portable code does, gives what rounding it and then
    saturating gives: the bounds are whole numbers. Unsigned outputs are made as signed ones less 128, so that one
    saturating narrowing clamps both kinds at both ends.

--*/

#pragma once

#include "rvv.h"

#include "mlasi.h"

MLAS_RVV_BEGIN

template<typename OutputType>
struct MLAS_RVV_REQUANTIZE {
    static constexpr bool IsSigned = std::is_signed<OutputType>::value;
    static constexpr int32_t ZeroPointOffset = IsSigned ? 0 : -128;
    static constexpr int8_t SignFlip = IsSigned ? 0 : -128;
};

//
// The last steps, from floats that have been scaled: round to nearest even, add the zero point, saturate.
//

template<typename OutputType, typename FloatVector>
MLAS_FORCEINLINE
auto
MlasRvvNarrowQuantized(
    FloatVector Value,
    int32_t ZeroPoint,
    size_t vl
    )
{
    using Requantize = MLAS_RVV_REQUANTIZE<OutputType>;

    const int16_t Offset = static_cast<int16_t>(ZeroPoint + Requantize::ZeroPointOffset);
    const auto Rounded = __riscv_vsadd(__riscv_vfncvt_x(Value, vl), Offset, vl);
    auto Narrow = __riscv_vnclip(Rounded, 0, __RISCV_VXRM_RDN, vl);

    if (!Requantize::IsSigned) {
        Narrow = __riscv_vxor(Narrow, Requantize::SignFlip, vl);
    }

    return Narrow;
}

//
// The same, stored.
//

template<typename OutputType, typename FloatVector>
MLAS_FORCEINLINE
void
MlasRvvStoreQuantized(
    OutputType* Output,
    FloatVector Value,
    int32_t ZeroPoint,
    size_t vl
    )
{
    if constexpr (!MLAS_RVV_REQUANTIZE<OutputType>::IsSigned) {
        if (ZeroPoint == 0) {
            // What follows every ReLU needs no more.
            __riscv_vse8(Output, __riscv_vnclipu(__riscv_vfncvt_xu(Value, vl), 0, __RISCV_VXRM_RDN, vl), vl);
            return;
        }
    }

    __riscv_vse8(reinterpret_cast<int8_t*>(Output), MlasRvvNarrowQuantized<OutputType>(Value, ZeroPoint, vl), vl);
}

//
// Rows of sums to rows of outputs. Bias and Scale are those of the first channel; BiasOffset is added to each bias.
//

template<typename OutputType>
MLAS_FORCEINLINE
void
MlasRvvRequantizeRows(
    const int32_t* Sums,
    size_t SumsStride,
    OutputType* Output,
    size_t OutputStride,
    size_t Rows,
    size_t Channels,
    const int32_t* Bias,
    int32_t BiasOffset,
    const float* Scale,
    bool PerChannelScale,
    int32_t ZeroPoint
    )
{
    for (size_t c = 0, vl; c < Channels; c += vl) {

        vl = __riscv_vsetvl_e32m8(Channels - c);

        vint32m8_t BiasVector;

        if (Bias != nullptr) {
            BiasVector = __riscv_vadd_vx_i32m8(__riscv_vle32_v_i32m8(Bias + c, vl), BiasOffset, vl);
        } else {
            BiasVector = __riscv_vmv_v_x_i32m8(BiasOffset, vl);
        }

        const vfloat32m8_t ScaleVector = PerChannelScale ? __riscv_vle32_v_f32m8(Scale + c, vl)
                                                         : __riscv_vfmv_v_f_f32m8(*Scale, vl);
        const int32_t* s = Sums + c;
        OutputType* o = Output + c;

        for (size_t Row = 0; Row < Rows; Row++) {

            const vint32m8_t Sum = __riscv_vadd_vv_i32m8(__riscv_vle32_v_i32m8(s, vl), BiasVector, vl);
            const vfloat32m8_t Scaled =
                __riscv_vfmul_vv_f32m8(__riscv_vfcvt_f_x_v_f32m8(Sum, vl), ScaleVector, vl);

            MlasRvvStoreQuantized(o, Scaled, ZeroPoint, vl);

            s += SumsStride;
            o += OutputStride;
        }
    }
}

MLAS_RVV_END
