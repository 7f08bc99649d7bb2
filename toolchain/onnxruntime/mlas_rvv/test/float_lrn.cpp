/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_lrn.cpp

Abstract:

    Local response normalization against its definition in double precision.

--*/

#include "../detect.h"
#include "../float_planes.h"
#include "float_support.h"

namespace
{

void
Check(size_t N, RANDOM& Random)
{
    const AGAINST Against = Random.Between(0, 1) == 0 ? AGAINST::End : AGAINST::Start;
    const size_t Before = Random.Between(0, 4);
    const size_t After = Random.Between(0, 4);
    const size_t Stride = N;
    GUARDED Input((Before + 1 + After) * Stride, Against);
    GUARDED Output(N, Against);
    const float Reaches[] = {1e-3f, 1.0f, 30.0f, 1e4f};
    const float Reach = Reaches[Random.Between(0, 3)];
    const float Scales[] = {0.0f, 1e-4f, 0.2f, 10.0f};
    const float Scale = Scales[Random.Between(0, 3)];
    const float Bias = Random.Between(0, 1) == 0 ? 1.0f : 1.001f + Random.Uniform();
    const float Beta = Random.Between(0, 1) == 0 ? 0.75f : Random.Uniform();
    float* const Plane = Input.Data() + Before * Stride;

    Random.Fill(Input);
    for (size_t n = 0; n < Input.Count(); n++) {
        Input[n] *= Reach;
    }
    const size_t Lost = Random.Between(0, 3) == 0 ? Random.Between(0, N - 1) : N;
    if (Lost < N) {
        Input[Random.Between(0, Before + After) * Stride + Lost] = NAN;
    }

    MlasRvvLrnKernel(Plane, Stride, Before, After, Output.Data(), N, Scale, Bias, Beta);

    for (size_t n = 0; n < N; n++) {
        double Sum = 0.0;
        for (size_t i = 0; i <= Before + After; i++) {
            const double x = double(Input[i * Stride + n]);
            Sum += x * x;
        }
        const double Wanted = double(Plane[n]) * std::pow(double(Bias) + double(Scale) * Sum, -double(Beta));
        const bool Same = n == Lost ? std::isnan(Output[n])
                                    : std::fabs(double(Output[n]) - Wanted) <= 4e-6 * std::fabs(Wanted) + 1e-40;
        if (!Same) {
            Fail("lrn", n, double(Output[n]), Wanted);
        }
    }
}

}  // namespace

int
main()
{
    RANDOM Random(51);
    size_t Cases = 0;

    if (MlasRvvRegisterBytes() == 0) {
        printf("no vector registers\n");
        return 2;
    }

    for (size_t N = 1; N <= 1000; N += N < 300 ? 1 : 37, Cases++) {
        Check(N, Random);
    }

    printf("%zu cases at vlen=%zu\n", Cases, MlasRvvRegisterBytes() * 8);
    return 0;
}
