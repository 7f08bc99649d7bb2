/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    half_elementwise.cpp

Abstract:

    Arithmetic, functions, activations and conversions in half precision against the definition: what half precision can
    hold exactly or is rounded once, bit for bit; functions of all 65536 numbers, within an error that single precision
    has besides.

--*/

#include "half_support.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace
{

constexpr size_t AllNumbers = 65536;

void
FillWithAnything(
    BUFFER& Buffer,
    RANDOM& Random
    )
{
    for (size_t n = 0; n < Buffer.Count(); n++) {
        Buffer[n] = Random.Next() % 4 == 0 ? ToHalf(double(Random.Uniform())) : uint16_t(Random.Next());
    }
}

//
// The same bits, or both not a number.
//

void
ExpectOrNaN(
    const char* Case,
    size_t Index,
    uint16_t Value,
    uint16_t Wanted
    )
{
    const double a = ToDouble(Value);
    const double b = ToDouble(Wanted);

    if (Value != Wanted && (a == a || b == b)) {
        Fail(Case, Index, a, b);
    }
}

struct OPERATION {
    const char* Name;
    MLAS_RVV_HALF_BINARY_KERNEL* Kernel;
    double (*Of)(double, double);
};

const OPERATION Operations[] = {
    {"add", MlasRvvHalfAdd, [](double a, double b) { return a + b; }},
    {"subtract", MlasRvvHalfSubtract, [](double a, double b) { return a - b; }},
    {"multiply", MlasRvvHalfMultiply, [](double a, double b) { return a * b; }},
    {"divide", MlasRvvHalfDivide, [](double a, double b) { return a / b; }},
};

void
TestBinary(
    const OPERATION& Operation,
    size_t N,
    RANDOM& Random
    )
{
    const size_t Scalars = Random.Between(0, 3);
    const bool IsScalarA = Scalars % 2 == 1;
    const bool IsScalarB = Scalars / 2 == 1;
    BUFFER A(IsScalarA ? 1 : N, AGAINST::End);
    BUFFER B(IsScalarB ? 1 : N, AGAINST::Start);
    BUFFER Output(N, AGAINST::End);

    FillWithAnything(A, Random);
    FillWithAnything(B, Random);

    Operation.Kernel(A.Data(), IsScalarA, B.Data(), IsScalarB, Output.Data(), N);

    for (size_t n = 0; n < N; n++) {
        const double Wanted = Operation.Of(ToDouble(A[IsScalarA ? 0 : n]), ToDouble(B[IsScalarB ? 0 : n]));
        ExpectOrNaN(Operation.Name, n, Output[n], ToHalf(Wanted));
    }

    if (!IsScalarA) {
        Operation.Kernel(A.Data(), false, B.Data(), IsScalarB, A.Data(), N);

        for (size_t n = 0; n < N; n++) {
            ExpectOrNaN("in place", n, A[n], Output[n]);
        }
    }
}

double
Logistic(double x)
{
    return 1.0 / (1.0 + std::exp(-x));
}

double
FastGelu(double x)
{
    return 0.5 * x * (1.0 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
}

//
// In half precision, with a product that is added before it is rounded.
//

double
HardSigmoid(double x)
{
    const double Sum = ToDouble(ToHalf(ToDouble(ToHalf(1.0 / 6)) * x + 0.5));
    return x == x ? std::min(std::max(Sum, 0.0), 1.0) : x;
}

struct FUNCTION {
    const char* Name;
    MLAS_RVV_HALF_FUNCTION_KERNEL* Kernel;
    double Alpha;
    double (*Of)(double);
    bool IsExact;
};

const FUNCTION Functions[] = {
    {"hard sigmoid", MlasRvvHalfHardSigmoid, 1.0 / 6, HardSigmoid, true},
    {"hard swish", MlasRvvHalfHardSwish, 1.0 / 6, [](double x) { return x * HardSigmoid(x); }, true},
    {"logistic", MlasRvvHalfLogistic, 0.0, Logistic, false},
    {"tanh", MlasRvvHalfTanh, 0.0, [](double x) { return std::tanh(x); }, false},
    {"erf", MlasRvvHalfErf, 0.0, [](double x) { return std::erf(x); }, false},
    {"gelu", MlasRvvHalfGelu, 0.0, [](double x) { return 0.5 * x * (1.0 + std::erf(x * M_SQRT1_2)); }, false},
    {"fast gelu", MlasRvvHalfFastGelu, 0.0, FastGelu, false},
    {"quick gelu", MlasRvvHalfQuickGelu, 1.75, [](double x) { return x * Logistic(1.75 * x); }, false},
};

void
TestFunction(
    const FUNCTION& Function
    )
{
    BUFFER Input(AllNumbers, AGAINST::Start);
    BUFFER Output(AllNumbers, AGAINST::End);

    for (size_t n = 0; n < AllNumbers; n++) {
        Input[n] = uint16_t(n);
    }

    Function.Kernel(float(Function.Alpha), 0.5f, Input.Data(), Output.Data(), AllNumbers);

    for (size_t n = 0; n < AllNumbers; n++) {

        const double x = ToDouble(Input[n]);
        const double Value = ToDouble(Output[n]);
        const double Wanted = Function.Of(x);

        if (Function.IsExact) {
            ExpectOrNaN(Function.Name, n, Output[n], ToHalf(Wanted));
        } else if (x != x) {
            ExpectOrNaN(Function.Name, n, Output[n], Input[n]);
        } else if (std::isfinite(Wanted)) {

            //
            // A factor that approaches zero has an absolute error in single precision: a product with x has x times it.
            //

            const double Error = 0x1p-11 * std::max(std::fabs(Wanted), 0x1p-14) + 2e-7 * std::max(std::fabs(x), 1.0);

            if (!(std::fabs(Value - Wanted) <= Error)) {
                Fail(Function.Name, n, Value, Wanted);
            }
        }
    }

    Function.Kernel(float(Function.Alpha), 0.5f, Input.Data(), Input.Data(), AllNumbers);

    for (size_t n = 0; n < AllNumbers; n++) {
        ExpectOrNaN("in place", n, Input[n], Output[n]);
    }
}

void
TestLength(
    const FUNCTION& Function,
    size_t N,
    RANDOM& Random
    )
{
    BUFFER Input(N, AGAINST::Start);
    BUFFER Output(N, AGAINST::End);

    FillWithAnything(Input, Random);
    Function.Kernel(float(Function.Alpha), 0.5f, Input.Data(), Output.Data(), N);

    for (size_t n = 0; n < N; n++) {
        uint16_t Alone;
        Function.Kernel(float(Function.Alpha), 0.5f, &Input[n], &Alone, 1);
        ExpectOrNaN(Function.Name, n, Output[n], Alone);
    }
}

double
Activated(
    MLAS_RVV_HALF_ACTIVATION Kind,
    double x
    )
{
    switch (Kind) {
        case MLAS_RVV_HALF_ACTIVATION::Relu: return std::max(x, 0.0);
        case MLAS_RVV_HALF_ACTIVATION::LeakyRelu: return x < 0.0 ? x * 0.125 : x;
        case MLAS_RVV_HALF_ACTIVATION::Tanh: return std::tanh(x);
        case MLAS_RVV_HALF_ACTIVATION::Logistic: return 1.0 / (1.0 + std::exp(-x));
        case MLAS_RVV_HALF_ACTIVATION::Clip: return std::min(std::max(x, 0.125), 2.0);
        case MLAS_RVV_HALF_ACTIVATION::HardSigmoid: return std::min(std::max(0.125 * x + 0.5, 0.0), 1.0);
        default: return x;
    }
}

void
TestActivation(
    MLAS_RVV_HALF_ACTIVATION Kind,
    size_t M,
    size_t N,
    RANDOM& Random
    )
{
    const size_t ldc = N + Random.Between(0, 2);
    BUFFER Values((M - 1) * ldc + N, SomeSide(Random));
    BUFFER Addend((M - 1) * ldc + N, SomeSide(Random));
    const bool HasAddend = Random.Next() % 2 == 0;
    const float Parameters[] = {0.125f, Kind == MLAS_RVV_HALF_ACTIVATION::Clip ? 2.0f : 0.5f};
    std::vector<uint16_t> Before;

    for (size_t n = 0; n < Values.Count(); n++) {
        Values[n] = ToHalf(8.0 * double(Random.Uniform()));
        Addend[n] = ToHalf(4.0 * double(Random.Uniform()));
    }

    Before.assign(Values.Data(), Values.Data() + Values.Count());

    MlasRvvHalfActivation(Kind, Parameters, Values.Data(), HasAddend ? Addend.Data() : nullptr, M, N, ldc);

    for (size_t n = 0; n < Values.Count(); n++) {

        if (n % ldc >= N) {
            Expect("between rows", n, Values[n], Before[n]);
            continue;
        }

        const uint16_t x = HasAddend ? ToHalf(ToDouble(Before[n]) + ToDouble(Addend[n])) : Before[n];
        const double Wanted = Activated(Kind, ToDouble(x));

        //
        // Rounded to half precision, after single precision, of which functions have an absolute error.
        //

        if (std::fabs(ToDouble(Values[n]) - Wanted) > 0x1p-11 * std::max(std::fabs(Wanted), 0x1p-14) + 1e-7) {
            Fail("activation", n, ToDouble(Values[n]), Wanted);
        }
    }
}

void
TestConversions(RANDOM& Random)
{
    constexpr size_t Count = AllNumbers;
    BUFFER Half(Count, AGAINST::End);
    BUFFER Back(Count, AGAINST::End);
    GUARDED Float(Count, AGAINST::Start);

    for (size_t n = 0; n < Count; n++) {
        Half[n] = uint16_t(n);
    }

    MlasRvvHalfToFloat(Half.Data(), Float.Data(), Count);
    MlasRvvFloatToHalf(Float.Data(), Back.Data(), Count);

    for (size_t n = 0; n < Count; n++) {

        const double Value = ToDouble(Half[n]);

        if (Value != Value) {
            if (Float[n] == Float[n]) {
                Fail("conversion to single precision", n, double(Float[n]), Value);
            }
        } else {
            if (double(Float[n]) != Value) {
                Fail("conversion to single precision", n, double(Float[n]), Value);
            }
            Expect("conversion back", n, Back[n], Half[n]);
        }
    }

    for (size_t n = 0; n < Count; n++) {
        Float[n] = std::ldexp(Random.Uniform(), int(Random.Between(0, 40)) - 24);
    }

    MlasRvvFloatToHalf(Float.Data(), Back.Data(), Count);

    for (size_t n = 0; n < Count; n++) {
        Expect("conversion to half precision", n, Back[n], ToHalf(double(Float[n])));
    }
}

}  // namespace

int
main()
{
    if (!MlasRvvHasHalf()) {
        printf("no Zvfh\n");
        return 3;
    }

    RANDOM Random(20261201);

    for (size_t n = 0; n < 160; n++) {
        TestBinary(Operations[n % 4], Random.Between(1, 1200), Random);
    }

    for (const FUNCTION& Function : Functions) {

        TestFunction(Function);

        for (size_t n = 0; n < 12; n++) {
            TestLength(Function, Random.Between(1, 600), Random);
        }
    }

    for (size_t n = 0; n < 70; n++) {
        TestActivation(MLAS_RVV_HALF_ACTIVATION(n % 7), Random.Between(1, 5), Random.Between(1, 700), Random);
    }

    TestConversions(Random);
    printf("ok\n");

    return 0;
}
