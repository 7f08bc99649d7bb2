/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    scalar_qlinear.cpp

Abstract:

    Quantized operators that work element by element, quantized pooling, softmax and resizing on a processor without
    vectors: the portable code's steps in its order, with its results. That code rounds by a call, which reads and writes
    the rounding mode, and divides, which takes a SiFive U74 26 cycles.

--*/

#include "scalar.h"
#include "scalar_requantize.h"
#include "scalar_tile.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace
{

constexpr size_t Lanes = 4;

//
// Function(n) for each n below N, some of them side by side.
//

template<typename FUNCTION>
MLAS_SCALAR_INLINE
void
ForEach(size_t N, const FUNCTION& Function)
{
    size_t n = 0;

    for (; n + Lanes <= N; n += Lanes) {
        MLAS_SCALAR_UNROLL
        for (size_t i = 0; i < Lanes; i++) {
            Function(n + i);
        }
    }

    for (; n < N; n++) {
        Function(n);
    }
}

//
// Function(c, Count) for blocks of Count channels, a constant: 8, and 1 for what is left over.
//

template<typename FUNCTION>
MLAS_SCALAR_INLINE
void
ForEachBlock(size_t Channels, const FUNCTION& Function)
{
    constexpr std::integral_constant<size_t, 8> Block;

    size_t c = 0;

    for (; c + Block <= Channels; c += Block) {
        Function(c, Block);
    }

    for (; c < Channels; c++) {
        Function(c, std::integral_constant<size_t, 1>());
    }
}

MLAS_SCALAR_INLINE
int32_t
Round(float Value)
{
    int32_t Rounded;
    __asm__("fcvt.w.s %0, %1, rne" : "=r"(Rounded) : "f"(Value));
    return Rounded;
}

//
// Clamp(Value / Divisor + Addend), rounded. The product with the reciprocal differs from the quotient by less than 2^-12
// where either is below 512, as in quotient.h; beyond that both saturate. It is divided only where that is as close to the
// middle of two integers.
//

struct DIVISOR {
    float Value;
    float Reciprocal;
    bool IsExact;

    explicit DIVISOR(float Divisor)
        : Value(Divisor), Reciprocal(1.0f / Divisor), IsExact(!std::isnormal(Reciprocal))
    {
    }
};

template<typename CLAMP>
MLAS_SCALAR_INLINE
int32_t
RoundedQuotient(float Value, const DIVISOR& Divisor, float Addend, const CLAMP& Clamp)
{
    constexpr float Margin = 1.0f / 4096;

    const float Near = Clamp(Value * Divisor.Reciprocal + Addend);
    const int32_t Rounded = Round(Near);

    if (__builtin_expect(Divisor.IsExact || !(std::fabs(Near - float(Rounded)) <= 0.5f - Margin), 0)) {
        return Round(Clamp(Value / Divisor.Value + Addend));
    }

    return Rounded;
}

//
// Value / Scale + Addend, rounded, plus ZeroPoint, saturated.
//

template<typename T>
class QUANTIZER
{
public:
    QUANTIZER(float Scale, float Addend, int32_t ZeroPoint)
        : Divisor_(Scale), Addend_(Addend), ZeroPoint_(ZeroPoint),
          Minimum_(float(std::numeric_limits<T>::lowest() - ZeroPoint)),
          Maximum_(float(std::numeric_limits<T>::max() - ZeroPoint))
    {
    }

    MLAS_SCALAR_INLINE
    T
    operator()(float Value) const
    {
        const auto Clamp = [this](float v) MLAS_SCALAR_LAMBDA {
            return __builtin_fminf(__builtin_fmaxf(v, Minimum_), Maximum_);
        };

        return T(RoundedQuotient(Value, Divisor_, Addend_, Clamp) + ZeroPoint_);
    }

private:
    DIVISOR Divisor_;
    float Addend_;
    int32_t ZeroPoint_;
    float Minimum_;
    float Maximum_;
};

template<typename T>
MLAS_SCALAR_INLINE
float
Dequantized(T Value, float Scale, int32_t ZeroPoint)
{
    return float(int32_t(Value) - ZeroPoint) * Scale;
}

template<typename T>
void
MLASCALL
QuantizeLinear(const float* Input, T* Output, size_t N, float Scale, T ZeroPoint)
{
    const QUANTIZER<T> Quantize(Scale, 0.0f, ZeroPoint);

    ForEach(N, [=](size_t n) MLAS_SCALAR_LAMBDA { Output[n] = Quantize(Input[n]); });
}

template<typename T>
void
MLASCALL
DequantizeLinear(const T* Input, float* Output, size_t N, float Scale, T ZeroPoint)
{
    const int32_t Zero = ZeroPoint;

    ForEach(N, [=](size_t n) MLAS_SCALAR_LAMBDA { Output[n] = Dequantized(Input[n], Scale, Zero); });
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

        ForEach(CountN, [=](size_t i) MLAS_SCALAR_LAMBDA {
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
    const QUANTIZER<T> Quantize(ScaleC, float(ZeroPointC), 0);
    const float ValueB = Dequantized(*InputB, ScaleB, ZeroPointB);

    if (IsScalarB) {
        ForEach(N, [=](size_t n) MLAS_SCALAR_LAMBDA {
            OutputC[n] = Quantize(OPERATION::Of(Dequantized(InputA[n], ScaleA, ZeroPointA), ValueB));
        });
    } else {
        ForEach(N, [=](size_t n) MLAS_SCALAR_LAMBDA {
            OutputC[n] = Quantize(OPERATION::Of(
                Dequantized(InputA[n], ScaleA, ZeroPointA), Dequantized(InputB[n], ScaleB, ZeroPointB)));
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
        ForEachBlock(Channels, [=](size_t c, auto Count) MLAS_SCALAR_LAMBDA {

            int32_t Sums[Count];

            std::fill_n(Sums, size_t(Count), Bias);

            for (size_t i = 0; i < ImageSize; i++) {

                const T* const Pixel = Input + i * Stride + c;

                MLAS_SCALAR_UNROLL
                for (size_t n = 0; n < Count; n++) {
                    Sums[n] += Pixel[n];
                }
            }

            MLAS_SCALAR_UNROLL
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
    const QUANTIZER<T> Quantize(w.ScaleOutput, float(w.ZeroPointOutput), 0);

    for (size_t n = 0; n < N; n++, Input += w.Step) {

        float Sum = 0.0f;

        for (size_t a = 0; a < w.Count[0]; a++) {
            for (size_t b = 0; b < w.Count[1]; b++) {

                const T* Element = Input + a * w.Stride[0] + b * w.Stride[1];

                for (size_t c = 0; c < w.Count[2]; c++, Element += w.Stride[2]) {
                    Sum += Dequantized(*Element, w.ScaleInput, w.ZeroPointInput);
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

        const DIVISOR Divisor(Sum);

        // What is above the largest output is that, as far as an integer reaches.
        ForEach(N, [=](size_t n) MLAS_SCALAR_LAMBDA {
            const float Scaled = Table[uint8_t(Input[n] + Shift)] * Scale;
            const int32_t Rounded = RoundedQuotient(Scaled, Divisor, 0.0f, [](float v) { return v; });
            Output[n] = T(std::min(int32_t(uint32_t(Rounded) + uint32_t(int32_t(ZeroPoint))), Largest));
        });
    }
}

//
// What is above the point of four products, added up as the compiler contracts ONNX Runtime's expression.
//

template<typename T>
void
MLASCALL
ResizePlane(const MLAS_RESIZE_BILINEAR* Plan, const T* Input, T* Output, float*)
{
    const MLAS_RESIZE_BILINEAR p = *Plan;

    for (size_t y = 0; y < p.OutputHeight; y++, Output += p.OutputWidth) {

        const T* const Above = Input + p.Row1[y];
        const T* const Below = Input + p.Row2[y];
        const float Row1 = p.RowWeight1[y];
        const float Row2 = p.RowWeight2[y];

        ForEach(p.OutputWidth, [=](size_t x) MLAS_SCALAR_LAMBDA {
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
ResizePixels(
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

        ForEach(Channels, [=](size_t c) MLAS_SCALAR_LAMBDA {
            const int32_t Sum =
                Weight11 * Pixel11[c] + Weight12 * Pixel12[c] + Weight21 * Pixel21[c] + Weight22 * Pixel22[c];
            Output[c] = T(Sum / (1 << 20));
        });
    }
}

template<typename T>
void
MLASCALL
MaximumPool(const T* const* Input, T* Output, size_t Channels, size_t OutputCount, size_t KernelSize)
{
    for (; OutputCount > 0; OutputCount--, Input += KernelSize, Output += Channels) {
        ForEachBlock(Channels, [=](size_t c, auto Count) MLAS_SCALAR_LAMBDA {

            T Maxima[Count];

            std::copy_n(Input[0] + c, size_t(Count), Maxima);

            for (size_t k = 1; k < KernelSize; k++) {

                const T* const Pixel = Input[k] + c;

                MLAS_SCALAR_UNROLL
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
    ResizePlane<T>,
    ResizePixels<T>,
    MaximumPool<T>,
};

}  // namespace

const MLAS_QUANTIZED_DISPATCH<uint8_t> MlasQuantizedU8DispatchScalar = Dispatch<uint8_t>;
const MLAS_QUANTIZED_DISPATCH<int8_t> MlasQuantizedS8DispatchScalar = Dispatch<int8_t>;
