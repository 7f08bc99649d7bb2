/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    quantized_qgemm.cpp

Abstract:

    Quantized integer matrix multiplication against the portable code.

--*/

#include "quantized_support.h"

#include "qgemm.h"

namespace
{

struct SHAPE {
    size_t M;
    size_t N;
    size_t K;
    bool AIsSigned;
    bool BIsSigned;
    bool PerColumn;
    bool Accumulate;
    bool Scaled;
    bool Packed;
};

void
Check(const SHAPE& Shape, RANDOM& Random)
{
    char Name[128];
    snprintf(Name, sizeof(Name), "%zux%zux%zu, A signed %d, B signed %d, zero points per column %d, accumulate %d",
        Shape.M, Shape.N, Shape.K, Shape.AIsSigned, Shape.BIsSigned, Shape.PerColumn, Shape.Accumulate);

    const size_t lda = Shape.K + static_cast<size_t>(Random.Between(0, 3));
    const size_t ldb = Shape.N + static_cast<size_t>(Random.Between(0, 3));
    const size_t ldc = Shape.N + static_cast<size_t>(Random.Between(0, 3));
    GUARDED<uint8_t> A((Shape.M - 1) * lda + Shape.K);
    GUARDED<uint8_t> B((Shape.K - 1) * ldb + Shape.N);
    GUARDED<uint8_t> ZeroPointB(Shape.PerColumn ? Shape.N : 1);
    GUARDED<int32_t> Start((Shape.M - 1) * ldc + Shape.N);
    GUARDED<int32_t> Wanted(Start.size());
    GUARDED<int32_t> Got(Start.size());
    GUARDED<float> WantedScaled(Start.size());
    GUARDED<float> GotScaled(Start.size());
    GUARDED<float> Scale(1);
    GUARDED<float> Bias(Shape.N);

    Fill(A, Random, static_cast<int>(Random.Between(0, 4)));
    Fill(B, Random, static_cast<int>(Random.Between(0, 4)));
    Fill(ZeroPointB, Random, static_cast<int>(Random.Between(0, 4)));
    Fill(Start, Random, 0);
    Scale[0] = 1e-3f;
    for (size_t n = 0; n < Shape.N; n++) {
        Bias[n] = Random.Scale(-10.0f, 10.0f);
    }

    MLAS_GEMM_QUANT_SHAPE_PARAMS Params;
    Params.M = Shape.M;
    Params.N = Shape.N;
    Params.K = Shape.K;
    Params.AIsSigned = Shape.AIsSigned;
    Params.BIsSigned = Shape.BIsSigned;
    Params.IsAccumulateMode = Shape.Accumulate;

    MLAS_GEMM_QUANT_DATA_PARAMS Data;
    Data.A = A.data();
    Data.lda = lda;
    Data.ZeroPointA = static_cast<uint8_t>(Random.Between(0, 255));
    Data.ldb = ldb;
    Data.ZeroPointB = ZeroPointB.data();
    Data.PerColumnZeroPoints = Shape.PerColumn;
    Data.ldc = ldc;

    const auto Multiply = [&](GUARDED<int32_t>& C, GUARDED<float>& Output) {
        std::copy_n(Start.data(), Start.size(), C.data());
        Data.B = B.data();
        Data.BIsPacked = false;
        const size_t PackedSize = MlasGemmPackBSize(Shape.N, Shape.K, Shape.AIsSigned, Shape.BIsSigned);
        GUARDED<uint8_t> PackedB(PackedSize);
        if (Shape.Packed && PackedSize != 0) {
            MlasGemmPackB(Shape.N, Shape.K, B.data(), ldb, Shape.AIsSigned, Shape.BIsSigned, PackedB.data());
            Data.B = PackedB.data();
            Data.BIsPacked = true;
        }
        std::fill_n(Output.data(), Output.size(), 0.0f);
        MLAS_QGEMM_SCALE_BIAS_OUTPUT_PROCESSOR Processor(Output.data(), ldc, Scale.data(), Bias.data());
        Data.C = C.data();
        Data.OutputProcessor = Shape.Scaled ? &Processor : nullptr;
        MlasGemmBatch(Params, &Data, 1, nullptr);
    };

    MLAS_PLATFORM& Platform = GetMlasPlatform();
    const auto* Dispatch = Platform.GemmQuantDispatch;

    Multiply(Got, GotScaled);
    Platform.GemmQuantDispatch = &MlasGemmQuantDispatchDefault;
    Multiply(Wanted, WantedScaled);
    Platform.GemmQuantDispatch = Dispatch;

    for (size_t n = 0; n < Wanted.size(); n++) {
        if (Wanted[n] != Got[n]) {
            Fail(Name, n, Wanted[n], Got[n]);
        }
        if (memcmp(&WantedScaled[n], &GotScaled[n], sizeof(float)) != 0) {
            Fail(Name, n, WantedScaled[n], GotScaled[n]);
        }
    }
}

}  // namespace

int
main()
{
    RANDOM Random(22);
    size_t Count = 0;

    const auto CheckSize = [&](size_t M, size_t N, size_t K) {
        for (int Signs = 0; Signs < 4; Signs++) {
            Check({M, N, K, (Signs & 1) != 0, (Signs & 2) != 0, Random.Between(0, 1) != 0, Random.Between(0, 1) != 0,
                   Random.Between(0, 1) != 0, Random.Between(0, 1) != 0}, Random);
            Count++;
        }
    };

    for (size_t M = 1; M <= 13; M++) {
        CheckSize(M, static_cast<size_t>(Random.Between(1, 140)), static_cast<size_t>(Random.Between(1, 300)));
    }
    for (size_t N = 1; N <= 1000; N += N < 140 ? 1 : 123) {
        CheckSize(static_cast<size_t>(Random.Between(1, 7)), N, static_cast<size_t>(Random.Between(1, 20)));
        CheckSize(1, static_cast<size_t>(Random.Between(1, 40)), N);
    }

    // More rows than a cache holds, some of the last ones left over.
    for (size_t n = 0; n < 4; n++) {
        CheckSize(static_cast<size_t>(Random.Between(61, 80)), 20, 2000);
    }

    printf("%zu multiplications\n", Count);
    return 0;
}
