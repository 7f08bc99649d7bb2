/*++

Module Name:

    float_binary.cpp

Abstract:

    Addition, subtraction, multiplication and division, element by element, eight registers at a time.

--*/

#include "float.h"
#include "rvv.h"

MLAS_RVV_BEGIN

namespace
{

using Vector = vfloat32m8_t;

//
// An operation on two vectors, or on one and a scalar on either side.
//

#define MLAS_RVV_OPERATION(Name, Forward, Reversed)                                                             \
    struct Name {                                                                                               \
        static Vector Of(Vector a, Vector b, size_t vl) { return __riscv_##Forward(a, b, vl); }                 \
        static Vector Of(Vector a, float b, size_t vl) { return __riscv_##Forward(a, b, vl); }                  \
        static Vector Of(float a, Vector b, size_t vl) { return __riscv_##Reversed(b, a, vl); }                 \
    }

MLAS_RVV_OPERATION(ADD, vfadd, vfadd);
MLAS_RVV_OPERATION(SUBTRACT, vfsub, vfrsub);
MLAS_RVV_OPERATION(MULTIPLY, vfmul, vfmul);
MLAS_RVV_OPERATION(DIVIDE, vfdiv, vfrdiv);

#undef MLAS_RVV_OPERATION

template<typename OPERATION>
inline
void
Binary(
    const float* A,
    bool IsScalarA,
    const float* B,
    bool IsScalarB,
    float* Output,
    size_t N
    )
{
    for (size_t n = 0, vl; n < N; n += vl) {

        vl = __riscv_vsetvl_e32m8(N - n);

        Vector Value;

        if (IsScalarA && !IsScalarB) {
            Value = OPERATION::Of(*A, __riscv_vle32_v_f32m8(B + n, vl), vl);
        } else {
            const Vector a = IsScalarA ? __riscv_vfmv_v_f_f32m8(*A, vl) : __riscv_vle32_v_f32m8(A + n, vl);

            Value = IsScalarB ? OPERATION::Of(a, *B, vl) : OPERATION::Of(a, __riscv_vle32_v_f32m8(B + n, vl), vl);
        }

        __riscv_vse32(Output + n, Value, vl);
    }
}

}  // namespace

#define MLAS_RVV_BINARY(Name, OPERATION)                                                                        \
    void                                                                                                        \
    Name(const float* A, bool IsScalarA, const float* B, bool IsScalarB, float* Output, size_t N)               \
    {                                                                                                           \
        Binary<OPERATION>(A, IsScalarA, B, IsScalarB, Output, N);                                               \
    }

MLAS_RVV_BINARY(MlasRvvAddKernel, ADD)
MLAS_RVV_BINARY(MlasRvvSubtractKernel, SUBTRACT)
MLAS_RVV_BINARY(MlasRvvMultiplyKernel, MULTIPLY)
MLAS_RVV_BINARY(MlasRvvDivideKernel, DIVIDE)

MLAS_RVV_END
