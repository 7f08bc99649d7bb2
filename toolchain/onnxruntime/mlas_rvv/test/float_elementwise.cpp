/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_elementwise.cpp

Abstract:

    Tests the functions of one variable and softmax against the C library in double precision, and Gelu against its
    steps too.

--*/

#include "float_support.h"
#include "float_variant.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace
{

constexpr float Infinity = std::numeric_limits<float>::infinity();
constexpr float NaN = std::numeric_limits<float>::quiet_NaN();
constexpr float Special[] = {Infinity, -Infinity, NaN, -0.0f, 1e30f, -1e30f, 1e-40f};

struct FUNCTION {
    const char* Name;
    MLAS_RVV_UNARY_KERNEL* Kernel;
    double (*Exact)(double);
    float Reach;
    double Relative;
    double Absolute;
    float Ends[5];  // of those in CheckEnds
};

double
Logistic(
    double x
    )
{
    return 1.0 / (1.0 + std::exp(-x));
}

#if !defined(MLAS_TEST_SCALAR)

double
Softplus(
    double x
    )
{
    return std::fmax(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
}

constexpr float EluAlpha = 0.75f;

void
Elu(
    const float* Input,
    float* Output,
    size_t N
    )
{
    MlasRvvEluKernel(Input, Output, N, EluAlpha);
}

double
ExactElu(
    double x
    )
{
    return x < 0.0 ? double(EluAlpha) * std::expm1(x) : x;
}

#endif

const FUNCTION Functions[] = {
    {"logistic", TestedLogisticKernel, Logistic, 25.0f, 0.0, 2e-7, {1.0f, 0.0f, 1.0f, 0.0f, 0.5f}},
    {"tanh", TestedTanhKernel, std::tanh, 12.0f, 0.0, 4e-7, {1.0f, -1.0f, 1.0f, -1.0f, 0.0f}},
#if !defined(MLAS_TEST_SCALAR)
    {"exp", MlasRvvComputeExpKernel, std::exp, 87.0f, 2e-7, 0.0, {Infinity, 0.0f, Infinity, 0.0f, 1.0f}},
    {"erf", MlasRvvErfKernel, std::erf, 6.0f, 0.0, 2e-7, {1.0f, -1.0f, 1.0f, -1.0f, 0.0f}},
    {"softplus", MlasRvvSoftplusKernel, Softplus, 80.0f, 4e-7, 0.0, {Infinity, 0.0f, 1000.0f, 0.0f, 0.693147181f}},
    {"elu", Elu, ExactElu, 30.0f, 0.0, 2e-7, {Infinity, -EluAlpha, 1000.0f, -EluAlpha, 0.0f}},
#endif
};

void
Check(
    const FUNCTION& Function,
    size_t N,
    AGAINST Against,
    bool InPlace,
    RANDOM& Random
    )
{
    GUARDED Input(N, Against);
    GUARDED Output(N, Against);
    GUARDED Original(N, Against);

    for (size_t n = 0; n < N; n++) {
        // Half of them near zero.
        const float Reach = Random.Between(0, 1) == 0 ? 1.0f : Function.Reach;
        Input[n] = Original[n] = n == 3 ? NaN : Random.Uniform() * Reach;
    }

    Function.Kernel(Input.Data(), InPlace ? Input.Data() : Output.Data(), N);

    for (size_t n = 0; n < N; n++) {

        const float Value = InPlace ? Input[n] : Output[n];
        const double Wanted = Function.Exact(double(Original[n]));
        const double Error = std::fabs(double(Value) - Wanted);
        const double Bound = Function.Absolute + Function.Relative * std::fabs(Wanted);

        if (std::isnan(Wanted) ? !std::isnan(Value) : !(Error <= Bound)) {
            Fail(Function.Name, n, double(Value), Wanted);
        }
    }
}

void
CheckEnds()
{
    const float Input[] = {Infinity, -Infinity, 1000.0f, -1000.0f, 0.0f};

    for (const FUNCTION& Function : Functions) {

        float Output[5];
        Function.Kernel(Input, Output, 5);

        for (size_t n = 0; n < 5; n++) {

            const float Wanted = Function.Ends[n];

            if (Output[n] != Wanted && !(std::fabs(Output[n] - Wanted) <= 2e-7f)) {
                Fail(Function.Name, n, double(Output[n]), double(Wanted));
            }
        }
    }
}

float
AnyInput(
    RANDOM& Random
    )
{
    return Random.Between(0, 15) == 0 ? Special[Random.Between(0, 6)] : Random.Uniform() * 6.0f;
}

#if !defined(MLAS_TEST_SCALAR)

//
// What the scalar loops around the error function and the hyperbolic tangent compute, bit for bit. Where terms cancel,
// what is left has the error of 1 + erf(x).
//

void
CheckGelu(
    size_t N,
    bool WithBias,
    bool UseApproximation,
    bool InPlace,
    AGAINST Against,
    RANDOM& Random
    )
{
    GUARDED Input(N, Against);
    GUARDED Bias(WithBias ? N : 0, Against);
    GUARDED Output(N, Against);
    GUARDED Sums(N, Against);
    GUARDED Wanted(N, Against);

    for (size_t n = 0; n < N; n++) {

        Input[n] = AnyInput(Random);
        Sums[n] = Input[n];

        if (WithBias) {
            Bias[n] = Random.Uniform();
            Sums[n] += Bias[n];
        }

        const float x = Sums[n];

        Wanted[n] = UseApproximation
            ? x * std::fma(0.035677408136300125f * x, x, 0.7978845608028654f)
            : x * static_cast<float>(M_SQRT1_2);
    }

    (UseApproximation ? MlasRvvTanhKernel : MlasRvvErfKernel)(Wanted.Data(), Wanted.Data(), N);

    float* const Result = InPlace ? Input.Data() : Output.Data();
    MlasRvvGeluKernel(Input.Data(), WithBias ? Bias.Data() : nullptr, Result, N, UseApproximation);

    for (size_t n = 0; n < N; n++) {

        const float x = Sums[n];

        Wanted[n] = 0.5f * x * (Wanted[n] + 1.0f);

        if (std::memcmp(&Result[n], &Wanted[n], sizeof(float)) != 0) {
            Fail("gelu's steps", n, double(Result[n]), double(Wanted[n]));
        }

        if (std::fabs(x) <= 8.0f) {

            const double Cube = double(x) * double(x) * double(x);
            const double Exact = 0.5 * double(x) * (1.0 + (UseApproximation
                ? std::tanh(std::sqrt(2.0 / M_PI) * (double(x) + 0.044715 * Cube))
                : std::erf(double(x) * M_SQRT1_2)));

            if (!(std::fabs(double(Result[n]) - Exact) <= 6e-7 * std::fabs(double(x)))) {
                Fail("gelu", n, double(Result[n]), Exact);
            }
        }
    }
}

#endif

//
// The operator's steps, and within the bound of the logistic function.
//

void
CheckQuickGelu(
    size_t N,
    bool InPlace,
    AGAINST Against,
    RANDOM& Random
    )
{
    const float Alpha = Random.Between(0, 1) == 0 ? 1.0f : 1.702f;
    GUARDED Input(N, Against);
    GUARDED Output(N, Against);
    GUARDED Kept(N, Against);
    GUARDED Wanted(N, Against);

    for (size_t n = 0; n < N; n++) {
        Input[n] = AnyInput(Random);
        Kept[n] = Input[n];
        Wanted[n] = Input[n] * Alpha;
    }

    TestedLogisticKernel(Wanted.Data(), Wanted.Data(), N);

    float* const Result = InPlace ? Input.Data() : Output.Data();
    TestedQuickGeluKernel(Input.Data(), Result, N, Alpha);

    for (size_t n = 0; n < N; n++) {

        const float x = Kept[n];

        Wanted[n] = x * Wanted[n];

        if (std::memcmp(&Result[n], &Wanted[n], sizeof(float)) != 0) {
            Fail("quick gelu's steps", n, double(Result[n]), double(Wanted[n]));
        }

        if (std::fabs(x) <= 8.0f) {

            const double Exact = double(x) * Logistic(double(Alpha) * double(x));

            if (!(std::fabs(double(Result[n]) - Exact) <= 6e-7 * std::fabs(double(x)))) {
                Fail("quick gelu", n, double(Result[n]), Exact);
            }
        }
    }
}

#if !defined(MLAS_TEST_SCALAR)

void
CheckSoftmax(
    size_t N,
    AGAINST Against,
    RANDOM& Random
    )
{
    GUARDED Input(N, Against);
    GUARDED Output(N, Against);
    GUARDED Logarithms(N, Against);

    float Maximum = -Infinity;

    for (size_t n = 0; n < N; n++) {
        Input[n] = Random.Uniform() * 30.0f;
        Maximum = std::max(Maximum, Input[n]);
    }

    const float Found = MlasRvvReduceMaximumKernel(Input.Data(), N);

    if (Found != Maximum) {
        Fail("maximum", N, double(Found), double(Maximum));
    }

    double Exact = 0.0;

    for (size_t n = 0; n < N; n++) {
        Exact += std::exp(double(Input[n]) - double(Maximum));
    }

    const float NegativeMaximum = -Maximum;
    const float Sum = MlasRvvComputeSumExpKernel(Input.Data(), Output.Data(), N, &NegativeMaximum);
    const float Again = MlasRvvComputeSumExpKernel(Input.Data(), nullptr, N, &NegativeMaximum);

    if (Sum != Again || std::fabs(double(Sum) - Exact) > (3e-6 + double(N) * 0x1p-24) * Exact) {
        Fail("sum of exponentials", N, double(Sum), Exact);
    }

    const float Scale[] = {1.0f / Sum};
    const float Parameters[] = {NegativeMaximum, std::log(Sum)};

    MlasRvvSoftmaxOutputKernel(Output.Data(), N, Scale);
    MlasRvvLogSoftmaxOutputKernel(Input.Data(), Logarithms.Data(), N, Parameters);

    for (size_t n = 0; n < N; n++) {

        const double Probability = std::exp(double(Input[n]) - double(Maximum)) / Exact;

        if (std::fabs(double(Output[n]) - Probability) > 1e-5 * Probability + 1e-37) {
            Fail("softmax", n, double(Output[n]), Probability);
        }

        if (std::fabs(double(Logarithms[n]) - std::log(Probability)) > 2e-5) {
            Fail("log softmax", n, double(Logarithms[n]), std::log(Probability));
        }
    }
}

#endif

}  // namespace

int
main()
{
    RANDOM Random(3);
    size_t Cases = 0;

    if (!TestedKernelsCanRun()) {
        printf("no vector registers\n");
        return 2;
    }

    CheckEnds();
    CheckQuickGelu(0, false, AGAINST::End, Random);

    for (size_t N = 1; N <= 300; N++, Cases++) {

        const AGAINST Against = N % 2 == 0 ? AGAINST::End : AGAINST::Start;

        for (const FUNCTION& Function : Functions) {
            Check(Function, N, Against, N % 3 == 0, Random);
        }

        CheckQuickGelu(N, N % 3 == 0, Against, Random);

#if !defined(MLAS_TEST_SCALAR)
        for (unsigned Kind = 0; Kind < 4; Kind++) {
            CheckGelu(N, (Kind & 1) != 0, (Kind & 2) != 0, N % 3 == 0, Against, Random);
        }

        CheckSoftmax(N, Against, Random);
#endif
    }

#if !defined(MLAS_TEST_SCALAR)
    CheckGelu(0, true, false, false, AGAINST::End, Random);
#endif

    printf("%zu cases at vlen=%zu\n", Cases, TestedVectorBits());
    return 0;
}
