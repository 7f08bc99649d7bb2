/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_resize.cpp

Abstract:

    Resizing a plane against its definition in double precision, for rows and columns in any order.

--*/

#include "../detect.h"
#include "../float_planes.h"
#include "float_support.h"

#include "mlas_resize.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace
{

struct AXIS {
    std::vector<int32_t> First, Second;
    std::vector<float> Weight1, Weight2;
};

// Growing or shrinking from end to end, or anyhow. Steps of the index are Pitch elements.
AXIS
AxisOf(size_t InputSize, size_t OutputSize, size_t Pitch, bool Ordered, RANDOM& Random)
{
    AXIS Axis;

    for (size_t n = 0; n < OutputSize; n++) {
        const size_t Place = Ordered ? n * InputSize / OutputSize : Random.Between(0, InputSize - 1);
        const size_t Next = std::min(Place + 1, InputSize - 1);
        const float Weight = (Random.Uniform() + 1.0f) / 2.0f;

        Axis.First.push_back(static_cast<int32_t>(Place * Pitch));
        Axis.Second.push_back(static_cast<int32_t>(Next * Pitch));
        Axis.Weight1.push_back(1.0f - Weight);
        Axis.Weight2.push_back(Weight);
    }

    return Axis;
}

void
Check(size_t InputHeight, size_t InputWidth, size_t OutputHeight, size_t OutputWidth, bool Ordered, RANDOM& Random)
{
    const AGAINST Against = Random.Between(0, 1) == 0 ? AGAINST::End : AGAINST::Start;
    GUARDED Input(InputHeight * InputWidth, Against);
    GUARDED Output(OutputHeight * OutputWidth, Against);
    GUARDED Lines(2 * OutputWidth, Against);
    const AXIS Rows = AxisOf(InputHeight, OutputHeight, InputWidth, Ordered, Random);
    const AXIS Columns = AxisOf(InputWidth, OutputWidth, 1, Ordered, Random);

    Random.Fill(Input);

    const MLAS_RESIZE_BILINEAR Plan{
        OutputHeight, OutputWidth,
        Rows.First.data(), Rows.Second.data(), Rows.Weight1.data(), Rows.Weight2.data(),
        Columns.First.data(), Columns.Second.data(), Columns.Weight1.data(), Columns.Weight2.data(),
    };
    MlasRvvResizeBilinearKernel(&Plan, Input.Data(), Output.Data(), Lines.Data());

    for (size_t y = 0; y < OutputHeight; y++) {
        for (size_t x = 0; x < OutputWidth; x++) {
            EXACT Wanted;
            const std::pair<int32_t, float> Between[] = {
                {Rows.First[y], Rows.Weight1[y]}, {Rows.Second[y], Rows.Weight2[y]}};
            for (const auto& [Row, Weight] : Between) {
                const double First = double(Input[size_t(Row + Columns.First[x])]);
                const double Second = double(Input[size_t(Row + Columns.Second[x])]);
                Wanted.Add(double(Weight) * double(Columns.Weight1[x]) * First);
                Wanted.Add(double(Weight) * double(Columns.Weight2[x]) * Second);
            }
            if (!Wanted.Matches(Output[y * OutputWidth + x])) {
                Fail("resize", y * OutputWidth + x, double(Output[y * OutputWidth + x]), Wanted.Sum);
            }
        }
    }
}

}  // namespace

int
main()
{
    RANDOM Random(31);
    size_t Cases = 0;

    if (MlasRvvRegisterBytes() == 0) {
        printf("no vector registers\n");
        return 2;
    }

    for (; Cases < 300; Cases++) {
        Check(Random.Between(1, 20), Random.Between(1, 40), Random.Between(1, 30), Random.Between(1, 150),
            Random.Between(0, 1) == 0, Random);
    }

    printf("%zu cases at vlen=%zu\n", Cases, MlasRvvRegisterBytes() * 8);
    return 0;
}
