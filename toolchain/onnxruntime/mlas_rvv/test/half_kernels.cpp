/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    half_kernels.cpp

Abstract:

    Products, convolutions and pools in half precision. Sums are of small integers, of which half precision has all up to
    2048: every order of the additions gives the same bits.

--*/

#include "half_support.h"

#include <algorithm>
#include <vector>

namespace
{

constexpr uint16_t Untouched = 0x7bad;

void
FillWithIntegers(
    BUFFER& Buffer,
    RANDOM& Random,
    size_t Largest = 3
    )
{
    for (size_t n = 0; n < Buffer.Count(); n++) {
        Buffer[n] = ToHalf(double(Random.Between(0, 2 * Largest)) - double(Largest));
    }
}

void
Fill(
    BUFFER& Buffer,
    uint16_t Value
    )
{
    std::fill(Buffer.Data(), Buffer.Data() + Buffer.Count(), Value);
}

MLAS_RVV_HALF_BOUNDS
SomeBounds(RANDOM& Random)
{
    switch (Random.Between(0, 2)) {
        case 0: return {};
        case 1: return {true, 0.0f, 6.0f};
        default: return {true, 0.0f, INFINITY};
    }
}

double
Clamped(
    double Value,
    const MLAS_RVV_HALF_BOUNDS& Bounds
    )
{
    return Bounds.Bounded ? std::min(std::max(Value, double(Bounds.Minimum)), double(Bounds.Maximum)) : Value;
}

enum class LAYOUT { Rows, Packed, Columns };

void
TestGemm(
    LAYOUT Layout,
    size_t M,
    size_t N,
    size_t K,
    RANDOM& Random
    )
{
    const bool Columns = Layout == LAYOUT::Columns;
    const size_t lda = K + Random.Between(0, 3);
    const size_t ldb = (Columns ? K : N) + Random.Between(0, 3);
    const size_t StartN = Layout == LAYOUT::Rows ? 0 : Random.Between(0, N - 1);
    const size_t CountN = Layout == LAYOUT::Rows ? N : Random.Between(1, N - StartN);
    const size_t ldc = CountN + Random.Between(0, 3);

    BUFFER A((M - 1) * lda + K, SomeSide(Random));
    BUFFER B(Columns ? (N - 1) * ldb + K : (K - 1) * ldb + N, SomeSide(Random));
    BUFFER Packed(K * N, SomeSide(Random));
    BUFFER C((M - 1) * ldc + CountN, SomeSide(Random));
    BUFFER Bias(CountN, SomeSide(Random));

    const size_t Largest = K <= 200 ? 3 : 1;

    FillWithIntegers(A, Random, Largest);
    FillWithIntegers(B, Random, Largest);
    FillWithIntegers(Bias, Random);
    Fill(C, Untouched);

    MLAS_RVV_HALF_GEMM a{};

    a.CountM = M;
    a.CountN = CountN;
    a.CountK = K;
    a.StartN = StartN;
    a.TotalN = N;
    a.A = A.Data();
    a.lda = lda;
    a.B = B.Data();
    a.ldb = ldb;
    a.C = C.Data();
    a.ldc = ldc;
    a.Bias = Random.Next() % 4 != 0 ? Bias.Data() : nullptr;
    a.Bounds = SomeBounds(Random);

    if (Layout == LAYOUT::Packed) {
        MlasRvvHalfPack(Packed.Data(), B.Data(), ldb, N, K);
        a.B = Packed.Data();
        a.ldb = 0;
    }

    if (Columns) {
        MlasRvvHalfGemmTransposed(a);
    } else {
        MlasRvvHalfGemm(a);
    }

    char Case[96];

    snprintf(Case, sizeof(Case), "gemm %d M=%zu N=%zu of %zu K=%zu", int(Layout), M, CountN, N, K);

    for (size_t n = 0; n < C.Count(); n++) {

        const size_t Row = n / ldc;
        const size_t Column = n % ldc;

        if (Column >= CountN) {
            Expect(Case, n, C[n], Untouched);
            continue;
        }

        double Sum = a.Bias != nullptr ? ToDouble(Bias[Column]) : 0.0;

        for (size_t k = 0; k < K; k++) {
            const size_t Factor = Columns ? (StartN + Column) * ldb + k : k * ldb + StartN + Column;
            Sum += ToDouble(A[Row * lda + k]) * ToDouble(B[Factor]);
        }

        Expect(Case, n, C[n], ToHalf(Clamped(Sum, a.Bounds)));
    }
}

//
// Pixels that pointers lead to, some of them the same. Null takes the place of some where it may.
//

struct PIXELS {
    PIXELS(size_t Channels, size_t Count, bool WithNull, RANDOM& Random)
        : Values(Channels * 8, SomeSide(Random))
    {
        FillWithIntegers(Values, Random);

        for (size_t n = 0; n < Count; n++) {
            const bool Outside = WithNull && n % 3 == 1;
            Pointers.push_back(Outside ? nullptr : Values.Data() + Channels * Random.Between(0, 7));
        }
    }

    BUFFER Values;
    std::vector<const uint16_t*> Pointers;
};

//
// A group of a convolution of pixels with channels of three groups.
//

void
TestConv(
    size_t OutputCount,
    size_t N,
    size_t Channels,
    size_t KernelSize,
    RANDOM& Random
    )
{
    const size_t Offset = Channels * Random.Between(0, 2);
    const size_t K = Channels * KernelSize;
    const size_t ldc = N + Random.Between(0, 3);
    const PIXELS Input(3 * Channels, OutputCount * KernelSize, false, Random);
    BUFFER B(K * N, SomeSide(Random));
    BUFFER Packed(K * N, SomeSide(Random));
    BUFFER C((OutputCount - 1) * ldc + N, SomeSide(Random));
    BUFFER Bias(N, SomeSide(Random));

    FillWithIntegers(B, Random, 1);
    FillWithIntegers(Bias, Random);
    Fill(C, Untouched);
    MlasRvvHalfPack(Packed.Data(), B.Data(), N, N, K);

    MLAS_RVV_HALF_GEMM a{};

    a.CountM = OutputCount;
    a.CountN = N;
    a.CountK = K;
    a.TotalN = N;
    a.Pixels = Input.Pointers.data();
    a.Offset = Offset;
    a.lda = KernelSize;
    a.B = Packed.Data();
    a.C = C.Data();
    a.ldc = ldc;
    a.Bias = Random.Next() % 4 != 0 ? Bias.Data() : nullptr;
    a.Bounds = SomeBounds(Random);

    MlasRvvHalfGemm(a);

    char Case[96];

    snprintf(Case, sizeof(Case), "conv pixels=%zu N=%zu C=%zu kernel=%zu", OutputCount, N, Channels, KernelSize);

    for (size_t n = 0; n < C.Count(); n++) {

        const size_t Column = n % ldc;

        if (Column >= N) {
            Expect(Case, n, C[n], Untouched);
            continue;
        }

        double Sum = a.Bias != nullptr ? ToDouble(Bias[Column]) : 0.0;

        for (size_t k = 0; k < K; k++) {
            const uint16_t* const Pixel = Input.Pointers[n / ldc * KernelSize + k / Channels];
            Sum += ToDouble(Pixel[Offset + k % Channels]) * ToDouble(B[k * N + Column]);
        }

        Expect(Case, n, C[n], ToHalf(Clamped(Sum, a.Bounds)));
    }
}

void
TestDepthwise(
    size_t Channels,
    size_t OutputCount,
    size_t KernelSize,
    RANDOM& Random
    )
{
    const PIXELS Input(Channels, OutputCount * KernelSize, false, Random);
    BUFFER Filter(Channels * KernelSize, SomeSide(Random));
    BUFFER Bias(Channels, SomeSide(Random));
    BUFFER Output(Channels * OutputCount, SomeSide(Random));
    const bool HasBias = Random.Next() % 4 != 0;
    const MLAS_RVV_HALF_BOUNDS Bounds = SomeBounds(Random);

    FillWithIntegers(Filter, Random);
    FillWithIntegers(Bias, Random);

    MlasRvvHalfConvDepthwise(Input.Pointers.data(), Filter.Data(), HasBias ? Bias.Data() : nullptr, Output.Data(),
        Channels, OutputCount, KernelSize, Bounds);

    char Case[96];

    snprintf(Case, sizeof(Case), "depthwise C=%zu pixels=%zu kernel=%zu", Channels, OutputCount, KernelSize);

    for (size_t n = 0; n < Output.Count(); n++) {

        const size_t c = n % Channels;
        double Sum = HasBias ? ToDouble(Bias[c]) : 0.0;

        for (size_t k = 0; k < KernelSize; k++) {
            const uint16_t* const Pixel = Input.Pointers[n / Channels * KernelSize + k];
            Sum += ToDouble(Pixel[c]) * ToDouble(Filter[k * Channels + c]);
        }

        Expect(Case, n, Output[n], ToHalf(Clamped(Sum, Bounds)));
    }
}

void
TestPools(
    size_t Channels,
    size_t OutputCount,
    size_t KernelSize,
    RANDOM& Random
    )
{
    const PIXELS Input(Channels, OutputCount * KernelSize, KernelSize > 2, Random);
    BUFFER Maximum(Channels * OutputCount, SomeSide(Random));
    BUFFER Average(Channels * OutputCount, SomeSide(Random));

    MlasRvvHalfMaximumPool(Input.Pointers.data(), Maximum.Data(), Channels, OutputCount, KernelSize);
    MlasRvvHalfAveragePool(Input.Pointers.data(), Average.Data(), Channels, OutputCount, KernelSize);

    for (size_t n = 0; n < Maximum.Count(); n++) {

        double Largest = -65504.0;
        float Sum = 0.0f;
        size_t Count = 0;

        for (size_t k = 0; k < KernelSize; k++) {
            const uint16_t* const Pixel = Input.Pointers[n / Channels * KernelSize + k];

            if (Pixel != nullptr) {
                Largest = std::max(Largest, ToDouble(Pixel[n % Channels]));
                Sum += float(ToDouble(Pixel[n % Channels]));
                Count++;
            }
        }

        Expect("maximum pool", n, Maximum[n], ToHalf(Largest));
        Expect("average pool", n, Average[n], ToHalf(double(Sum / float(Count))));
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

    RANDOM Random(20261130);

    for (size_t n = 0; n < 240; n++) {
        const LAYOUT Layout = LAYOUT(n % 3);
        TestGemm(Layout, Random.Between(1, 31), Random.Between(1, 150), Random.Between(1, 60), Random);
    }

    TestGemm(LAYOUT::Packed, 13, 600, 9, Random);
    TestGemm(LAYOUT::Packed, 7, 90, 192, Random);
    TestGemm(LAYOUT::Packed, 14, 70, 193, Random);
    TestGemm(LAYOUT::Rows, 5, 20, 1000, Random);
    TestGemm(LAYOUT::Columns, 2, 9, 1000, Random);

    for (size_t n = 0; n < 120; n++) {
        TestConv(Random.Between(1, 31), Random.Between(1, 80), Random.Between(1, 30), Random.Between(1, 9), Random);
    }

    TestConv(13, 40, 64, 9, Random);   // several turns of whole pieces
    TestConv(7, 9, 24, 10, Random);    // turns of unequal length
    TestConv(14, 70, 200, 3, Random);  // pieces in parts
    TestConv(1, 1, 385, 2, Random);

    for (const size_t KernelSize : {1, 3, 9, 25, 49}) {
        for (size_t n = 0; n < 12; n++) {
            TestDepthwise(Random.Between(1, 300), Random.Between(1, 9), KernelSize, Random);
            TestPools(Random.Between(1, 300), Random.Between(1, 9), KernelSize, Random);
        }
    }

    printf("ok\n");

    return 0;
}
