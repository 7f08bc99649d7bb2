/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_binary.cpp

Abstract:

    Tests the operations on two elements, bit for bit: each element of a result is rounded once.

--*/

#include "../detect.h"
#include "../float.h"
#include "float_support.h"

#include <cstring>
#include <limits>

namespace
{

// a if it is beyond b, or as zeros are ordered by their sign. What is not a number stays so.
float
Extremum(float a, float b, bool IsBeyond, bool IsBeyondAsZero)
{
    if (std::isnan(a) || std::isnan(b)) {
        return NAN;
    }
    return IsBeyond || (a == b && IsBeyondAsZero) ? a : b;
}

struct OPERATION {
    const char* Name;
    MLAS_RVV_BINARY_KERNEL* Kernel;
    float (*Scalar)(float, float);
};

const OPERATION Operations[] = {
    {"add", MlasRvvAddKernel, [](float a, float b) { return a + b; }},
    {"subtract", MlasRvvSubtractKernel, [](float a, float b) { return a - b; }},
    {"multiply", MlasRvvMultiplyKernel, [](float a, float b) { return a * b; }},
    {"divide", MlasRvvDivideKernel, [](float a, float b) { return a / b; }},
    {"maximum", MlasRvvMaximumKernel, [](float a, float b) { return Extremum(a, b, a > b, !std::signbit(a)); }},
    {"minimum", MlasRvvMinimumKernel, [](float a, float b) { return Extremum(a, b, a < b, std::signbit(a)); }},
    {"prelu", MlasRvvPReluKernel, [](float a, float b) { return a <= 0.0f ? a * b : a; }},
};

void
FillAny(GUARDED& Buffer, RANDOM& Random)
{
    constexpr float Infinity = std::numeric_limits<float>::infinity();
    const float Special[] = {Infinity, -Infinity, NAN, 0.0f, -0.0f, 1e30f, -1e38f, 1e-40f};

    for (size_t n = 0; n < Buffer.Count(); n++) {
        Buffer[n] = Random.Between(0, 7) != 0 ? Random.Uniform() * 8.0f : Special[Random.Between(0, 7)];
    }
}

void
Check(const OPERATION& Operation, size_t N, bool IsScalarA, bool IsScalarB, bool InPlace, RANDOM& Random)
{
    const AGAINST Against = Random.Between(0, 1) == 0 ? AGAINST::End : AGAINST::Start;
    GUARDED A(IsScalarA ? 1 : N, Against);
    GUARDED B(IsScalarB ? 1 : N, Against);
    GUARDED Fresh(N, Against);
    GUARDED Wanted(N, Against);

    FillAny(A, Random);
    FillAny(B, Random);

    for (size_t n = 0; n < N; n++) {
        Wanted[n] = Operation.Scalar(A[IsScalarA ? 0 : n], B[IsScalarB ? 0 : n]);
    }

    GUARDED& Output = !InPlace ? Fresh : !IsScalarA ? A : !IsScalarB ? B : Fresh;
    Operation.Kernel(A.Data(), IsScalarA, B.Data(), IsScalarB, Output.Data(), N);

    for (size_t n = 0; n < N; n++) {
        const float Got = Output[n];
        const float Want = Wanted[n];
        if (std::isnan(Want) ? !std::isnan(Got) : std::memcmp(&Got, &Want, sizeof(float)) != 0) {
            Fail(Operation.Name, n, double(Got), double(Want));
        }
    }
}

}  // namespace

int
main()
{
    RANDOM Random(12);
    size_t Cases = 0;

    if (MlasRvvRegisterBytes() == 0) {
        printf("no vector registers\n");
        return 2;
    }

    for (const OPERATION& Operation : Operations) {
        for (size_t N = 0; N <= 1000; N += N < 150 ? 1 : 37) {
            for (unsigned Form = 0; Form < 8; Form++, Cases++) {
                Check(Operation, N, (Form & 1) != 0, (Form & 2) != 0, (Form & 4) != 0, Random);
            }
        }
    }

    printf("%zu cases at vlen=%zu\n", Cases, MlasRvvRegisterBytes() * 8);
    return 0;
}
