/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    half_binary.cpp

Abstract:

    Half precision arithmetic on two tensors, or on one and a scalar on either side, eight registers at a time.

--*/

#include "half.h"
#include "half_vector.h"

MLAS_RVV_HALF_BEGIN

namespace
{

using Vector = vfloat16m8_t;

//
// An operation on two vectors, or on one and a scalar on either side.
//

#define MLAS_RVV_HALF_OPERATION(Name, Forward, Reversed)                                                        \
    struct Name {                                                                                               \
        static MLAS_RVV_HALF_INLINE Vector Of(Vector a, Vector b, size_t vl) { return __riscv_##Forward(a, b, vl); }    \
        static MLAS_RVV_HALF_INLINE Vector Of(Vector a, _Float16 b, size_t vl) { return __riscv_##Forward(a, b, vl); }  \
        static MLAS_RVV_HALF_INLINE Vector Of(_Float16 a, Vector b, size_t vl) { return __riscv_##Reversed(b, a, vl); } \
    }

MLAS_RVV_HALF_OPERATION(ADD, vfadd, vfadd);
MLAS_RVV_HALF_OPERATION(SUBTRACT, vfsub, vfrsub);
MLAS_RVV_HALF_OPERATION(MULTIPLY, vfmul, vfmul);
MLAS_RVV_HALF_OPERATION(DIVIDE, vfdiv, vfrdiv);

#undef MLAS_RVV_HALF_OPERATION

MLAS_RVV_HALF_INLINE
Vector
Load(const uint16_t* Source, size_t vl)
{
    return __riscv_vle16_v_f16m8(MlasRvvHalfNumbers(Source), vl);
}

template<typename Operation>
void
Binary(
    const uint16_t* A,
    bool IsScalarA,
    const uint16_t* B,
    bool IsScalarB,
    uint16_t* Output,
    size_t N
    )
{
    for (size_t n = 0, vl; n < N; n += vl) {

        vl = __riscv_vsetvl_e16m8(N - n);

        Vector Value;

        if (IsScalarA && !IsScalarB) {
            Value = Operation::Of(MlasRvvHalfScalar(A), Load(B + n, vl), vl);
        } else {
            const Vector a = IsScalarA ? __riscv_vfmv_v_f_f16m8(MlasRvvHalfScalar(A), vl) : Load(A + n, vl);

            Value = IsScalarB ? Operation::Of(a, MlasRvvHalfScalar(B), vl) : Operation::Of(a, Load(B + n, vl), vl);
        }

        __riscv_vse16(MlasRvvHalfNumbers(Output + n), Value, vl);
    }
}

}  // namespace

#define MLAS_RVV_HALF_BINARY(Name, Operation)                                                                   \
    void                                                                                                        \
    Name(const uint16_t* A, bool IsScalarA, const uint16_t* B, bool IsScalarB, uint16_t* Output, size_t N)      \
    {                                                                                                           \
        Binary<Operation>(A, IsScalarA, B, IsScalarB, Output, N);                                               \
    }

MLAS_RVV_HALF_BINARY(MlasRvvHalfAdd, ADD)
MLAS_RVV_HALF_BINARY(MlasRvvHalfSubtract, SUBTRACT)
MLAS_RVV_HALF_BINARY(MlasRvvHalfMultiply, MULTIPLY)
MLAS_RVV_HALF_BINARY(MlasRvvHalfDivide, DIVIDE)

MLAS_RVV_HALF_END
