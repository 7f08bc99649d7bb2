/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    quantized_qlinear.cpp

Abstract:

    Quantization, its inverse, requantization, addition, multiplication, pooling and softmax against the portable code.

--*/

#include "quantized_support.h"

namespace
{

//
// Runs Action with the portable code and with the kernels, and compares what it leaves.
//

template<typename T, typename ACTION>
void
Check(const char* Name, size_t N, ACTION Action)
{
    MLAS_PLATFORM& Platform = GetMlasPlatform();
    const auto* U8Dispatch = Platform.QuantizedU8Dispatch;
    const auto* S8Dispatch = Platform.QuantizedS8Dispatch;
    GUARDED<T> Wanted(N);
    GUARDED<T> Got(N);

    std::fill_n(Wanted.data(), N, T(77));
    std::fill_n(Got.data(), N, T(77));
    Action(Got.data());

    Platform.QuantizedU8Dispatch = nullptr;
    Platform.QuantizedS8Dispatch = nullptr;
    Action(Wanted.data());
    Platform.QuantizedU8Dispatch = U8Dispatch;
    Platform.QuantizedS8Dispatch = S8Dispatch;

    for (size_t n = 0; n < N; n++) {
        if (Wanted[n] != Got[n]) {
            Fail(Name, n, Wanted[n], Got[n]);
        }
    }
}

template<typename T>
T
ZeroPoint(RANDOM& Random)
{
    constexpr int64_t Low = std::numeric_limits<T>::lowest();
    constexpr int64_t High = std::numeric_limits<T>::max();
    const int64_t Points[] = {Low, High, 0, Random.Between(Low, High)};

    return static_cast<T>(Points[Random.Between(0, 3)]);
}

// From scales that leave nothing to those that saturate everything; powers of two make ties.
float
AnyScale(RANDOM& Random)
{
    const float Scale = std::ldexp(1.0f, static_cast<int>(Random.Between(-12, 4)));

    return Random.Between(0, 2) == 0 ? Scale : Scale * Random.Scale(0.5f, 1.5f);
}

template<typename T>
void
CheckQuantize(size_t N, RANDOM& Random)
{
    GUARDED<float> Input(N);
    for (size_t n = 0; n < N; n++) {
        const float Special[] = {0.0f, -0.0f, 1e30f, -1e30f, INFINITY, -INFINITY, 0.5f, 1.5f, -2.5f, 1e-40f};
        Input[n] = Random.Between(0, 3) == 0 ? Special[Random.Between(0, 9)] : Random.Scale(-200.0f, 200.0f);
    }
    const float Scale = AnyScale(Random);
    const T Zero = ZeroPoint<T>(Random);

    Check<T>("quantize", N, [&](T* Output) { MlasQuantizeLinear(Input.data(), Output, N, Scale, Zero); });
}

// As ONNX Runtime's DequantizeLinear does it, bit for bit, where no number comes of it too.
template<typename T>
void
CheckDequantize(size_t N, RANDOM& Random)
{
    GUARDED<T> Input(N);
    GUARDED<float> Output(N);
    Fill(Input, Random, static_cast<int>(Random.Between(0, 4)));
    const float Special[] = {0.0f, -0.5f, 1e-40f, 3e38f, INFINITY, NAN};
    const float Scale = Random.Between(0, 9) == 0 ? Special[Random.Between(0, 5)] : AnyScale(Random);
    const T Zero = ZeroPoint<T>(Random);

    if (!MlasDequantizeLinear(Input.data(), Output.data(), N, Scale, Zero)) {
        Fail("a kernel to dequantize", 0, 1, 0);
    }

    for (size_t n = 0; n < N; n++) {
        const float Wanted = static_cast<float>(static_cast<int32_t>(Input[n]) - static_cast<int32_t>(Zero)) * Scale;
        if (MlasBitsOfFp32(Output[n]) != MlasBitsOfFp32(Wanted)) {
            Fail("dequantize", n, Wanted, Output[n]);
        }
    }
}

template<typename T>
void
CheckBinary(size_t N, RANDOM& Random)
{
    const bool IsScalarB = Random.Between(0, 3) == 0;
    GUARDED<T> A(N);
    GUARDED<T> B(IsScalarB ? 1 : N);
    Fill(A, Random, static_cast<int>(Random.Between(0, 4)));
    Fill(B, Random, static_cast<int>(Random.Between(0, 4)));
    const float ScaleA = AnyScale(Random);
    const float ScaleB = AnyScale(Random);
    const float ScaleC = AnyScale(Random);
    const T ZeroA = ZeroPoint<T>(Random);
    const T ZeroB = ZeroPoint<T>(Random);
    const T ZeroC = ZeroPoint<T>(Random);

    Check<T>("add", N, [&](T* Output) {
        MlasQLinearAdd(A.data(), ScaleA, ZeroA, B.data(), ScaleB, ZeroB, ScaleC, ZeroC, Output, N, IsScalarB);
    });
    Check<T>("multiply", N, [&](T* Output) {
        MlasQLinearMul(A.data(), ScaleA, ZeroA, B.data(), ScaleB, ZeroB, ScaleC, ZeroC, Output, N, IsScalarB);
    });
}

template<typename T>
void
CheckRequantize(size_t N, RANDOM& Random)
{
    const size_t M = static_cast<size_t>(Random.Between(1, 4));
    const bool PerColumn = Random.Between(0, 1) != 0;
    const bool HasBias = Random.Between(0, 1) != 0;
    GUARDED<int32_t> Input(M * N);
    GUARDED<int32_t> Bias(N);
    GUARDED<float> Scale(PerColumn ? N : 1);
    for (size_t n = 0; n < M * N; n++) {
        Input[n] = static_cast<int32_t>(Random.Next() >> Random.Between(33, 55)) - (1 << 8);
    }
    for (size_t n = 0; n < N; n++) {
        Bias[n] = static_cast<int32_t>(Random.Between(-1000, 1000));
    }
    for (size_t n = 0; n < Scale.size(); n++) {
        Scale[n] = AnyScale(Random);
    }
    const T Zero = ZeroPoint<T>(Random);
    const size_t StartM = static_cast<size_t>(Random.Between(0, static_cast<int64_t>(M) - 1));
    const size_t StartN = static_cast<size_t>(Random.Between(0, static_cast<int64_t>(N) - 1));

    Check<T>("requantize", M * N, [&](T* Output) {
        MlasRequantizeOutput(Input.data(), N, Output, N, HasBias ? Bias.data() : nullptr, Scale.data(), PerColumn, Zero,
            StartM, StartN, M - StartM, N - StartN);
    });
}

template<typename T>
void
CheckPool(size_t Channels, RANDOM& Random)
{
    const size_t Batch = static_cast<size_t>(Random.Between(1, 2));
    const size_t ImageSize = static_cast<size_t>(Random.Between(1, 60));
    const size_t Stride = Channels + static_cast<size_t>(Random.Between(0, 3));
    // The last pixel has no more than its channels.
    GUARDED<T> Input((Batch * ImageSize - 1) * Stride + Channels);
    GUARDED<int32_t> Sums(Channels);
    GUARDED<T> Zeros(Channels);
    Fill(Input, Random, static_cast<int>(Random.Between(0, 4)));
    const float ScaleIn = Random.Scale(0.01f, 1.0f);
    const float ScaleOut = Random.Scale(0.01f, 1.0f);
    const T ZeroIn = ZeroPoint<T>(Random);
    const T ZeroOut = ZeroPoint<T>(Random);

    Check<T>("average pool", (Batch - 1) * Stride + Channels, [&](T* Output) {
        MlasQLinearGlobalAveragePoolNhwc(Input.data(), ScaleIn, ZeroIn, Output, ScaleOut, ZeroOut, Batch, ImageSize,
            Stride, Channels, Sums.data(), Zeros.data());
    });
}

// As ONNX Runtime's QLinearAveragePool does it, of windows that overlap or lie apart, side by side or with steps.
template<typename T>
void
CheckAverage(size_t N, RANDOM& Random)
{
    MLAS_QLINEAR_WINDOW Window{};
    size_t Last = 0;
    for (size_t i = 0; i < 3; i++) {
        Window.Count[i] = static_cast<size_t>(Random.Between(1, 3));
        Window.Stride[i] = static_cast<size_t>(Random.Between(1, 40));
        Last += (Window.Count[i] - 1) * Window.Stride[i];
    }
    Window.Step = static_cast<size_t>(Random.Between(0, 1) != 0 ? 1 : Random.Between(2, 4));
    Window.ScaleInput = AnyScale(Random);
    Window.ZeroPointInput = ZeroPoint<T>(Random);
    Window.ScaleOutput = AnyScale(Random);
    Window.ZeroPointOutput = ZeroPoint<T>(Random);
    const float Divisor = static_cast<float>(Random.Between(1, 27));
    GUARDED<T> Input(Last + (N - 1) * Window.Step + 1);
    GUARDED<T> Output(N);
    Fill(Input, Random, static_cast<int>(Random.Between(0, 4)));

    MlasQLinearAverage(&Window, Input.data(), Divisor, Output.data(), N);

    for (size_t n = 0; n < N; n++) {
        float Sum = 0.0f;
        for (size_t a = 0; a < Window.Count[0]; a++) {
            for (size_t b = 0; b < Window.Count[1]; b++) {
                for (size_t c = 0; c < Window.Count[2]; c++) {
                    const T Element = Input[n * Window.Step + a * Window.Stride[0] + b * Window.Stride[1] + c * Window.Stride[2]];
                    Sum += Window.ScaleInput * (static_cast<int>(Element) - Window.ZeroPointInput);
                }
            }
        }
        Sum /= Divisor;
        const int32_t Rounded = static_cast<int32_t>(std::nearbyintf(Sum / Window.ScaleOutput + Window.ZeroPointOutput));
        const int32_t Low = std::numeric_limits<T>::lowest();
        const int32_t High = std::numeric_limits<T>::max();
        const T Wanted = static_cast<T>(std::max(Low, std::min(Rounded, High)));
        if (Output[n] != Wanted) {
            Fail("average", n, Wanted, Output[n]);
        }
    }
}

// As ONNX Runtime's QLinearSoftmax does it, with a table of the magnitudes that it makes.
template<typename T>
void
CheckSoftmax(size_t N, RANDOM& Random)
{
    constexpr int32_t High = std::numeric_limits<T>::max();
    const size_t M = static_cast<size_t>(Random.Between(1, 3));
    const float ScaleInput = Random.Scale(0.001f, 0.3f);
    const float Largest = Random.Between(0, 1) != 0 ? 80.0f : 0.0f;
    const float Scales[] = {1.0f, 127.0f, 256.0f, 1000.0f, 65536.0f};
    const float Scale = Scales[Random.Between(0, 4)];
    const T Zero = ZeroPoint<T>(Random);
    GUARDED<float> Table(256);
    GUARDED<T> Input(M * N);
    GUARDED<T> Output(M * N);
    for (int32_t i = 0; i < 256; i++) {
        Table[static_cast<uint8_t>(High - i)] = std::exp(Largest - static_cast<float>(i) * ScaleInput);
    }
    Fill(Input, Random, static_cast<int>(Random.Between(0, 4)));

    MlasQLinearSoftmax(Input.data(), Output.data(), M, N, Table.data(), Scale, Zero);

    for (size_t m = 0; m < M; m++) {
        const T* Row = Input.data() + m * N;
        const int32_t Shift = High - *std::max_element(Row, Row + N);
        float Sum = 0.0f;
        for (size_t n = 0; n < N; n++) {
            Sum += Table[static_cast<uint8_t>(Row[n] + Shift)];
        }
        for (size_t n = 0; n < N; n++) {
            const float Quotient = Table[static_cast<uint8_t>(Row[n] + Shift)] * Scale / Sum;
            const int32_t Rounded = static_cast<int32_t>(std::nearbyintf(Quotient)) + Zero;
            const T Wanted = static_cast<T>(std::min(Rounded, High));
            if (Output[m * N + n] != Wanted) {
                Fail("softmax", m * N + n, Wanted, Output[m * N + n]);
            }
        }
    }
}

template<typename T>
void
CheckMaximumPool(size_t Channels, RANDOM& Random)
{
    const size_t KernelSize = static_cast<size_t>(Random.Between(1, 12));
    const size_t OutputCount = static_cast<size_t>(Random.Between(1, 5));
    const size_t Pixels = static_cast<size_t>(Random.Between(1, 20));
    GUARDED<T> Input(Pixels * Channels);
    GUARDED<const T*> Indirection(OutputCount * KernelSize);
    Fill(Input, Random, static_cast<int>(Random.Between(0, 4)));
    for (size_t n = 0; n < Indirection.size(); n++) {
        Indirection[n] = Input.data() + Random.Between(0, static_cast<int64_t>(Pixels) - 1) * Channels;
    }

    Check<T>("maximum pool", OutputCount * Channels, [&](T* Output) {
        MlasMaximumPool<T>(Indirection.data(), Output, Channels, OutputCount, KernelSize);
    });
}

template<typename T>
void
CheckAll(size_t N, RANDOM& Random)
{
    CheckQuantize<T>(N, Random);
    CheckDequantize<T>(N, Random);
    CheckBinary<T>(N, Random);
    CheckRequantize<T>(N, Random);
    CheckPool<T>(N, Random);
    CheckAverage<T>(N, Random);
    CheckSoftmax<T>(N, Random);
    CheckMaximumPool<T>(N, Random);
}

}  // namespace

int
main()
{
    RANDOM Random(21);
    size_t Count = 0;

    CheckDequantize<uint8_t>(0, Random);
    CheckDequantize<int8_t>(0, Random);

    for (size_t N = 1; N <= 1000; N += N < 300 ? 1 : 37) {
        CheckAll<uint8_t>(N, Random);
        CheckAll<int8_t>(N, Random);
        Count += 18;
    }

    printf("%zu operations\n", Count);
    return 0;
}
