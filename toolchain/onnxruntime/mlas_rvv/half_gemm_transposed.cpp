/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    half_gemm_transposed.cpp

Abstract:

    Half precision matrix multiplication with a transposed B: dot products, which are added in single precision.

--*/

#include "half.h"
#include "half_vector.h"

#include <algorithm>

MLAS_RVV_HALF_BEGIN

namespace
{

//
// Dot products of one row of A with Rows rows of transposed B.
//

template<size_t Rows>
struct DOT {
    using Vector = vfloat32m4_t;

    static constexpr size_t RegisterGroups = Rows;

    const uint16_t* A;
    const uint16_t* B;
    size_t ldb;
    size_t CountK;
    uint16_t* C;
    const uint16_t* Bias;
    const MLAS_RVV_HALF_BOUNDS& Bounds;

    template<typename... Vectors>
    MLAS_RVV_HALF_INLINE
    void
    Run(
        Vectors&... Sums
        ) const
    {
        const size_t Longest = __riscv_vsetvlmax_e32m4();
        const uint16_t* Factors = A;
        const uint16_t* Row = B;

        ((Sums = __riscv_vfmv_v_f_f32m4(0.0f, Longest)), ...);

        for (size_t k = CountK, vl; k > 0; k -= vl, Factors += vl, Row += vl) {

            vl = __riscv_vsetvl_e16m2(k);

            const vfloat16m2_t Factor = __riscv_vle16_v_f16m2(MlasRvvHalfNumbers(Factors), vl);
            const uint16_t* Other = Row;

            ((Sums = __riscv_vfwmacc_tu(Sums, Factor, __riscv_vle16_v_f16m2(MlasRvvHalfNumbers(Other), vl), vl),
              Other += ldb),
             ...);
        }

        size_t n = 0;

        (Store(n++, Sums, Longest), ...);
    }

    MLAS_RVV_HALF_INLINE
    void
    Store(
        size_t n,
        const Vector& Sum,
        size_t Longest
        ) const
    {
        const float Start = Bias != nullptr ? static_cast<float>(MlasRvvHalfScalar(Bias + n)) : 0.0f;
        const vfloat32m1_t Total =
            __riscv_vfredusum_vs_f32m4_f32m1(Sum, __riscv_vfmv_s_f_f32m1(Start, 1), Longest);
        float Value = __riscv_vfmv_f_s_f32m1_f32(Total);

        if (Bounds.Bounded) {
            Value = std::min(std::max(Value, Bounds.Minimum), Bounds.Maximum);
        }

        reinterpret_cast<MLAS_RVV_HALF_NUMBER*>(C)[n] = static_cast<_Float16>(Value);
    }
};

}  // namespace

void
MlasRvvHalfGemmTransposed(
    const MLAS_RVV_HALF_GEMM& Arguments
    )
{
    constexpr size_t Rows = 4;
    const MLAS_RVV_HALF_GEMM& a = Arguments;

    for (size_t m = 0; m < a.CountM; m++) {

        const uint16_t* const Row = a.A + m * a.lda;

        for (size_t n = 0, Count; n < a.CountN; n += Count) {

            const uint16_t* const B = a.B + (a.StartN + n) * a.ldb;
            uint16_t* const C = a.C + m * a.ldc + n;
            const uint16_t* const Bias = a.Bias != nullptr ? a.Bias + n : nullptr;

            if (a.CountN - n >= Rows) {
                Count = Rows;
                MlasRvvHalfWithRegisters(DOT<Rows>{Row, B, a.ldb, a.CountK, C, Bias, a.Bounds});
            } else {
                Count = 1;
                MlasRvvHalfWithRegisters(DOT<1>{Row, B, a.ldb, a.CountK, C, Bias, a.Bounds});
            }
        }
    }
}

MLAS_RVV_HALF_END
