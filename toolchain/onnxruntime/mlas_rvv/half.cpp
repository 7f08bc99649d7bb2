/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    half.cpp

Abstract:

    Enters the half precision kernels.

--*/

#include "platform.h"

#include "half.h"
#include "halfgemm.h"

#include <cassert>
#include <cmath>
#include <iterator>
#include <vector>

namespace
{

const uint16_t*
Bits(const void* Numbers)
{
    return static_cast<const uint16_t*>(Numbers);
}

uint16_t*
Bits(MLAS_FP16* Numbers)
{
    return reinterpret_cast<uint16_t*>(Numbers);
}

const uint16_t* const*
Bits(const MLAS_FP16* const* Pointers)
{
    return reinterpret_cast<const uint16_t* const*>(Pointers);
}

//
// Bounds that the kernel applies. Returns what is left to do after it, or null.
//

const MLAS_HALF_GEMM_POSTPROCESSOR*
TakeBounds(
    const MLAS_HALF_GEMM_POSTPROCESSOR* Processor,
    MLAS_RVV_HALF_BOUNDS& Bounds
    )
{
    if (Processor == nullptr || !Processor->IsClamp(Bounds.Minimum, Bounds.Maximum)) {
        return Processor;
    }

    Bounds.Bounded = std::isfinite(Bounds.Minimum) || std::isfinite(Bounds.Maximum);

    return nullptr;
}

//
// Rows of single precision as rows of half precision without gaps.
//

std::vector<uint16_t>
Converted(
    const float* Rows,
    size_t Stride,
    size_t Count,
    size_t Length
    )
{
    std::vector<uint16_t> Result(Count * Length);

    for (size_t n = 0; n < Count; n++) {
        MlasRvvFloatToHalf(Rows + n * Stride, Result.data() + n * Length, Length);
    }

    return Result;
}

void
Gemm(
    const size_t N,
    const size_t K,
    const MLAS_HALF_GEMM_DATA_PARAMS* Data,
    const size_t StartM,
    const size_t CountM,
    const size_t StartN,
    const size_t CountN
    )
{
    MLAS_RVV_HALF_GEMM a{};
    std::vector<uint16_t> ConvertedA;
    std::vector<uint16_t> ConvertedB;

    a.CountM = CountM;
    a.CountN = CountN;
    a.CountK = K;
    a.StartN = StartN;
    a.TotalN = N;
    a.C = Bits(Data->C) + StartM * Data->ldc + StartN;
    a.ldc = Data->ldc;
    a.Bias = Data->Bias != nullptr ? Bits(Data->Bias) + StartN : nullptr;

    if (Data->AIsfp32) {
        ConvertedA = Converted(static_cast<const float*>(Data->A) + StartM * Data->lda, Data->lda, CountM, K);
        a.A = ConvertedA.data();
        a.lda = K;
    } else {
        a.A = Bits(Data->A) + StartM * Data->lda;
        a.lda = Data->lda;
    }

    if (Data->ldb == 0) {
        a.B = Bits(Data->B);
    } else if (Data->BIsfp32) {
        ConvertedB = Converted(static_cast<const float*>(Data->B) + StartN, Data->ldb, K, CountN);
        a.B = ConvertedB.data();
        a.ldb = CountN;
    } else {
        a.B = Bits(Data->B) + StartN;
        a.ldb = Data->ldb;
    }

    const MLAS_HALF_GEMM_POSTPROCESSOR* const Rest = TakeBounds(Data->OutputProcessor, a.Bounds);

    MlasRvvHalfGemm(a);

    if (Rest != nullptr) {
        Rest->Process(Data->C, StartM, StartN, CountM, CountN, Data->ldc);
    }
}

void
ConvertPackB(
    uint16_t* Packed,
    const float* B,
    size_t ldb,
    size_t CountN,
    size_t CountK
    )
{
    const std::vector<uint16_t> Half = Converted(B, ldb, CountK, CountN);

    MlasRvvHalfPack(Packed, Half.data(), CountN, CountN, CountK);
}

void
GemmTransposedB(
    size_t CountM,
    size_t StartN,
    size_t CountN,
    size_t K,
    const MLAS_HALF_GEMM_DATA_PARAMS& Data
    )
{
    MLAS_RVV_HALF_GEMM a{};

    a.CountM = CountM;
    a.CountN = CountN;
    a.CountK = K;
    a.StartN = StartN;
    a.A = Bits(Data.A);
    a.lda = Data.lda;
    a.B = Bits(Data.B);
    a.ldb = Data.ldb;
    a.C = Bits(Data.C) + StartN;
    a.ldc = Data.ldc;
    a.Bias = Data.Bias != nullptr ? Bits(Data.Bias) + StartN : nullptr;

    MlasRvvHalfGemmTransposed(a);
}

void
Conv(
    size_t CountM,
    size_t N,
    size_t CountK,
    const MLAS_FP16* const* Input,
    size_t Offset,
    size_t KernelSize,
    const MLAS_HALF_GEMM_DATA_PARAMS& Data
    )
{
    assert(Data.ldb == 0 && !Data.AIsfp32 && !Data.BIsfp32);

    MLAS_RVV_HALF_GEMM a{};

    a.CountM = CountM;
    a.CountN = N;
    a.CountK = CountK * KernelSize;
    a.TotalN = N;
    a.Pixels = Bits(Input);
    a.Offset = Offset;
    a.lda = KernelSize;
    a.B = Bits(Data.B);
    a.C = Bits(Data.C);
    a.ldc = Data.ldc;
    a.Bias = Data.Bias != nullptr ? Bits(Data.Bias) : nullptr;

    const MLAS_HALF_GEMM_POSTPROCESSOR* const Rest = TakeBounds(Data.OutputProcessor, a.Bounds);

    MlasRvvHalfGemm(a);

    if (Rest != nullptr) {
        Rest->Process(Data.C, 0, 0, CountM, N, Data.ldc);
    }
}

void
ConvDepthwise(
    const MLAS_FP16* const* Input,
    const MLAS_FP16* Filter,
    const MLAS_FP16* Bias,
    MLAS_FP16* Output,
    size_t Channels,
    size_t OutputCount,
    size_t KernelSize,
    const MLAS_HALF_GEMM_POSTPROCESSOR* PostProc
    )
{
    MLAS_RVV_HALF_BOUNDS Bounds;
    const MLAS_HALF_GEMM_POSTPROCESSOR* const Rest = TakeBounds(PostProc, Bounds);

    MlasRvvHalfConvDepthwise(
        Bits(Input), Bits(Filter), Bits(Bias), Bits(Output), Channels, OutputCount, KernelSize, Bounds);

    if (Rest != nullptr) {
        Rest->Process(Output, 0, 0, OutputCount, Channels, Channels);
    }
}

template<MLAS_RVV_HALF_POOL_KERNEL& Kernel>
void
Pool(
    const MLAS_FP16* const* Input,
    MLAS_FP16* Output,
    size_t Channels,
    size_t OutputCount,
    size_t KernelSize
    )
{
    Kernel(Bits(Input), Bits(Output), Channels, OutputCount, KernelSize);
}

MLAS_RVV_HALF_ACTIVATION
KindOf(MLAS_ACTIVATION_KIND Kind)
{
    switch (Kind) {
        case MlasReluActivation: return MLAS_RVV_HALF_ACTIVATION::Relu;
        case MlasLeakyReluActivation: return MLAS_RVV_HALF_ACTIVATION::LeakyRelu;
        case MlasTanhActivation: return MLAS_RVV_HALF_ACTIVATION::Tanh;
        case MlasLogisticActivation: return MLAS_RVV_HALF_ACTIVATION::Logistic;
        case MlasClipActivation: return MLAS_RVV_HALF_ACTIVATION::Clip;
        case MlasHardSigmoidActivation: return MLAS_RVV_HALF_ACTIVATION::HardSigmoid;
        default: return MLAS_RVV_HALF_ACTIVATION::Identity;
    }
}

void
Activation(
    const MLAS_ACTIVATION& Activation,
    MLAS_FP16* Buffer,
    const MLAS_FP16* Addend,
    size_t CountM,
    size_t CountN,
    size_t ldc
    )
{
    MlasRvvHalfActivation(
        KindOf(Activation.ActivationKind), Activation.Parameters.Values, Bits(Buffer), Bits(Addend), CountM, CountN, ldc);
}

void
Binary(
    MLAS_BINARY_KIND Kind,
    const MLAS_FP16* A,
    bool IsScalarA,
    const MLAS_FP16* B,
    bool IsScalarB,
    MLAS_FP16* Output,
    size_t N
    )
{
    static_assert(MlasAddition == 0 && MlasSubtraction == 1 && MlasMultiplication == 2 && MlasDivision == 3);

    static constexpr MLAS_RVV_HALF_BINARY_KERNEL* Kernels[] = {
        MlasRvvHalfAdd, MlasRvvHalfSubtract, MlasRvvHalfMultiply, MlasRvvHalfDivide};

    assert(size_t(Kind) < std::size(Kernels));
    Kernels[Kind](Bits(A), IsScalarA, Bits(B), IsScalarB, Bits(Output), N);
}

void
Function(
    MLAS_HALF_FUNCTION Function,
    float Alpha,
    float Beta,
    const MLAS_FP16* Input,
    MLAS_FP16* Output,
    size_t N
    )
{
    static_assert(MlasHalfHardSigmoid == 0 && MlasHalfQuickGelu == 7);

    static constexpr MLAS_RVV_HALF_FUNCTION_KERNEL* Kernels[] = {
        MlasRvvHalfHardSigmoid, MlasRvvHalfHardSwish, MlasRvvHalfLogistic, MlasRvvHalfTanh,
        MlasRvvHalfErf,         MlasRvvHalfGelu,      MlasRvvHalfFastGelu, MlasRvvHalfQuickGelu};

    assert(size_t(Function) < std::size(Kernels));
    Kernels[Function](Alpha, Beta, Bits(Input), Bits(Output), N);
}

const MLAS_HALFGEMM_DISPATCH GemmDispatch = {
    Gemm,
    MlasRvvHalfPack,
    ConvertPackB,
    1,      // rows of B are packed one by one
    24,     // rows of A for a thread at least
    0,
};

const MLAS_HALF_DISPATCH Dispatch = {
    &GemmDispatch,
    GemmTransposedB,
    Conv,
    ConvDepthwise,
    Pool<MlasRvvHalfMaximumPool>,
    Pool<MlasRvvHalfAveragePool>,
    Activation,
    Binary,
    Function,
};

}  // namespace

void
MlasRvvRegisterHalf(MLAS_PLATFORM& Platform)
{
    Platform.HalfDispatch = &Dispatch;
    Platform.CastF16ToF32Kernel = MlasRvvHalfToFloat;
    Platform.CastF32ToF16Kernel = MlasRvvFloatToHalf;
}
