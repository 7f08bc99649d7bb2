/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_binary.cpp

Abstract:

    Arithmetic, extrema and PRelu of two elements at a time, in eight registers.

--*/

#include "float.h"
#include "rvv.h"

#include <type_traits>

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

inline
Vector
Broadcast(float Value, size_t vl)
{
    return __riscv_vfmv_v_f_f32m8(Value, vl);
}

//
// What is not a number stays so, where the instruction would take the other element.
//

template<typename B>
inline
Vector
KeepNaN(Vector Result, Vector a, B b, size_t vl)
{
    Result = __riscv_vmerge(Result, a, __riscv_vmfne(a, a, vl), vl);

    if constexpr (std::is_same_v<B, float>) {
        return b != b ? Broadcast(b, vl) : Result;
    } else {
        return __riscv_vmerge(Result, b, __riscv_vmfne(b, b, vl), vl);
    }
}

struct MAXIMUM {
    template<typename B>
    static Vector Of(Vector a, B b, size_t vl) { return KeepNaN(__riscv_vfmax(a, b, vl), a, b, vl); }
    static Vector Of(float a, Vector b, size_t vl) { return Of(b, a, vl); }
};

struct MINIMUM {
    template<typename B>
    static Vector Of(Vector a, B b, size_t vl) { return KeepNaN(__riscv_vfmin(a, b, vl), a, b, vl); }
    static Vector Of(float a, Vector b, size_t vl) { return Of(b, a, vl); }
};

struct PRELU {
    template<typename B>
    static Vector Of(Vector a, B b, size_t vl) { return __riscv_vfmul_mu(__riscv_vmfle(a, 0.0f, vl), a, a, b, vl); }
    static Vector Of(float a, Vector b, size_t vl) { return Of(Broadcast(a, vl), b, vl); }
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
MLAS_RVV_BINARY(MlasRvvMaximumKernel, MAXIMUM)
MLAS_RVV_BINARY(MlasRvvMinimumKernel, MINIMUM)
MLAS_RVV_BINARY(MlasRvvPReluKernel, PRELU)

MLAS_RVV_END
