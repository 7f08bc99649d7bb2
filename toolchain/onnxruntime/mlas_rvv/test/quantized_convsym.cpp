/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    quantized_convsym.cpp

Abstract:

    Symmetric quantized convolution against its definition.

--*/

#include "quantized_support.h"

namespace
{

struct SHAPE {
    size_t InputChannels;
    size_t OutputChannels;
    size_t Height;
    size_t Width;
    size_t Kernel;
    size_t Stride;
    size_t Dilation;
    size_t Pad;
    bool Depthwise;
};

struct CASE {
    int Activations;
    int Weights;
    bool PerChannelScale;
    bool Direct;
    float Scale;
};

size_t
Outputs(size_t Size, const SHAPE& Shape)
{
    return (Size + 2 * Shape.Pad - Shape.Dilation * (Shape.Kernel - 1) - 1) / Shape.Stride + 1;
}

template<typename T>
void
Check(const SHAPE& Shape, const CASE& Case, RANDOM& Random)
{
    constexpr bool IsSigned = std::is_signed<T>::value;

    const size_t C = Shape.InputChannels;
    const size_t M = Shape.OutputChannels;
    const size_t KernelSize = Shape.Kernel * Shape.Kernel;
    const size_t FilterChannels = Shape.Depthwise ? 1 : C;
    const size_t OutputHeight = Outputs(Shape.Height, Shape);
    const size_t OutputWidth = Outputs(Shape.Width, Shape);
    const size_t OutputCount = OutputHeight * OutputWidth;

    char Name[256];
    snprintf(Name, sizeof(Name), "%s %s %zu -> %zu, %zux%zu, kernel %zu/%zu/%zu, pad %zu, activations %d, weights %d",
        Shape.Depthwise ? "depthwise" : "convolution", IsSigned ? "s8" : "u8", C, M, Shape.Height, Shape.Width,
        Shape.Kernel, Shape.Stride, Shape.Dilation, Shape.Pad, Case.Activations, Case.Weights);

    GUARDED<T> Input(Shape.Height * Shape.Width * C);
    GUARDED<T> Padding(C);
    GUARDED<int8_t> Filter(M * FilterChannels * KernelSize);
    GUARDED<int32_t> Bias(M);
    GUARDED<float> Scale(Case.PerChannelScale ? M : 1);
    GUARDED<T> Output(OutputCount * M);
    GUARDED<const void*> Pointers(OutputCount * KernelSize);

    constexpr int64_t Low = std::numeric_limits<T>::lowest();
    constexpr int64_t High = std::numeric_limits<T>::max();
    const int64_t ZeroPoints[] = {Low, High, 0, Random.Between(Low, High)};
    const int32_t InputZeroPoint = static_cast<int32_t>(ZeroPoints[Random.Between(0, 3)]);
    const int32_t OutputZeroPoint = static_cast<int32_t>(ZeroPoints[Random.Between(0, 3)]);

    Fill(Input, Random, Case.Activations);
    Fill(Filter, Random, Case.Weights);
    std::fill_n(Padding.data(), C, static_cast<T>(InputZeroPoint));

    for (size_t m = 0; m < M; m++) {
        Bias[m] = static_cast<int32_t>(Random.Between(-100000, 100000));
    }
    for (size_t m = 0; m < Scale.size(); m++) {
        Scale[m] = Case.Scale * Random.Scale(0.5f, 2.0f);
    }

    for (size_t Place = 0, p = 0; Place < OutputCount; Place++) {
        for (size_t k = 0; k < KernelSize; k++) {

            const size_t y = Place / OutputWidth * Shape.Stride + k / Shape.Kernel * Shape.Dilation - Shape.Pad;
            const size_t x = Place % OutputWidth * Shape.Stride + k % Shape.Kernel * Shape.Dilation - Shape.Pad;
            const bool Inside = y < Shape.Height && x < Shape.Width;

            Pointers[p++] = Inside ? Input.data() + (y * Shape.Width + x) * C : Padding.data();
        }
    }

    // What QLinearConv does when it packs its filter.
    const size_t GroupCount = Shape.Depthwise ? C : 1;
    const size_t GroupOutputs = Shape.Depthwise ? 1 : M;
    const size_t PackedSize = MlasConvSymPackWSize(GroupCount, FilterChannels, GroupOutputs, KernelSize, IsSigned);
    if (FilterChannels == 1 && M == 1) {
        if (PackedSize != 0) {
            Fail(Name, 0, 0, 1);
        }
        return;  // QLinearConv would take it for depthwise
    }
    if (PackedSize == 0) {
        Fail(Name, 0, 1, 0);
    }
    GUARDED<int8_t> Packed((PackedSize + 63) / 64 * 64);
    MlasConvSymPackW(GroupCount, FilterChannels, GroupOutputs, KernelSize, Filter.data(), Packed.data(), PackedSize, IsSigned);

    GUARDED<int32_t> FixedBias(M);
    for (size_t m = 0; m < M; m++) {
        int32_t Sum = 0;
        for (size_t k = 0; k < FilterChannels * KernelSize; k++) {
            Sum += Filter[m * FilterChannels * KernelSize + k];
        }
        FixedBias[m] = Bias[m] - Sum * MlasConvSymFixupInputZeroPoint(InputZeroPoint, IsSigned);
    }

    MLAS_CONV_SYM_PARAMS Params = {};
    if (Case.Direct) {
        Params.InputDirect = Input.data();
    } else {
        Params.InputIndirection = Pointers.data();
    }
    Params.Filter = Packed.data();
    Params.Output = Output.data();
    Params.InputChannels = C;
    Params.OutputChannels = M;
    Params.OutputCount = OutputCount;
    Params.KernelSize = KernelSize;
    Params.Bias = FixedBias.data();
    Params.Scale = Scale.data();
    Params.PerChannelScale = Case.PerChannelScale;
    Params.OutputZeroPoint = OutputZeroPoint;
    Params.InputIsSigned = IsSigned;

    // All channels at once, or as threads share them out.
    const size_t Alignment = MlasConvSymGetChannelAlignment(Shape.Depthwise);
    const size_t Step = Case.PerChannelScale ? M : Alignment * static_cast<size_t>(Random.Between(1, 2));

    for (size_t Start = 0; Start < M; Start += Step) {

        Params.ChannelStart = Start;
        Params.ChannelCount = Step == M ? 0 : std::min(Step, M - Start);

        if (Shape.Depthwise) {
            MlasConvSymDepthwise(Params);
        } else {
            MlasConvSym(Params);
        }
    }

    for (size_t Place = 0; Place < OutputCount; Place++) {
        for (size_t m = 0; m < M; m++) {

            uint32_t Sum = static_cast<uint32_t>(Bias[m]);

            for (size_t k = 0; k < KernelSize; k++) {

                const T* Pixel = static_cast<const T*>(Pointers[Place * KernelSize + k]) + (Shape.Depthwise ? m : 0);

                for (size_t c = 0; c < FilterChannels; c++) {
                    Sum += static_cast<uint32_t>(
                        (Pixel[c] - InputZeroPoint) * Filter[(m * FilterChannels + c) * KernelSize + k]);
                }
            }

            const float OutputScale = Scale[Case.PerChannelScale ? m : 0];
            const T Wanted = Requantized<T>(static_cast<int32_t>(Sum), OutputScale, OutputZeroPoint);

            if (Output[Place * M + m] != Wanted) {
                Fail(Name, Place * M + m, Wanted, Output[Place * M + m]);
            }
        }
    }
}

//
// Groups follow each other, each packed as a convolution of its own.
//

void
CheckGroups(size_t Groups, size_t Inputs, size_t Outputs, size_t KernelSize, RANDOM& Random)
{
    const size_t Count = Inputs * Outputs * KernelSize;
    const size_t GroupSize = MlasConvSymPackWSize(1, Inputs, Outputs, KernelSize, true);
    const size_t Size = MlasConvSymPackWSize(Groups, Inputs, Outputs, KernelSize, true);
    GUARDED<int8_t> Filter(Groups * Count);
    GUARDED<int8_t> Packed(Size);
    GUARDED<int8_t> Wanted(GroupSize);

    Fill(Filter, Random, 0);

    if (Size != Groups * GroupSize) {
        Fail("size of packed groups", Groups, static_cast<double>(Groups * GroupSize), static_cast<double>(Size));
    }

    MlasConvSymPackW(Groups, Inputs, Outputs, KernelSize, Filter.data(), Packed.data(), Size, true);

    for (size_t g = 0; g < Groups; g++) {
        MlasConvSymPackW(1, Inputs, Outputs, KernelSize, Filter.data() + g * Count, Wanted.data(), GroupSize, true);
        if (memcmp(Packed.data() + g * GroupSize, Wanted.data(), GroupSize) != 0) {
            Fail("packed group", g, 0, 0);
        }
    }
}

}  // namespace

int
main()
{
    RANDOM Random(20);
    size_t Count = 0;

    const auto CheckBoth = [&](const SHAPE& Shape, CASE Case) {
        Check<uint8_t>(Shape, Case, Random);
        Check<int8_t>(Shape, Case, Random);
        Count += 2;
    };

    const auto Sized = [&](size_t C, size_t M, size_t Kernel, bool Depthwise, float Scale) {
        SHAPE Shape{};
        Shape.InputChannels = C;
        Shape.OutputChannels = M;
        Shape.Kernel = Kernel;
        Shape.Dilation = Kernel == 1 ? 1 : static_cast<size_t>(Random.Between(1, 2));
        Shape.Stride = static_cast<size_t>(Random.Between(1, 3));
        Shape.Pad = static_cast<size_t>(Random.Between(0, static_cast<int64_t>(Kernel / 2)));
        Shape.Height = Shape.Dilation * (Kernel - 1) + static_cast<size_t>(Random.Between(1, 3));
        Shape.Width = Shape.Dilation * (Kernel - 1) + static_cast<size_t>(Random.Between(1, 5));
        Shape.Depthwise = Depthwise;

        CASE Case{};
        Case.Activations = static_cast<int>(Random.Between(0, 4));
        Case.Weights = static_cast<int>(Random.Between(0, 4));
        Case.PerChannelScale = Random.Between(0, 1) != 0;
        Case.Scale = Scale;
        CheckBoth(Shape, Case);
    };

    // Pointwise, in place, with each number of rows left over.
    for (size_t OutputCount = 1; OutputCount <= 31; OutputCount++) {
        for (int Kind = 0; Kind <= 4; Kind++) {
            const size_t C = static_cast<size_t>(Random.Between(1, 70));
            const size_t M = static_cast<size_t>(Random.Between(1, 70));
            CheckBoth({C, M, 1, OutputCount, 1, 1, 1, 0, false}, {Kind, (Kind + 1) % 5, (OutputCount & 1) != 0, true, 1e-3f});
        }
    }
    CheckBoth({8, 8, 1, 500, 1, 1, 1, 0, false}, {0, 0, true, true, 1e-3f});

    // Sums that need many segments, and those of extreme weights and activations.
    for (int Activations = 0; Activations <= 4; Activations++) {
        for (int Weights = 0; Weights <= 4; Weights++) {
            CheckBoth({1000, 5, 1, 3, 1, 1, 1, 0, false}, {Activations, Weights, true, true, 1e-5f});
            CheckBoth({67, 9, 5, 5, 3, 1, 1, 1, false}, {Activations, Weights, false, false, 1e-5f});
            CheckBoth({40, 40, 5, 5, 3, 1, 1, 1, true}, {Activations, Weights, false, false, 1e-4f});
            CheckBoth({19, 19, 6, 19, 5, 1, 1, 2, true}, {Activations, Weights, false, false, 1e-4f});
            CheckBoth({19, 19, 7, 23, 5, 2, 1, 2, true}, {Activations, Weights, false, false, 1e-4f});
        }
    }

    // All numbers of output channels, then of input channels.
    for (size_t Channels = 1; Channels <= 1000; Channels += Channels < 130 ? 1 : 97) {
        Sized(static_cast<size_t>(Random.Between(1, 40)), Channels, 1, false, 1e-3f);
        Sized(Channels, static_cast<size_t>(Random.Between(1, 20)), 1, false, 1e-4f);
        Sized(Channels, Channels, 3, true, 1e-3f);
        Sized(Channels, Channels, static_cast<size_t>(Random.Between(1, 5)), true, 1e-3f);
    }
    for (size_t n = 0; n < 60; n++) {
        const size_t Kernel = static_cast<size_t>(Random.Between(1, 5));
        Sized(static_cast<size_t>(Random.Between(1, 90)), static_cast<size_t>(Random.Between(1, 90)), Kernel, false, 1e-4f);
    }

    // Scales that leave nothing of a sum, or all.
    for (const float Scale : {1e-30f, 1e-8f, 0.5f, 1.0f, 1e6f, 1e30f}) {
        Sized(33, 17, 1, false, Scale);
        Sized(33, 33, 3, true, Scale);
    }

    // More activations than a cache holds, some of the last ones left over.
    for (const size_t Outputs : {130, 145}) {
        CheckBoth({1000, 17, 1, Outputs, 1, 1, 1, 0, false}, {0, 0, true, true, 1e-5f});
        CheckBoth({111, 9, 13, 13, 3, 1, 1, 1, false}, {0, 1, false, false, 1e-5f});
    }

    for (size_t Groups = 1; Groups <= 9; Groups++, Count++) {
        CheckGroups(Groups, static_cast<size_t>(Random.Between(2, 40)), static_cast<size_t>(Random.Between(1, 70)), 9, Random);
    }

    printf("%zu convolutions\n", Count);
    return 0;
}
