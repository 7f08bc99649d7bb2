/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_gemm.cpp

Abstract:

    Tests the matrix multiplication kernels, called as sgemm.cpp calls them.

--*/

#include "float_support.h"
#include "float_variant.h"

#include <algorithm>

namespace
{

constexpr size_t PanelColumns = 16;

void
Check(
    size_t M,
    size_t N,
    size_t K,
    float alpha,
    bool ZeroMode,
    AGAINST Against,
    RANDOM& Random
    )
{
    const size_t lda = K + Random.Between(0, 3);
    const size_t ldc = N + Random.Between(0, 3);
    const size_t Panels = (N + PanelColumns - 1) / PanelColumns;

    GUARDED A((M - 1) * lda + K, Against);
    GUARDED B(Panels * PanelColumns * K, Against);
    GUARDED C((M - 1) * ldc + N, Against);
    GUARDED Before(C.Count(), Against);

    Random.Fill(A);
    Random.Fill(B);
    Random.Fill(Before);
    std::copy_n(Before.Data(), Before.Count(), C.Data());

    const auto Kernel = TestedGemmKernel(ZeroMode);

    for (size_t m = 0; m < M;) {
        m += Kernel(A.Data() + m * lda, B.Data(), C.Data() + m * ldc, K, M - m, N, lda, ldc, alpha);
    }

    for (size_t n = 0; n < C.Count(); n++) {

        const size_t Row = n / ldc;
        const size_t Column = n % ldc;
        EXACT Exact;

        if (Column >= N) {
            Exact.Sum = double(Before[n]);
        } else {

            const size_t First = Column / PanelColumns * PanelColumns * K + Column % PanelColumns;

            for (size_t k = 0; k < K; k++) {
                Exact.Add(double(alpha) * double(A[Row * lda + k]) * double(B[First + k * PanelColumns]));
            }

            Exact.Terms += 1;
            Exact.Add(ZeroMode ? 0.0 : double(Before[n]));
        }

        if (!Exact.Matches(C[n])) {
            char Text[128];
            snprintf(Text, sizeof(Text), "%zux%zux%zu, alpha %g, zero mode %d", M, N, K, double(alpha), ZeroMode);
            Fail(Text, n, double(C[n]), Exact.Sum);
        }
    }
}

}  // namespace

int
main()
{
    RANDOM Random(2);
    size_t Cases = 0;

    if (!TestedKernelsCanRun()) {
        printf("no vector registers\n");
        return 2;
    }

    for (; Cases < 600; Cases++) {

        const size_t K = Cases % 4 == 0 ? Random.Between(1, 300) : Random.Between(1, 40);
        const float alpha = Random.Between(0, 1) == 0 ? 1.0f : Random.Uniform();

        Check(Random.Between(1, 24), Random.Between(1, 100), K, alpha, Random.Between(0, 1) == 0,
            Random.Between(0, 1) == 0 ? AGAINST::End : AGAINST::Start, Random);
    }

    printf("%zu cases at vlen=%zu\n", Cases, TestedVectorBits());
    return 0;
}
