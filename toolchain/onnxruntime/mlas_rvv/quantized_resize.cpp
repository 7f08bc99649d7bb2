/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    quantized_resize.cpp

Abstract:

    Bilinear interpolation of bytes, bit for bit as ONNX Runtime's Resize computes it: in single precision where channels
    come first, in integers where they come last. Both drop what is behind the point.

--*/

#include "quantized_resize.h"
#include "rvv.h"

#include <utility>

MLAS_RVV_BEGIN

namespace
{

//
// Elements of a row by their columns, as floats.
//

template<typename T>
MLAS_FORCEINLINE
vfloat32m4_t
Gather(const T* Row, const int32_t* Columns, size_t vl)
{
    const vuint32m4_t Elements = __riscv_vle32_v_u32m4(reinterpret_cast<const uint32_t*>(Columns), vl);

    if constexpr (std::is_signed<T>::value) {
        return __riscv_vfwcvt_f(__riscv_vsext_vf2(__riscv_vluxei32_v_i8m1(Row, Elements, vl), vl), vl);
    } else {
        return __riscv_vfwcvt_f(__riscv_vzext_vf2(__riscv_vluxei32_v_u8m1(Row, Elements, vl), vl), vl);
    }
}

template<typename T>
MLAS_FORCEINLINE
void
StoreTruncated(T* Output, vfloat32m4_t Value, size_t vl)
{
    if constexpr (std::is_signed<T>::value) {
        __riscv_vse8(Output, __riscv_vncvt_x(__riscv_vfncvt_rtz_x(Value, vl), vl), vl);
    } else {
        __riscv_vse8(Output, __riscv_vncvt_x(__riscv_vfncvt_rtz_xu(Value, vl), vl), vl);
    }
}

//
// The two elements that each column of the output is between, of one row of the input.
//

struct LINE {
    float* First;
    float* Second;
    int32_t Row;
};

template<typename T>
void
Read(LINE& Line, const MLAS_RESIZE_BILINEAR& Plan, const T* Input, int32_t Row)
{
    for (size_t n = 0, vl; n < Plan.OutputWidth; n += vl) {
        vl = __riscv_vsetvl_e32m4(Plan.OutputWidth - n);
        __riscv_vse32(Line.First + n, Gather(Input + Row, Plan.Column1 + n, vl), vl);
        __riscv_vse32(Line.Second + n, Gather(Input + Row, Plan.Column2 + n, vl), vl);
    }

    Line.Row = Row;
}

//
// The weight of an element is the product of its row's and its column's. The second product is rounded, the others are
// added to it as they are: so the compiler contracts ONNX Runtime's expression.
//

template<typename T>
void
Blend(const MLAS_RESIZE_BILINEAR& Plan, const LINE& Above, const LINE& Below, size_t y, T* Output)
{
    for (size_t n = 0, vl; n < Plan.OutputWidth; n += vl) {

        vl = __riscv_vsetvl_e32m4(Plan.OutputWidth - n);

        const vfloat32m4_t Weight1 = __riscv_vle32_v_f32m4(Plan.ColumnWeight1 + n, vl);
        const vfloat32m4_t Weight2 = __riscv_vle32_v_f32m4(Plan.ColumnWeight2 + n, vl);
        const float Row1 = Plan.RowWeight1[y];
        const float Row2 = Plan.RowWeight2[y];

        vfloat32m4_t Sum = __riscv_vfmul(__riscv_vfmul(Weight2, Row1, vl), __riscv_vle32_v_f32m4(Above.Second + n, vl), vl);
        Sum = __riscv_vfmacc(Sum, __riscv_vfmul(Weight1, Row1, vl), __riscv_vle32_v_f32m4(Above.First + n, vl), vl);
        Sum = __riscv_vfmacc(Sum, __riscv_vfmul(Weight1, Row2, vl), __riscv_vle32_v_f32m4(Below.First + n, vl), vl);
        Sum = __riscv_vfmacc(Sum, __riscv_vfmul(Weight2, Row2, vl), __riscv_vle32_v_f32m4(Below.Second + n, vl), vl);

        StoreTruncated(Output + n, Sum, vl);
    }
}

template<typename T>
MLAS_FORCEINLINE
vint32m4_t
LoadWide(const T* Input, size_t vl)
{
    if constexpr (std::is_signed<T>::value) {
        return __riscv_vsext_vf4(__riscv_vle8_v_i8m1(Input, vl), vl);
    } else {
        return __riscv_vreinterpret_i32m4(__riscv_vzext_vf4(__riscv_vle8_v_u8m1(Input, vl), vl));
    }
}

}  // namespace

template<typename T>
void
MLASCALL
MlasRvvResizePlane(
    const MLAS_RESIZE_BILINEAR* Plan,
    const T* Input,
    T* Output,
    float* Lines
    )
{
    const size_t Width = Plan->OutputWidth;
    LINE Above{Lines, Lines + Width, -1};
    LINE Below{Lines + 2 * Width, Lines + 3 * Width, -1};

    for (size_t y = 0; y < Plan->OutputHeight; y++, Output += Width) {

        if (Above.Row != Plan->Row1[y] && Below.Row == Plan->Row1[y]) {
            std::swap(Above, Below);
        }
        if (Above.Row != Plan->Row1[y]) {
            Read(Above, *Plan, Input, Plan->Row1[y]);
        }
        if (Below.Row != Plan->Row2[y]) {
            Read(Below, *Plan, Input, Plan->Row2[y]);
        }

        Blend(*Plan, Above, Below, y, Output);
    }
}

template<typename T>
void
MLASCALL
MlasRvvResizePixels(
    const MLAS_RESIZE_BILINEAR_INTEGER* Plan,
    const T* Input,
    T* Output,
    size_t Channels,
    size_t First,
    size_t Last
    )
{
    constexpr int PointBits = 20;

    size_t y = First / Plan->OutputWidth;
    size_t x = First % Plan->OutputWidth;

    Output += First * Channels;

    for (size_t n = First; n < Last; n++, x++, Output += Channels) {

        if (x == Plan->OutputWidth) {
            x = 0;
            y++;
        }

        const int32_t Rows[] = {Plan->Row1[y], Plan->Row2[y]};
        const int32_t Columns[] = {Plan->Column1[x], Plan->Column2[x]};
        const int32_t RowWeights[] = {Plan->RowWeight1[y], Plan->RowWeight2[y]};
        const int32_t ColumnWeights[] = {Plan->ColumnWeight1[x], Plan->ColumnWeight2[x]};
        const T* Pixels[4];
        int32_t Weights[4];

        for (size_t i = 0; i < 4; i++) {
            Pixels[i] = Input + size_t(Rows[i / 2] + Columns[i % 2]) * Channels;
            Weights[i] = RowWeights[i / 2] * ColumnWeights[i % 2];
        }

        for (size_t c = 0, vl; c < Channels; c += vl) {

            vl = __riscv_vsetvl_e32m4(Channels - c);

            vint32m4_t Sum = __riscv_vmul(LoadWide(Pixels[0] + c, vl), Weights[0], vl);
            Sum = __riscv_vmacc(Sum, Weights[1], LoadWide(Pixels[1] + c, vl), vl);
            Sum = __riscv_vmacc(Sum, Weights[2], LoadWide(Pixels[2] + c, vl), vl);
            Sum = __riscv_vmacc(Sum, Weights[3], LoadWide(Pixels[3] + c, vl), vl);

            if constexpr (std::is_signed<T>::value) {
                // Towards zero, as a division.
                const vuint32m4_t Sign = __riscv_vreinterpret_u32m4(__riscv_vsra(Sum, 31, vl));
                Sum = __riscv_vadd(Sum, __riscv_vreinterpret_i32m4(__riscv_vsrl(Sign, 32 - PointBits, vl)), vl);
                __riscv_vse8(Output + c, __riscv_vnsra(__riscv_vnsra(Sum, 16, vl), PointBits - 16, vl), vl);
            } else {
                const vuint32m4_t Unsigned = __riscv_vreinterpret_u32m4(Sum);
                __riscv_vse8(Output + c, __riscv_vnsrl(__riscv_vnsrl(Unsigned, 16, vl), PointBits - 16, vl), vl);
            }
        }
    }
}

template void MLASCALL MlasRvvResizePlane(const MLAS_RESIZE_BILINEAR*, const int8_t*, int8_t*, float*);
template void MLASCALL MlasRvvResizePlane(const MLAS_RESIZE_BILINEAR*, const uint8_t*, uint8_t*, float*);
template void MLASCALL MlasRvvResizePixels(
    const MLAS_RESIZE_BILINEAR_INTEGER*, const int8_t*, int8_t*, size_t, size_t, size_t);
template void MLASCALL MlasRvvResizePixels(
    const MLAS_RESIZE_BILINEAR_INTEGER*, const uint8_t*, uint8_t*, size_t, size_t, size_t);

MLAS_RVV_END
