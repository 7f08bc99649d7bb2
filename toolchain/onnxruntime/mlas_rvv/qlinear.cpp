/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    qlinear.cpp

Abstract:

    Quantized operators that work element by element, and quantized pooling.

    Each makes the portable code's steps in the portable code's order, so that it rounds where that rounds.

--*/

#include "qlinear_softmax.h"
#include "quantized_resize.h"
#include "quotient.h"
#include "requantize.h"

MLAS_RVV_BEGIN

namespace
{

//
// Elements side by side, or Step apart.
//

template<typename T>
MLAS_FORCEINLINE
auto
Load(const T* Input, size_t Step, size_t vl)
{
    const ptrdiff_t Bytes = static_cast<ptrdiff_t>(Step);

    if constexpr (std::is_signed<T>::value) {
        return Step == 1 ? __riscv_vle8_v_i8m1(Input, vl) : __riscv_vlse8_v_i8m1(Input, Bytes, vl);
    } else {
        return Step == 1 ? __riscv_vle8_v_u8m1(Input, vl) : __riscv_vlse8_v_u8m1(Input, Bytes, vl);
    }
}

template<typename T>
MLAS_FORCEINLINE
vint16m2_t
LoadWide(const T* Input, T ZeroPoint, size_t vl, size_t Step = 1)
{
    if constexpr (std::is_signed<T>::value) {
        return __riscv_vwsub_vx_i16m2(Load(Input, Step, vl), ZeroPoint, vl);
    } else {
        return __riscv_vreinterpret_v_u16m2_i16m2(__riscv_vwsubu_vx_u16m2(Load(Input, Step, vl), ZeroPoint, vl));
    }
}

template<typename T>
MLAS_FORCEINLINE
vfloat32m4_t
LoadDequantized(const T* Input, float Scale, T ZeroPoint, size_t vl, size_t Step = 1)
{
    const vfloat32m4_t Values = __riscv_vfwcvt_f_x_v_f32m4(LoadWide(Input, ZeroPoint, vl, Step), vl);

    return __riscv_vfmul_vf_f32m4(Values, Scale, vl);
}

//
// The zero point is added before the value is rounded. A value that the portable code would clamp first is still beyond
// what the narrowing saturates at.
//

template<typename T>
MLAS_FORCEINLINE
void
StoreScaled(T* Output, vfloat32m4_t Value, const MLAS_RVV_DIVISOR& Scale, int32_t ZeroPoint, size_t vl)
{
    Value = MlasRvvRoundableQuotient(Value, Scale, static_cast<float>(ZeroPoint), vl);

    if constexpr (std::is_signed<T>::value) {
        const vint16m2_t Rounded = __riscv_vfncvt_x_f_w_i16m2(Value, vl);
        __riscv_vse8_v_i8m1(Output, __riscv_vnclip_wx_i8m1(Rounded, 0, __RISCV_VXRM_RDN, vl), vl);
    } else {
        const vuint16m2_t Rounded = __riscv_vfncvt_xu_f_w_u16m2(Value, vl);
        __riscv_vse8_v_u8m1(Output, __riscv_vnclipu_wx_u8m1(Rounded, 0, __RISCV_VXRM_RDN, vl), vl);
    }
}

//
// What is done with two values.
//

struct SUM {
    template<typename B>
    static vfloat32m4_t Of(vfloat32m4_t A, B ValueB, size_t vl) { return __riscv_vfadd(A, ValueB, vl); }
};

struct PRODUCT {
    template<typename B>
    static vfloat32m4_t Of(vfloat32m4_t A, B ValueB, size_t vl) { return __riscv_vfmul(A, ValueB, vl); }
};

template<typename OPERATION, typename T>
void
MLASCALL
QLinearBinary(
    const T* InputA,
    float ScaleA,
    int32_t ZeroPointA,
    const T* InputB,
    float ScaleB,
    int32_t ZeroPointB,
    float ScaleC,
    int32_t ZeroPointC,
    T* OutputC,
    size_t N,
    bool IsScalarB
    )
{
    const float ValueB = ScaleB * static_cast<float>(int32_t(*InputB) - ZeroPointB);
    const MLAS_RVV_DIVISOR Divisor(ScaleC);

    for (size_t n = 0, vl; n < N; n += vl) {

        vl = __riscv_vsetvl_e32m4(N - n);

        vfloat32m4_t Value = LoadDequantized(InputA + n, ScaleA, static_cast<T>(ZeroPointA), vl);

        if (IsScalarB) {
            Value = OPERATION::Of(Value, ValueB, vl);
        } else {
            Value = OPERATION::Of(Value, LoadDequantized(InputB + n, ScaleB, static_cast<T>(ZeroPointB), vl), vl);
        }

        StoreScaled(OutputC + n, Value, Divisor, ZeroPointC, vl);
    }
}

template<typename T>
void
MLASCALL
QuantizeLinear(
    const float* Input,
    T* Output,
    size_t N,
    float Scale,
    T ZeroPoint
    )
{
    const MLAS_RVV_DIVISOR Divisor(Scale);

    for (size_t n = 0, vl; n < N; n += vl) {

        vl = __riscv_vsetvl_e32m4(N - n);

        const auto Value = MlasRvvRoundableQuotient(__riscv_vle32_v_f32m4(Input + n, vl), Divisor, 0.0f, vl);

        MlasRvvStoreQuantized(Output + n, Value, ZeroPoint, vl);
    }
}

template<typename T>
void
MLASCALL
DequantizeLinear(
    const T* Input,
    float* Output,
    size_t N,
    float Scale,
    T ZeroPoint
    )
{
    for (size_t n = 0, vl; n < N; n += vl) {

        vl = __riscv_vsetvl_e32m4(N - n);

        __riscv_vse32_v_f32m4(Output + n, LoadDequantized(Input + n, Scale, ZeroPoint, vl), vl);
    }
}

template<typename T>
void
MLASCALL
RequantizeOutput(
    const int32_t* Input,
    size_t InputLeadingDimension,
    T* Output,
    size_t OutputLeadingDimension,
    const int32_t* Bias,
    const float* Scale,
    bool PerColumnScale,
    T ZeroPoint,
    size_t StartM,
    size_t StartN,
    size_t CountM,
    size_t CountN
    )
{
    MlasRvvRequantizeRows(
        Input + StartM * InputLeadingDimension + StartN,
        InputLeadingDimension,
        Output + StartM * OutputLeadingDimension + StartN,
        OutputLeadingDimension,
        CountM,
        CountN,
        Bias != nullptr ? Bias + StartN : nullptr,
        0,
        Scale + (PerColumnScale ? StartN : 0),
        PerColumnScale,
        ZeroPoint);
}

template<typename T>
void
MLASCALL
QLinearGlobalAveragePoolNhwc(
    const T* Input,
    T* Output,
    size_t Batch,
    size_t ImageSize,
    size_t Stride,
    size_t Channels,
    float Scale,
    int32_t Bias,
    int32_t ZeroPointOutput
    )
{
    for (; Batch > 0; Batch--) {

        for (size_t c = 0, vl; c < Channels; c += vl) {

            vl = __riscv_vsetvl_e32m4(Channels - c);

            vint32m4_t Sum = __riscv_vmv_v_x_i32m4(Bias, vl);

            for (size_t i = 0; i < ImageSize; i++) {
                Sum = __riscv_vwadd_wv_i32m4(Sum, LoadWide(Input + i * Stride + c, T(0), vl), vl);
            }

            const vfloat32m4_t Mean = __riscv_vfmul_vf_f32m4(__riscv_vfcvt_f_x_v_f32m4(Sum, vl), Scale, vl);

            MlasRvvStoreQuantized(Output + c, Mean, ZeroPointOutput, vl);
        }

        Input += Stride * ImageSize;
        Output += Stride;
    }
}

//
// The sum of a window, element by element as ONNX Runtime adds it up.
//

template<typename T>
void
MLASCALL
QLinearAverage(
    const MLAS_QLINEAR_WINDOW* Window,
    const T* Input,
    float Divisor,
    T* Output,
    size_t N
    )
{
    const size_t Step = Window->Step;
    const float Scale = Window->ScaleInput;
    const T ZeroPoint = static_cast<T>(Window->ZeroPointInput);
    const MLAS_RVV_DIVISOR ScaleOutput(Window->ScaleOutput);

    for (size_t n = 0, vl; n < N; n += vl) {

        vl = __riscv_vsetvl_e32m4(N - n);

        vfloat32m4_t Sum = __riscv_vfmv_v_f_f32m4(0.0f, vl);

        for (size_t a = 0; a < Window->Count[0]; a++) {
            for (size_t b = 0; b < Window->Count[1]; b++) {

                const T* Element = Input + n * Step + a * Window->Stride[0] + b * Window->Stride[1];

                for (size_t c = 0; c < Window->Count[2]; c++, Element += Window->Stride[2]) {
                    Sum = __riscv_vfadd(Sum, LoadDequantized(Element, Scale, ZeroPoint, vl, Step), vl);
                }
            }
        }

        StoreScaled(Output + n, __riscv_vfdiv(Sum, Divisor, vl), ScaleOutput, Window->ZeroPointOutput, vl);
    }
}

//
// The largest of KernelSize pixels, channel by channel.
//

template<typename T>
void
MLASCALL
MaximumPool(
    const T* const* Input,
    T* Output,
    size_t Channels,
    size_t OutputCount,
    size_t KernelSize
    )
{
    for (; OutputCount > 0; OutputCount--) {

        for (size_t c = 0, vl; c < Channels; c += vl) {

            vl = __riscv_vsetvl_e8m4(Channels - c);

            if constexpr (std::is_signed<T>::value) {

                vint8m4_t Maximum = __riscv_vle8_v_i8m4(Input[0] + c, vl);

                for (size_t k = 1; k < KernelSize; k++) {
                    Maximum = __riscv_vmax_vv_i8m4(Maximum, __riscv_vle8_v_i8m4(Input[k] + c, vl), vl);
                }

                __riscv_vse8_v_i8m4(Output + c, Maximum, vl);

            } else {

                vuint8m4_t Maximum = __riscv_vle8_v_u8m4(Input[0] + c, vl);

                for (size_t k = 1; k < KernelSize; k++) {
                    Maximum = __riscv_vmaxu_vv_u8m4(Maximum, __riscv_vle8_v_u8m4(Input[k] + c, vl), vl);
                }

                __riscv_vse8_v_u8m4(Output + c, Maximum, vl);
            }
        }

        Input += KernelSize;
        Output += Channels;
    }
}

}  // namespace

MLAS_RVV_END

const MLAS_QUANTIZED_DISPATCH<uint8_t> MlasQuantizedU8DispatchRvv = {
    QuantizeLinear<uint8_t>,
    DequantizeLinear<uint8_t>,
    RequantizeOutput<uint8_t>,
    QLinearBinary<SUM, uint8_t>,
    QLinearBinary<PRODUCT, uint8_t>,
    QLinearGlobalAveragePoolNhwc<uint8_t>,
    QLinearAverage<uint8_t>,
    MlasRvvQLinearSoftmax<uint8_t>,
    MlasRvvResizePlane<uint8_t>,
    MlasRvvResizePixels<uint8_t>,
    MaximumPool<uint8_t>,
};

const MLAS_QUANTIZED_DISPATCH<int8_t> MlasQuantizedS8DispatchRvv = {
    QuantizeLinear<int8_t>,
    DequantizeLinear<int8_t>,
    RequantizeOutput<int8_t>,
    QLinearBinary<SUM, int8_t>,
    QLinearBinary<PRODUCT, int8_t>,
    QLinearGlobalAveragePoolNhwc<int8_t>,
    QLinearAverage<int8_t>,
    MlasRvvQLinearSoftmax<int8_t>,
    MlasRvvResizePlane<int8_t>,
    MlasRvvResizePixels<int8_t>,
    MaximumPool<int8_t>,
};
