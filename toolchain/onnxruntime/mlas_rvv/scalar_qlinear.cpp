/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_qlinear.cpp

Abstract:

    Quantized operators that work element by element, quantized pooling and softmax on a processor without vectors: the
    portable code's steps in its order, with its results.

--*/

#include "quantized_resize.h"
#include "scalar.h"
#include "scalar_quantize.h"
#include "scalar_requantize.h"

namespace
{

template<typename T>
void
MLASCALL
QuantizeLinear(const float* Input, T* Output, size_t N, float Scale, T ZeroPoint)
{
    const MLAS_SCALAR_QUANTIZER<T> Quantize(Scale, 0.0f, ZeroPoint);

    MlasScalarForEach(N, [=](size_t n) MLAS_SCALAR_LAMBDA { Output[n] = Quantize(Input[n]); });
}

template<typename T>
void
MLASCALL
DequantizeLinear(const T* Input, float* Output, size_t N, float Scale, T ZeroPoint)
{
    const int32_t Zero = ZeroPoint;

    MlasScalarForEach(N, [=](size_t n) MLAS_SCALAR_LAMBDA { Output[n] = MlasScalarDequantized(Input[n], Scale, Zero); });
}

template<typename T>
void
MLASCALL
RequantizeOutput(
    const int32_t* Input,
    size_t InputLeadingDimension,
    T* Output,
    size_t OutputLeadingDimension,
    const int32_t* Bias,
    const float* Scale,
    bool PerColumnScale,
    T ZeroPoint,
    size_t StartM,
    size_t StartN,
    size_t CountM,
    size_t CountN
    )
{
    const MLAS_SCALAR_REQUANTIZE<T, false> Requantize(ZeroPoint);

    for (size_t m = StartM; m < StartM + CountM; m++) {

        const int32_t* const Row = Input + m * InputLeadingDimension;
        T* const OutputRow = Output + m * OutputLeadingDimension;

        MlasScalarForEach(CountN, [=](size_t i) MLAS_SCALAR_LAMBDA {
            const size_t n = StartN + i;
            const uint32_t Sum = uint32_t(Row[n]) + (Bias != nullptr ? uint32_t(Bias[n]) : 0);
            OutputRow[n] = Requantize(float(int32_t(Sum)) * Scale[PerColumnScale ? n : 0]);
        });
    }
}

struct SUM {
    static MLAS_SCALAR_INLINE float Of(float A, float B) { return A + B; }
};

struct PRODUCT {
    static MLAS_SCALAR_INLINE float Of(float A, float B) { return A * B; }
};

template<typename OPERATION, typename T>
void
MLASCALL
QLinearBinary(
    const T* InputA,
    float ScaleA,
    int32_t ZeroPointA,
    const T* InputB,
    float ScaleB,
    int32_t ZeroPointB,
    float ScaleC,
    int32_t ZeroPointC,
    T* OutputC,
    size_t N,
    bool IsScalarB
    )
{
    // The zero point is added before the sum or product is rounded.
    const MLAS_SCALAR_QUANTIZER<T> Quantize(ScaleC, float(ZeroPointC), 0);
    const float ValueB = MlasScalarDequantized(*InputB, ScaleB, ZeroPointB);

    if (IsScalarB) {
        MlasScalarForEach(N, [=](size_t n) MLAS_SCALAR_LAMBDA {
            OutputC[n] = Quantize(OPERATION::Of(MlasScalarDequantized(InputA[n], ScaleA, ZeroPointA), ValueB));
        });
    } else {
        MlasScalarForEach(N, [=](size_t n) MLAS_SCALAR_LAMBDA {
            OutputC[n] = Quantize(OPERATION::Of(
                MlasScalarDequantized(InputA[n], ScaleA, ZeroPointA), MlasScalarDequantized(InputB[n], ScaleB, ZeroPointB)));
        });
    }
}

template<typename T>
void
MLASCALL
QLinearGlobalAveragePoolNhwc(
    const T* Input,
    T* Output,
    size_t Batch,
    size_t ImageSize,
    size_t Stride,
    size_t Channels,
    float Scale,
    int32_t Bias,
    int32_t ZeroPointOutput
    )
{
    const MLAS_SCALAR_REQUANTIZE<T, false> Requantize(ZeroPointOutput);

    for (; Batch > 0; Batch--, Input += Stride * ImageSize, Output += Stride) {
        MlasScalarForEachBlock(Channels, [=](size_t c, auto Count) MLAS_SCALAR_LAMBDA {

            int32_t Sums[Count];

            std::fill_n(Sums, size_t(Count), Bias);

            for (size_t i = 0; i < ImageSize; i++) {

                const T* const Pixel = Input + i * Stride + c;

                for (size_t n = 0; n < Count; n++) {
                    Sums[n] += Pixel[n];
                }
            }

            for (size_t n = 0; n < Count; n++) {
                Output[c + n] = Requantize(float(Sums[n]) * Scale);
            }
        });
    }
}

template<typename T>
void
MLASCALL
QLinearAverage(const MLAS_QLINEAR_WINDOW* Window, const T* Input, float Divisor, T* Output, size_t N)
{
    const MLAS_QLINEAR_WINDOW w = *Window;
    const MLAS_SCALAR_QUANTIZER<T> Quantize(w.ScaleOutput, float(w.ZeroPointOutput), 0);

    for (size_t n = 0; n < N; n++, Input += w.Step) {

        float Sum = 0.0f;

        for (size_t a = 0; a < w.Count[0]; a++) {
            for (size_t b = 0; b < w.Count[1]; b++) {

                const T* Element = Input + a * w.Stride[0] + b * w.Stride[1];

                for (size_t c = 0; c < w.Count[2]; c++, Element += w.Stride[2]) {
                    Sum += MlasScalarDequantized(*Element, w.ScaleInput, w.ZeroPointInput);
                }
            }
        }

        Output[n] = Quantize(Sum / Divisor);
    }
}

template<typename T>
void
MLASCALL
QLinearSoftmax(const T* Input, T* Output, size_t M, size_t N, const float* Table, float Scale, T ZeroPoint)
{
    constexpr int32_t Largest = std::numeric_limits<T>::max();

    for (; M > 0; M--, Input += N, Output += N) {

        const uint8_t Shift = uint8_t(std::numeric_limits<T>::max() - *std::max_element(Input, Input + N));
        float Sum = 0.0f;

        for (size_t n = 0; n < N; n++) {
            Sum += Table[uint8_t(Input[n] + Shift)];
        }

        const MLAS_SCALAR_DIVISOR Divisor(Sum);

        // What is above the largest output is that, as far as an integer reaches.
        MlasScalarForEach(N, [=](size_t n) MLAS_SCALAR_LAMBDA {
            const float Scaled = Table[uint8_t(Input[n] + Shift)] * Scale;
            const int32_t Rounded = MlasScalarRoundedQuotient(Scaled, Divisor, 0.0f, [](float v) { return v; });
            Output[n] = T(std::min(int32_t(uint32_t(Rounded) + uint32_t(int32_t(ZeroPoint))), Largest));
        });
    }
}

template<typename T>
void
MLASCALL
MaximumPool(const T* const* Input, T* Output, size_t Channels, size_t OutputCount, size_t KernelSize)
{
    for (; OutputCount > 0; OutputCount--, Input += KernelSize, Output += Channels) {
        MlasScalarForEachBlock(Channels, [=](size_t c, auto Count) MLAS_SCALAR_LAMBDA {

            T Maxima[Count];

            std::copy_n(Input[0] + c, size_t(Count), Maxima);

            for (size_t k = 1; k < KernelSize; k++) {

                const T* const Pixel = Input[k] + c;

                for (size_t n = 0; n < Count; n++) {
                    Maxima[n] = std::max(Maxima[n], Pixel[n]);
                }
            }

            std::copy_n(Maxima, size_t(Count), Output + c);
        });
    }
}

template<typename T>
constexpr MLAS_QUANTIZED_DISPATCH<T> Dispatch = {
    QuantizeLinear<T>,
    DequantizeLinear<T>,
    RequantizeOutput<T>,
    QLinearBinary<SUM, T>,
    QLinearBinary<PRODUCT, T>,
    QLinearGlobalAveragePoolNhwc<T>,
    QLinearAverage<T>,
    QLinearSoftmax<T>,
    MlasScalarResizePlane<T>,
    MlasScalarResizePixels<T>,
    MaximumPool<T>,
};

}  // namespace

const MLAS_QUANTIZED_DISPATCH<uint8_t> MlasQuantizedU8DispatchScalar = Dispatch<uint8_t>;
const MLAS_QUANTIZED_DISPATCH<int8_t> MlasQuantizedS8DispatchScalar = Dispatch<int8_t>;
