/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_pool_plane.cpp

Abstract:

    Pooling of lines, planes and volumes against its definition: windows of any size and stride, padded or not.

--*/

#include "../detect.h"
#include "../float_planes.h"
#include "float_support.h"

#include "mlas_pool.h"

#include <algorithm>
#include <limits>

namespace
{

void
CheckOne(const MLAS_POOL_PLANE& Plane, const GUARDED& Input, const size_t (&At)[3], size_t Index, float Value)
{
    ptrdiff_t Start[3], End[3];

    for (size_t i = 0; i < 3; i++) {
        Start[i] = ptrdiff_t(At[i] * Plane.StrideShape[i]) - ptrdiff_t(Plane.Padding[i]);
        End[i] = std::min(Start[i] + ptrdiff_t(Plane.KernelShape[i]), ptrdiff_t(Plane.InputShape[i]));
        Start[i] = std::max(Start[i], ptrdiff_t(0));
    }

    float Most = std::numeric_limits<float>::lowest();
    EXACT Sum;

    for (ptrdiff_t a = Start[0]; a < End[0]; a++) {
        for (ptrdiff_t b = Start[1]; b < End[1]; b++) {
            for (ptrdiff_t c = Start[2]; c < End[2]; c++) {
                const size_t Place = (size_t(a) * Plane.InputShape[1] + size_t(b)) * Plane.InputShape[2] + size_t(c);
                Most = std::fmax(Most, Input[Place]);
                Sum.Add(double(Input[Place]));
            }
        }
    }

    if (Plane.Kind == MlasMaximumPooling) {
        if (Value != Most) {
            Fail("maximum", Index, double(Value), double(Most));
        }
        return;
    }

    const double Divisor = Plane.Kind == MlasAveragePoolingExcludePad
        ? double(Sum.Terms) : double(Plane.KernelShape[0] * Plane.KernelShape[1] * Plane.KernelShape[2]);

    Sum.Sum /= Divisor;
    Sum.Magnitude /= Divisor;
    if (!Sum.Matches(Value)) {
        Fail("average", Index, double(Value), Sum.Sum);
    }
}

void
Check(MLAS_POOLING_KIND Kind, size_t Dimensions, RANDOM& Random)
{
    const AGAINST Against = Random.Between(0, 1) == 0 ? AGAINST::End : AGAINST::Start;
    MLAS_POOL_PLANE Plane{Kind, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {}};

    for (size_t i = 3 - Dimensions; i < 3; i++) {

        const bool IsWhole = Random.Between(0, 7) == 0;
        const size_t Longest = i == 2 ? 200 : 12;

        Plane.InputShape[i] = Random.Between(1, Longest);
        Plane.KernelShape[i] = IsWhole ? Plane.InputShape[i] : Random.Between(1, std::min<size_t>(Plane.InputShape[i], 9));
        Plane.StrideShape[i] = IsWhole ? 1 : Random.Between(1, 4);
        // No window is padding alone.
        Plane.Padding[i] = IsWhole ? 0 : Random.Between(0, Plane.KernelShape[i] - 1);

        const size_t Behind = IsWhole ? 0 : Random.Between(0, Plane.KernelShape[i] - 1);
        const size_t Padded = Plane.Padding[i] + Plane.InputShape[i] + Behind;

        Plane.OutputShape[i] = (Padded - Plane.KernelShape[i]) / Plane.StrideShape[i] + 1;
    }

    GUARDED Input(Plane.InputShape[0] * Plane.InputShape[1] * Plane.InputShape[2], Against);
    GUARDED Output(Plane.OutputShape[0] * Plane.OutputShape[1] * Plane.OutputShape[2], Against);

    Random.Fill(Input);
    MlasRvvPoolPlaneKernel(&Plane, Input.Data(), Output.Data());

    for (size_t n = 0; n < Output.Count(); n++) {
        const size_t Width = Plane.OutputShape[2];
        const size_t Height = Plane.OutputShape[1];
        CheckOne(Plane, Input, {n / (Width * Height), n / Width % Height, n % Width}, n, Output[n]);
    }
}

}  // namespace

int
main()
{
    RANDOM Random(53);
    size_t Cases = 0;

    if (MlasRvvRegisterBytes() == 0) {
        printf("no vector registers\n");
        return 2;
    }

    for (; Cases < 600; Cases++) {
        const MLAS_POOLING_KIND Kinds[] = {MlasMaximumPooling, MlasAveragePoolingExcludePad, MlasAveragePoolingIncludePad};
        Check(Kinds[Cases % 3], 1 + Cases / 3 % 3, Random);
    }

    printf("%zu cases at vlen=%zu\n", Cases, MlasRvvRegisterBytes() * 8);
    return 0;
}
