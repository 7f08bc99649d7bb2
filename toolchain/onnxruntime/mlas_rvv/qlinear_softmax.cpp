/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    qlinear_softmax.cpp

Abstract:

    The softmax of 8-bit rows, bit for bit as ONNX Runtime computes it.

    The exponentials come from a table of floats, and their sum is rounded after each of them: it is added up in the
    order of the row.

--*/

#include "qlinear_softmax.h"

#include "quotient.h"

#include <limits>

MLAS_RVV_BEGIN

namespace
{

MLAS_FORCEINLINE vuint8m1_t LoadBits(const uint8_t* Input, size_t vl) { return __riscv_vle8_v_u8m1(Input, vl); }

MLAS_FORCEINLINE vuint8m1_t LoadBits(const int8_t* Input, size_t vl)
{
    return __riscv_vreinterpret_v_i8m1_u8m1(__riscv_vle8_v_i8m1(Input, vl));
}

MLAS_FORCEINLINE
uint8_t
Maximum(const uint8_t* Input, size_t N)
{
    vuint8m1_t Largest = __riscv_vmv_s_x_u8m1(0, 1);

    for (size_t vl; N > 0; N -= vl, Input += vl) {
        vl = __riscv_vsetvl_e8m8(N);
        Largest = __riscv_vredmaxu_vs_u8m8_u8m1(__riscv_vle8_v_u8m8(Input, vl), Largest, vl);
    }

    return __riscv_vmv_x_s_u8m1_u8(Largest);
}

MLAS_FORCEINLINE
int8_t
Maximum(const int8_t* Input, size_t N)
{
    vint8m1_t Largest = __riscv_vmv_s_x_i8m1(std::numeric_limits<int8_t>::lowest(), 1);

    for (size_t vl; N > 0; N -= vl, Input += vl) {
        vl = __riscv_vsetvl_e8m8(N);
        Largest = __riscv_vredmax_vs_i8m8_i8m1(__riscv_vle8_v_i8m8(Input, vl), Largest, vl);
    }

    return __riscv_vmv_x_s_i8m1_i8(Largest);
}

//
// The exponentials of elements that Shift makes indices of the table.
//

template<typename T>
MLAS_FORCEINLINE
vfloat32m4_t
Exponentials(const T* Input, uint8_t Shift, const float* Table, size_t vl)
{
    const vuint8m1_t Index = __riscv_vadd(LoadBits(Input, vl), Shift, vl);

    return __riscv_vluxei16_v_f32m4(Table, __riscv_vwmulu(Index, uint8_t(sizeof(float)), vl), vl);
}

MLAS_FORCEINLINE
void
Store(uint8_t* Output, vfloat32m4_t Value, uint8_t ZeroPoint, size_t vl)
{
    const vuint32m4_t Rounded = __riscv_vadd(__riscv_vfcvt_xu(Value, vl), ZeroPoint, vl);
    const vuint16m2_t Clamped = __riscv_vncvt_x(__riscv_vminu(Rounded, std::numeric_limits<uint8_t>::max(), vl), vl);

    __riscv_vse8(Output, __riscv_vncvt_x(Clamped, vl), vl);
}

MLAS_FORCEINLINE
void
Store(int8_t* Output, vfloat32m4_t Value, int8_t ZeroPoint, size_t vl)
{
    const vint32m4_t Rounded = __riscv_vadd(__riscv_vfcvt_x(Value, vl), ZeroPoint, vl);
    const vint16m2_t Clamped = __riscv_vncvt_x(__riscv_vmin(Rounded, std::numeric_limits<int8_t>::max(), vl), vl);

    __riscv_vse8(Output, __riscv_vncvt_x(Clamped, vl), vl);
}

}  // namespace

template<typename T>
void
MLASCALL
MlasRvvQLinearSoftmax(
    const T* Input,
    T* Output,
    size_t M,
    size_t N,
    const float* Table,
    float Scale,
    T ZeroPoint
    )
{
    for (; M > 0; M--, Input += N, Output += N) {

        const uint8_t Shift = static_cast<uint8_t>(std::numeric_limits<T>::max() - Maximum(Input, N));

        vfloat32m1_t Sum = __riscv_vfmv_s_f_f32m1(0.0f, 1);

        for (size_t n = 0, vl; n < N; n += vl) {
            vl = __riscv_vsetvl_e32m4(N - n);
            Sum = __riscv_vfredosum(Exponentials(Input + n, Shift, Table, vl), Sum, vl);
        }

        const MLAS_RVV_DIVISOR Divisor(__riscv_vfmv_f_s_f32m1_f32(Sum));

        for (size_t n = 0, vl; n < N; n += vl) {

            vl = __riscv_vsetvl_e32m4(N - n);

            const vfloat32m4_t Scaled = __riscv_vfmul(Exponentials(Input + n, Shift, Table, vl), Scale, vl);

            Store(Output + n, MlasRvvRoundableQuotient(Scaled, Divisor, 0.0f, vl), ZeroPoint, vl);
        }
    }
}

template void MLASCALL MlasRvvQLinearSoftmax<uint8_t>(
    const uint8_t* Input, uint8_t* Output, size_t M, size_t N, const float* Table, float Scale, uint8_t ZeroPoint);

template void MLASCALL MlasRvvQLinearSoftmax<int8_t>(
    const int8_t* Input, int8_t* Output, size_t M, size_t N, const float* Table, float Scale, int8_t ZeroPoint);

MLAS_RVV_END
