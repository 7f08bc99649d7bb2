/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    quantized_resize.cpp

Abstract:

    Bilinear interpolation of bytes against ONNX Runtime's expressions, for rows and columns in any order.

--*/

#include "quantized_support.h"

#include <vector>

namespace
{

template<typename Weight>
struct AXIS {
    std::vector<int32_t> First, Second;
    std::vector<Weight> Weight1, Weight2;
};

float
WeightOf(float Place, float)
{
    return Place;
}

int32_t
WeightOf(float Place, int32_t)
{
    return static_cast<int32_t>(Place * 1024.0f);
}

// Growing or shrinking from end to end, or anyhow; some places are those of an element. Steps of the index are Pitch.
template<typename Weight>
AXIS<Weight>
AxisOf(size_t InputSize, size_t OutputSize, size_t Pitch, RANDOM& Random)
{
    AXIS<Weight> Axis;
    const bool Ordered = Random.Between(0, 1) == 0;
    const Weight One = WeightOf(1.0f, Weight());

    for (size_t n = 0; n < OutputSize; n++) {
        const size_t Place = Ordered ? n * InputSize / OutputSize : static_cast<size_t>(Random.Between(0, int64_t(InputSize) - 1));
        const size_t Next = std::min(Place + 1, InputSize - 1);
        const Weight Second = WeightOf(Random.Between(0, 3) == 0 ? 0.0f : Random.Scale(0.0f, 1.0f), Weight());

        Axis.First.push_back(static_cast<int32_t>(Place * Pitch));
        Axis.Second.push_back(static_cast<int32_t>(Next * Pitch));
        Axis.Weight1.push_back(One - Second);
        Axis.Weight2.push_back(Second);
    }

    return Axis;
}

template<typename Weight>
MLAS_RESIZE_PLAN<Weight>
PlanOf(const AXIS<Weight>& Rows, const AXIS<Weight>& Columns)
{
    return {
        Rows.First.size(), Columns.First.size(),
        Rows.First.data(), Rows.Second.data(), Rows.Weight1.data(), Rows.Weight2.data(),
        Columns.First.data(), Columns.Second.data(), Columns.Weight1.data(), Columns.Weight2.data(),
    };
}

template<typename T>
void
CheckPlane(RANDOM& Random)
{
    const size_t InputHeight = static_cast<size_t>(Random.Between(1, 20));
    const size_t InputWidth = static_cast<size_t>(Random.Between(1, 40));
    const auto Rows = AxisOf<float>(InputHeight, static_cast<size_t>(Random.Between(1, 30)), InputWidth, Random);
    const auto Columns = AxisOf<float>(InputWidth, static_cast<size_t>(Random.Between(1, 150)), 1, Random);
    const auto Plan = PlanOf(Rows, Columns);
    GUARDED<T> Input(InputHeight * InputWidth);
    GUARDED<T> Output(Plan.OutputHeight * Plan.OutputWidth);
    GUARDED<float> Lines(4 * Plan.OutputWidth);

    Fill(Input, Random, static_cast<int>(Random.Between(0, 4)));
    MlasGetQuantizedDispatch<T>()->ResizePlane(&Plan, Input.data(), Output.data(), Lines.data());

    for (size_t n = 0; n < Output.size(); n++) {
        const size_t y = n / Plan.OutputWidth;
        const size_t x = n % Plan.OutputWidth;
        const float Row1 = Plan.RowWeight1[y], Row2 = Plan.RowWeight2[y];
        const float Column1 = Plan.ColumnWeight1[x], Column2 = Plan.ColumnWeight2[x];
        const auto At = [&](const int32_t* Row, const int32_t* Column) { return float(Input[size_t(Row[y] + Column[x])]); };

        float Sum = Column2 * Row1 * At(Plan.Row1, Plan.Column2);
        Sum = std::fma(Column1 * Row1, At(Plan.Row1, Plan.Column1), Sum);
        Sum = std::fma(Column1 * Row2, At(Plan.Row2, Plan.Column1), Sum);
        Sum = std::fma(Column2 * Row2, At(Plan.Row2, Plan.Column2), Sum);
        if (Output[n] != static_cast<T>(Sum)) {
            Fail("plane", n, double(static_cast<T>(Sum)), Output[n]);
        }
    }
}

template<typename T>
void
CheckPixels(RANDOM& Random)
{
    const size_t InputHeight = static_cast<size_t>(Random.Between(1, 9));
    const size_t InputWidth = static_cast<size_t>(Random.Between(1, 9));
    const size_t Channels = static_cast<size_t>(Random.Between(1, 150));
    const auto Rows = AxisOf<int32_t>(InputHeight, static_cast<size_t>(Random.Between(1, 12)), InputWidth, Random);
    const auto Columns = AxisOf<int32_t>(InputWidth, static_cast<size_t>(Random.Between(1, 12)), 1, Random);
    const auto Plan = PlanOf(Rows, Columns);
    const size_t PixelCount = Plan.OutputHeight * Plan.OutputWidth;
    const size_t First = static_cast<size_t>(Random.Between(0, int64_t(PixelCount)));
    const size_t Last = static_cast<size_t>(Random.Between(int64_t(First), int64_t(PixelCount)));
    GUARDED<T> Input(InputHeight * InputWidth * Channels);
    GUARDED<T> Output(PixelCount * Channels);

    Fill(Input, Random, static_cast<int>(Random.Between(0, 4)));
    std::fill_n(Output.data(), Output.size(), T(77));
    MlasGetQuantizedDispatch<T>()->ResizePixels(&Plan, Input.data(), Output.data(), Channels, First, Last);

    for (size_t n = 0; n < Output.size(); n++) {
        const size_t Pixel = n / Channels;
        const size_t y = Pixel / Plan.OutputWidth;
        const size_t x = Pixel % Plan.OutputWidth;
        const auto At = [&](const int32_t* Row, const int32_t* Column) {
            return Input[size_t(Row[y] + Column[x]) * Channels + n % Channels];
        };
        const int32_t Sum = Plan.RowWeight1[y] * Plan.ColumnWeight1[x] * At(Plan.Row1, Plan.Column1) +
                            Plan.RowWeight1[y] * Plan.ColumnWeight2[x] * At(Plan.Row1, Plan.Column2) +
                            Plan.RowWeight2[y] * Plan.ColumnWeight1[x] * At(Plan.Row2, Plan.Column1) +
                            Plan.RowWeight2[y] * Plan.ColumnWeight2[x] * At(Plan.Row2, Plan.Column2);
        const T Wanted = Pixel < First || Pixel >= Last ? T(77) : static_cast<T>(Sum / (1 << 20));
        if (Output[n] != Wanted) {
            Fail("pixels", n, Wanted, Output[n]);
        }
    }
}

}  // namespace

int
main()
{
    RANDOM Random(61);
    size_t Cases = 0;

    for (; Cases < 300; Cases++) {
        CheckPlane<uint8_t>(Random);
        CheckPlane<int8_t>(Random);
        CheckPixels<uint8_t>(Random);
        CheckPixels<int8_t>(Random);
    }

    printf("%zu cases\n", Cases);
    return 0;
}
