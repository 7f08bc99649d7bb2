/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_layernorm.cpp

Abstract:

    Tests layer normalization against a reference in double precision: with and without all that is optional, rows of
    one value, rows with a large mean, and what is not finite.

--*/

#include "../detect.h"
#include "../float.h"
#include "../float_planes.h"
#include "float_support.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace
{

constexpr float Infinity = std::numeric_limits<float>::infinity();
constexpr float NaN = std::numeric_limits<float>::quiet_NaN();
constexpr double Roundoff = 0x1p-24;

//
// What a caller may leave out, one bit each.
//

struct FORM {
    bool Skip;
    bool SkipBias;
    bool SkipSum;
    bool Bias;
    bool Simplified;
    bool Statistics;
    bool InPlace;

    static constexpr unsigned Count = 1u << 7;

    explicit FORM(unsigned Bits)
        : Skip(Bits & 1)
        , SkipBias((Bits & 2) != 0 && Skip)
        , SkipSum((Bits & 4) != 0 && Skip)
        , Bias(Bits & 8)
        , Simplified(Bits & 16)
        , Statistics(Bits & 32)
        , InPlace(Bits & 64)
    {
    }
};

struct ROW {
    GUARDED Input;
    GUARDED Skip;
    GUARDED SkipBias;
    GUARDED Scale;
    GUARDED Bias;
    GUARDED Output;
    GUARDED SkipSum;
    float Mean = NaN;
    float InvStdDev = NaN;

    ROW(size_t N, AGAINST Against)
        : Input(N, Against)
        , Skip(N, Against)
        , SkipBias(N, Against)
        , Scale(N, Against)
        , Bias(N, Against)
        , Output(N, Against)
        , SkipSum(N, Against)
    {
    }

    void Fill(RANDOM& Random, float Center, float Spread)
    {
        for (GUARDED* Buffer : {&Skip, &SkipBias, &Scale, &Bias}) {
            Random.Fill(*Buffer);
        }

        for (size_t n = 0; n < Input.Count(); n++) {
            Input[n] = Center + Spread * Random.Uniform();
        }
    }

    const float* Run(const FORM& Form, float Epsilon)
    {
        float* const Target = Form.InPlace ? Input.Data() : Output.Data();

        MlasRvvLayerNormKernel(
            Input.Data(),
            Form.Skip ? Skip.Data() : nullptr,
            Form.SkipBias ? SkipBias.Data() : nullptr,
            Scale.Data(),
            Form.Bias ? Bias.Data() : nullptr,
            Target,
            Form.SkipSum ? SkipSum.Data() : nullptr,
            Input.Count(),
            Epsilon,
            Form.Simplified,
            Form.Statistics ? &Mean : nullptr,
            Form.Statistics ? &InvStdDev : nullptr
            );
        return Target;
    }
};

void
Expect(
    const char* Case,
    size_t Index,
    double Value,
    double Wanted,
    double Bound
    )
{
    if (!(std::fabs(Value - Wanted) <= Bound)) {
        Fail(Case, Index, Value, Wanted);
    }
}

void
Check(
    const FORM& Form,
    size_t N,
    float Center,
    float Spread,
    RANDOM& Random
    )
{
    constexpr float Epsilon = 1e-5f;
    const AGAINST Against = N % 2 == 0 ? AGAINST::End : AGAINST::Start;
    ROW Row(N, Against);

    Row.Fill(Random, Center, Spread);

    //
    // The row in single precision, as both the kernel and the portable code round it; the rest in double.
    //

    std::vector<float> x(N);
    double Sum = 0.0;
    double Largest = 0.0;

    for (size_t n = 0; n < N; n++) {
        x[n] = Row.Input[n];
        x[n] += Form.Skip ? Row.Skip[n] : 0.0f;
        x[n] += Form.SkipBias ? Row.SkipBias[n] : 0.0f;
        Sum += double(x[n]);
        Largest = std::max(Largest, std::fabs(double(x[n])));
    }

    const double Mean = Form.Simplified ? 0.0 : Sum / double(N);
    double Squares = 0.0;

    for (size_t n = 0; n < N; n++) {
        Squares += (double(x[n]) - Mean) * (double(x[n]) - Mean);
    }

    const double Factor = 1.0 / std::sqrt(Squares / double(N) + double(Epsilon));
    const float* const Output = Row.Run(Form, Epsilon);

    //
    // A difference from the mean is wrong by the mean's error at most, N roundings of the largest, and one of its own;
    // the factor relatively by half of the sum of squares' error, which is twice that of a difference, and N roundings.
    //

    const double Difference = double(N + 2) * Roundoff * Largest;
    const double Relative = Difference * Factor + double(N / 2 + 8) * Roundoff;

    for (size_t n = 0; n < N; n++) {

        const double Scaled = (double(x[n]) - Mean) * Factor * double(Row.Scale[n]);
        const double Wanted = Scaled + (Form.Bias ? double(Row.Bias[n]) : 0.0);
        const double Bound = Difference * Factor + Relative * std::fabs(Scaled) + 2.0 * Roundoff * std::fabs(Wanted);

        Expect("output", n, double(Output[n]), Wanted, Bound + 1e-30);

        if (Form.SkipSum && Row.SkipSum[n] != x[n]) {
            Fail("sum", n, double(Row.SkipSum[n]), double(x[n]));
        }
    }

    if (Form.Statistics) {
        Expect("mean", N, double(Row.Mean), Mean, Difference);
        Expect("inverse deviation", N, double(Row.InvStdDev), Factor, Relative * Factor);
    }
}

//
// Element `At` is `Value`, all others are ordinary: which outputs are NaN, and that the others are Bias.
//

void
CheckNotFinite(
    size_t N,
    size_t At,
    float Value,
    bool Simplified,
    RANDOM& Random
    )
{
    ROW Row(N, AGAINST::End);

    Row.Fill(Random, 0.0f, 1.0f);
    Row.Input[At] = Value;

    const float* const Output = Row.Run(FORM(Simplified ? 8 | 16 : 8), 1e-5f);

    for (size_t n = 0; n < N; n++) {

        const bool IsLost = !Simplified || std::isnan(Value) || n == At;

        if (IsLost ? !std::isnan(Output[n]) : Output[n] != Row.Bias[n]) {
            Fail("not finite", n, double(Output[n]), double(IsLost ? NaN : Row.Bias[n]));
        }
    }
}

//
// A plane by the definition, to the roundings of its mean and its deviation.
//

void
CheckInstance(size_t N, float Offset, bool InPlace, RANDOM& Random)
{
    GUARDED Input(N, AGAINST::End);
    GUARDED Fresh(N, AGAINST::End);
    const float Scale = Random.Uniform();
    const float Bias = Random.Uniform();
    const float Epsilon = 1e-5f;
    double Sum = 0.0;

    Random.Fill(Input);
    for (size_t n = 0; n < N; n++) {
        Input[n] += Offset;
        Sum += double(Input[n]);
    }

    const double Mean = Sum / double(N);
    double Squares = 0.0;
    for (size_t n = 0; n < N; n++) {
        Squares += (double(Input[n]) - Mean) * (double(Input[n]) - Mean);
    }
    const double Factor = double(Scale) / std::sqrt(Squares / double(N) + double(Epsilon));
    const double Difference = double(N + 2) * Roundoff * (std::fabs(double(Offset)) + 1.0);
    // A plane of one element has no deviation: its error is the mean's alone, times the largest factor there is.
    const double Relative = Difference * std::fabs(Factor) / (std::fabs(double(Scale)) + 1e-30) + double(N / 2 + 8) * Roundoff;

    GUARDED Wanted(N, AGAINST::End);
    for (size_t n = 0; n < N; n++) {
        Wanted[n] = float((double(Input[n]) - Mean) * Factor + double(Bias));
    }

    GUARDED& Output = InPlace ? Input : Fresh;
    MlasRvvInstanceNormKernel(Input.Data(), Output.Data(), N, Epsilon, Scale, Bias);

    for (size_t n = 0; n < N; n++) {
        const double Scaled = std::fabs(double(Wanted[n]) - double(Bias));
        const double Bound = Difference * std::fabs(Factor) + Relative * Scaled + 4.0 * Roundoff * (Scaled + 1.0);
        Expect("instance", n, double(Output[n]), double(Wanted[n]), Bound);
    }
}

}  // namespace

int
main()
{
    RANDOM Random(7);
    size_t Cases = 0;

    if (MlasRvvRegisterBytes() == 0) {
        printf("no vector registers\n");
        return 2;
    }

    for (size_t N = 1; N <= 1000; N++) {
        // Each size with some of the forms, and each form with some of the sizes.
        for (unsigned Bits = unsigned(N % 8); Bits < FORM::Count; Bits += 8, Cases++) {
            Check(FORM(Bits), N, 0.0f, 1.0f, Random);
        }
    }

    for (size_t N : {1, 2, 31, 32, 33, 255, 256, 768, 1000}) {
        for (unsigned Bits = 0; Bits < FORM::Count; Bits++, Cases += 4) {
            Check(FORM(Bits), N, 0.0f, 0.0f, Random);
            Check(FORM(Bits), N, 3.0f, 0.0f, Random);
            Check(FORM(Bits), N, 1000.0f, 1.0f, Random);
            Check(FORM(Bits), N, -1e-3f, 1e-6f, Random);
        }

        for (float Value : {NaN, Infinity, -Infinity}) {
            for (size_t At : {size_t(0), N / 2, N - 1}) {
                CheckNotFinite(N, At, Value, false, Random);
                CheckNotFinite(N, At, Value, true, Random);
                Cases += 2;
            }
        }
    }

    for (size_t N = 1; N <= 20000; N += N < 300 ? 1 : 4999, Cases += 2) {
        CheckInstance(N, 0.0f, false, Random);
        CheckInstance(N, 10.0f, true, Random);
    }

    printf("%zu cases at vlen=%zu\n", Cases, MlasRvvRegisterBytes() * 8);
    return 0;
}
