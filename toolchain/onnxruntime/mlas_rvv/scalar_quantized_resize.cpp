/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_quantized_resize.cpp

Abstract:

    Bilinear interpolation of bytes on a processor without vectors, with the bits of quantized_resize.cpp.

--*/

#include "quantized_resize.h"
#include "scalar_quantize.h"

//
// What is above the point of four products, added up as the compiler contracts ONNX Runtime's expression.
//

template<typename T>
void
MLASCALL
MlasScalarResizePlane(const MLAS_RESIZE_BILINEAR* Plan, const T* Input, T* Output, float*)
{
    const MLAS_RESIZE_BILINEAR p = *Plan;

    for (size_t y = 0; y < p.OutputHeight; y++, Output += p.OutputWidth) {

        const T* const Above = Input + p.Row1[y];
        const T* const Below = Input + p.Row2[y];
        const float Row1 = p.RowWeight1[y];
        const float Row2 = p.RowWeight2[y];

        MlasScalarForEach(p.OutputWidth, [=](size_t x) MLAS_SCALAR_LAMBDA {
            const int32_t Column1 = p.Column1[x];
            const int32_t Column2 = p.Column2[x];
            const float Weight1 = p.ColumnWeight1[x];
            const float Weight2 = p.ColumnWeight2[x];
            float Sum = Weight2 * Row1 * float(Above[Column2]);
            Sum = __builtin_fmaf(Weight1 * Row1, float(Above[Column1]), Sum);
            Sum = __builtin_fmaf(Weight1 * Row2, float(Below[Column1]), Sum);
            Sum = __builtin_fmaf(Weight2 * Row2, float(Below[Column2]), Sum);
            Output[x] = T(int32_t(Sum));
        });
    }
}

template<typename T>
void
MLASCALL
MlasScalarResizePixels(
    const MLAS_RESIZE_BILINEAR_INTEGER* Plan,
    const T* Input,
    T* Output,
    size_t Channels,
    size_t First,
    size_t Last
    )
{
    const MLAS_RESIZE_BILINEAR_INTEGER p = *Plan;

    Output += First * Channels;

    for (size_t n = First; n < Last; n++, Output += Channels) {

        const size_t y = n / p.OutputWidth;
        const size_t x = n % p.OutputWidth;
        const T* const Pixel11 = Input + size_t(p.Row1[y] + p.Column1[x]) * Channels;
        const T* const Pixel12 = Input + size_t(p.Row1[y] + p.Column2[x]) * Channels;
        const T* const Pixel21 = Input + size_t(p.Row2[y] + p.Column1[x]) * Channels;
        const T* const Pixel22 = Input + size_t(p.Row2[y] + p.Column2[x]) * Channels;
        const int32_t Weight11 = p.RowWeight1[y] * p.ColumnWeight1[x];
        const int32_t Weight12 = p.RowWeight1[y] * p.ColumnWeight2[x];
        const int32_t Weight21 = p.RowWeight2[y] * p.ColumnWeight1[x];
        const int32_t Weight22 = p.RowWeight2[y] * p.ColumnWeight2[x];

        MlasScalarForEach(Channels, [=](size_t c) MLAS_SCALAR_LAMBDA {
            const int32_t Sum =
                Weight11 * Pixel11[c] + Weight12 * Pixel12[c] + Weight21 * Pixel21[c] + Weight22 * Pixel22[c];
            Output[c] = T(Sum / (1 << 20));
        });
    }
}

template void MLASCALL MlasScalarResizePlane(const MLAS_RESIZE_BILINEAR*, const int8_t*, int8_t*, float*);
template void MLASCALL MlasScalarResizePlane(const MLAS_RESIZE_BILINEAR*, const uint8_t*, uint8_t*, float*);
template void MLASCALL MlasScalarResizePixels(
    const MLAS_RESIZE_BILINEAR_INTEGER*, const int8_t*, int8_t*, size_t, size_t, size_t);
template void MLASCALL MlasScalarResizePixels(
    const MLAS_RESIZE_BILINEAR_INTEGER*, const uint8_t*, uint8_t*, size_t, size_t, size_t);
