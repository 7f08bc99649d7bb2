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

struct ADD {
    static Vector Of(Vector a, Vector b, size_t vl) { return __riscv_vfadd(a, b, vl); }
    static Vector Of(Vector a, float b, size_t vl) { return __riscv_vfadd(a, b, vl); }
    static Vector Of(float a, Vector b, size_t vl) { return __riscv_vfadd(b, a, vl); }
};

struct SUBTRACT {
    static Vector Of(Vector a, Vector b, size_t vl) { return __riscv_vfsub(a, b, vl); }
    static Vector Of(Vector a, float b, size_t vl) { return __riscv_vfsub(a, b, vl); }
    static Vector Of(float a, Vector b, size_t vl) { return __riscv_vfrsub(b, a, vl); }
};

struct MULTIPLY {
    static Vector Of(Vector a, Vector b, size_t vl) { return __riscv_vfmul(a, b, vl); }
    static Vector Of(Vector a, float b, size_t vl) { return __riscv_vfmul(a, b, vl); }
    static Vector Of(float a, Vector b, size_t vl) { return __riscv_vfmul(b, a, vl); }
};

struct DIVIDE {
    static Vector Of(Vector a, Vector b, size_t vl) { return __riscv_vfdiv(a, b, vl); }
    static Vector Of(Vector a, float b, size_t vl) { return __riscv_vfdiv(a, b, vl); }
    static Vector Of(float a, Vector b, size_t vl) { return __riscv_vfrdiv(b, a, vl); }
};

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
