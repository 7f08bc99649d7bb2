/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_activation.cpp

Abstract:

    Tests the activations of a matrix, with a bias of each row and without, against MLAS's portable code for single
    elements.

--*/

#include "../detect.h"
#include "../float.h"
#include "float_support.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace
{

constexpr float Infinity = std::numeric_limits<float>::infinity();
constexpr float NaN = std::numeric_limits<float>::quiet_NaN();

struct ACTIVATION {
    const char* Name;
    MLAS_RVV_ACTIVATION_KERNEL* Kernel;
    float (*Portable)(float, const float*);
    float Parameters[2];
};

float
Identity(
    float Value,
    const float*
    )
{
    return Value;
}

float
Relu(
    float Value,
    const float*
    )
{
    return std::max(Value, 0.0f);
}

float
LeakyRelu(
    float Value,
    const float* Parameters
    )
{
    return Value >= 0.0f ? Value : Value * Parameters[0];
}

float
Clip(
    float Value,
    const float* Parameters
    )
{
    return std::min(std::max(Value, Parameters[0]), Parameters[1]);
}

float
HardSigmoid(
    float Value,
    const float* Parameters
    )
{
    return std::max(std::min(std::fma(Parameters[0], Value, Parameters[1]), 1.0f), 0.0f);
}

const ACTIVATION Activations[] = {
    {"bias", MlasRvvBiasKernel, Identity, {NaN, NaN}},
    {"relu", MlasRvvReluKernel, Relu, {NaN, NaN}},
    {"leaky relu", MlasRvvLeakyReluKernel, LeakyRelu, {0.01f, NaN}},
    {"clip", MlasRvvClipKernel, Clip, {-0.5f, 1.5f}},
    {"clip to six", MlasRvvClipKernel, Clip, {0.0f, 6.0f}},
    {"hard sigmoid", MlasRvvHardSigmoidKernel, HardSigmoid, {0.2f, 0.5f}},
};

void
Check(
    const ACTIVATION& Activation,
    size_t M,
    size_t N,
    size_t ldc,
    bool WithBias,
    AGAINST Against,
    RANDOM& Random
    )
{
    const float Special[] = {Infinity, -Infinity, NaN, 0.0f, -0.0f, 1e30f, -1e30f, 1e-40f, -1e-40f};
    const size_t Count = M == 0 ? 0 : (M - 1) * ldc + N;
    GUARDED Buffer(Count, Against);
    GUARDED Original(Count, Against);
    GUARDED Bias(WithBias ? M : 0, Against);

    for (size_t n = 0; n < Count; n++) {
        const bool Ordinary = Random.Between(0, 7) != 0;
        Buffer[n] = Original[n] = Ordinary ? Random.Uniform() * 8.0f : Special[Random.Between(0, 8)];
    }

    Random.Fill(Bias);
    // In place, or not.
    const float* const Input = Random.Between(0, 1) == 0 ? Buffer.Data() : Original.Data();
    Activation.Kernel(Activation.Parameters, Input, Buffer.Data(), WithBias ? Bias.Data() : nullptr, M, N, ldc);

    for (size_t n = 0; n < Count; n++) {

        const float Value = WithBias ? Original[n] + Bias[n / ldc] : Original[n];
        const float Wanted = n % ldc < N ? Activation.Portable(Value, Activation.Parameters) : Original[n];
        const float Got = Buffer[n];

        if (std::isnan(Wanted) ? !std::isnan(Got) : std::memcmp(&Got, &Wanted, sizeof(float)) != 0) {
            Fail(Activation.Name, n, double(Got), double(Wanted));
        }
    }
}

}  // namespace

int
main()
{
    RANDOM Random(11);
    size_t Cases = 0;

    if (MlasRvvRegisterBytes() == 0) {
        printf("no vector registers\n");
        return 2;
    }

    for (const ACTIVATION& Activation : Activations) {

        for (size_t N = 0; N <= 1000; N += N < 150 ? 1 : 37, Cases++) {

            const size_t M = Random.Between(0, 4);
            const size_t Gap = Random.Between(0, 1) == 0 ? 0 : Random.Between(1, 9);
            const AGAINST Against = N % 2 == 0 ? AGAINST::End : AGAINST::Start;

            // A row has an element at least for what is checked.
            Check(Activation, M, N, std::max(N + Gap, size_t(1)), (N & 4) != 0, Against, Random);
        }
    }

    printf("%zu cases at vlen=%zu\n", Cases, MlasRvvRegisterBytes() * 8);
    return 0;
}
