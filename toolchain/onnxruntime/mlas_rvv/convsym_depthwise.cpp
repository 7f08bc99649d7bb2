/*++

Module Name:

    convsym_depthwise.cpp

Abstract:

    Symmetric quantized depthwise convolution: one weight for each channel and kernel element.

    The lanes are channels. Weights and activations are widened to 16 bits and multiplied into 32-bit sums, which is
    exact for any weights. The nine weights of a 3x3 kernel stay in registers while the outputs go by.

--*/

#include "requantize.h"

MLAS_RVV_BEGIN

namespace
{

//
// Activations as 16-bit numbers. Unsigned ones stay what they are: the bias makes up for the 128 that the caller has
// taken off their zero point.
//

MLAS_FORCEINLINE
vint16m2_t
LoadActivations(const uint8_t* Input, size_t vl)
{
    return __riscv_vreinterpret_v_u16m2_i16m2(__riscv_vzext_vf2_u16m2(__riscv_vle8_v_u8m1(Input, vl), vl));
}

MLAS_FORCEINLINE
vint16m2_t
LoadActivations(const int8_t* Input, size_t vl)
{
    return __riscv_vsext_vf2_i16m2(__riscv_vle8_v_i8m1(Input, vl), vl);
}

MLAS_FORCEINLINE
vint16m2_t
LoadWeights(const int8_t* Filter, size_t vl)
{
    return __riscv_vsext_vf2_i16m2(__riscv_vle8_v_i8m1(Filter, vl), vl);
}

template<typename InputType>
MLAS_FORCEINLINE
vint32m4_t
LoadBias(const int32_t* Bias, const int8_t* Filter, size_t KernelSize, size_t Channels, size_t vl)
{
    vint32m4_t BiasVector = __riscv_vle32_v_i32m4(Bias, vl);

    if (!std::is_signed<InputType>::value) {
        for (size_t k = 0; k < KernelSize; k++) {
            BiasVector = __riscv_vwmacc_vx_i32m4(BiasVector, -128, LoadWeights(Filter + k * Channels, vl), vl);
        }
    }

    return BiasVector;
}

template<typename InputType>
MLAS_FORCEINLINE
void
StoreOutput(InputType* Output, vint32m4_t Sum, const float* Scale, bool PerChannelScale, int32_t ZeroPoint, size_t vl)
{
    vfloat32m4_t Value = __riscv_vfcvt_f_x_v_f32m4(Sum, vl);

    if (PerChannelScale) {
        Value = __riscv_vfmul_vv_f32m4(Value, __riscv_vle32_v_f32m4(Scale, vl), vl);
    } else {
        Value = __riscv_vfmul_vf_f32m4(Value, *Scale, vl);
    }

    MlasRvvStoreQuantized(Output, Value, ZeroPoint, vl);
}

template<typename InputType>
void
DepthwiseKernel(
    const InputType* const* Input,
    const int8_t* Filter,
    InputType* Output,
    size_t KernelSize,
    size_t Channels,
    size_t ChannelOffset,
    size_t ChannelCount,
    size_t OutputCount,
    const MLAS_CONV_SYM_POST_PROCESS_PARAMS* PostProcessParams,
    bool PerChannelScale
    )
{
    const int32_t ZeroPoint = PostProcessParams->OutputZeroPoint;

    for (size_t c = 0, vl; c < ChannelCount; c += vl) {

        vl = __riscv_vsetvl_e16m2(ChannelCount - c);

        const int8_t* const f = Filter + c;
        const float* const Scale = PostProcessParams->Scale + (PerChannelScale ? c : 0);
        const vint32m4_t Bias = LoadBias<InputType>(PostProcessParams->Bias + c, f, KernelSize, Channels, vl);
        const InputType* const* Pointers = Input;
        InputType* o = Output + c;

        for (size_t n = 0; n < OutputCount; n++) {

            vint32m4_t Sum = Bias;

            for (size_t k = 0; k < KernelSize; k++) {
                Sum = __riscv_vwmacc_vv_i32m4(
                    Sum,
                    LoadWeights(f + k * Channels, vl),
                    LoadActivations(Pointers[k] + ChannelOffset + c, vl),
                    vl);
            }

            StoreOutput(o, Sum, Scale, PerChannelScale, ZeroPoint, vl);

            Pointers += KernelSize;
            o += Channels;
        }
    }
}

template<typename InputType>
void
DepthwiseKernel3x3(
    const InputType* const* Input,
    const int8_t* Filter,
    InputType* Output,
    size_t Channels,
    size_t ChannelOffset,
    size_t ChannelCount,
    size_t OutputCount,
    const MLAS_CONV_SYM_POST_PROCESS_PARAMS* PostProcessParams,
    bool PerChannelScale
    )
{
    const int32_t ZeroPoint = PostProcessParams->OutputZeroPoint;

    for (size_t c = 0, vl; c < ChannelCount; c += vl) {

        vl = __riscv_vsetvl_e16m2(ChannelCount - c);

        const int8_t* const f = Filter + c;
        const float* const Scale = PostProcessParams->Scale + (PerChannelScale ? c : 0);
        const vint32m4_t Bias = LoadBias<InputType>(PostProcessParams->Bias + c, f, 9, Channels, vl);
        const size_t Offset = ChannelOffset + c;
        const InputType* const* Pointers = Input;
        InputType* o = Output + c;

        const vint16m2_t Weights0 = LoadWeights(f, vl);
        const vint16m2_t Weights1 = LoadWeights(f + Channels, vl);
        const vint16m2_t Weights2 = LoadWeights(f + 2 * Channels, vl);
        const vint16m2_t Weights3 = LoadWeights(f + 3 * Channels, vl);
        const vint16m2_t Weights4 = LoadWeights(f + 4 * Channels, vl);
        const vint16m2_t Weights5 = LoadWeights(f + 5 * Channels, vl);
        const vint16m2_t Weights6 = LoadWeights(f + 6 * Channels, vl);
        const vint16m2_t Weights7 = LoadWeights(f + 7 * Channels, vl);
        const vint16m2_t Weights8 = LoadWeights(f + 8 * Channels, vl);

        for (size_t n = 0; n < OutputCount; n++) {

            vint32m4_t Sum = __riscv_vwmacc_vv_i32m4(Bias, Weights0, LoadActivations(Pointers[0] + Offset, vl), vl);
            Sum = __riscv_vwmacc_vv_i32m4(Sum, Weights1, LoadActivations(Pointers[1] + Offset, vl), vl);
            Sum = __riscv_vwmacc_vv_i32m4(Sum, Weights2, LoadActivations(Pointers[2] + Offset, vl), vl);
            Sum = __riscv_vwmacc_vv_i32m4(Sum, Weights3, LoadActivations(Pointers[3] + Offset, vl), vl);
            Sum = __riscv_vwmacc_vv_i32m4(Sum, Weights4, LoadActivations(Pointers[4] + Offset, vl), vl);
            Sum = __riscv_vwmacc_vv_i32m4(Sum, Weights5, LoadActivations(Pointers[5] + Offset, vl), vl);
            Sum = __riscv_vwmacc_vv_i32m4(Sum, Weights6, LoadActivations(Pointers[6] + Offset, vl), vl);
            Sum = __riscv_vwmacc_vv_i32m4(Sum, Weights7, LoadActivations(Pointers[7] + Offset, vl), vl);
            Sum = __riscv_vwmacc_vv_i32m4(Sum, Weights8, LoadActivations(Pointers[8] + Offset, vl), vl);

            StoreOutput(o, Sum, Scale, PerChannelScale, ZeroPoint, vl);

            Pointers += 9;
            o += Channels;
        }
    }
}

template<typename InputType>
void
ConvSymDepthwiseKernel(
    const void* Input,
    const void* Filter,
    void* Output,
    size_t KernelSize,
    size_t Channels,
    size_t ChannelOffset,
    size_t ChannelCount,
    size_t OutputCount,
    const MLAS_CONV_SYM_POST_PROCESS_PARAMS* PostProcessParams,
    unsigned KernelFlags
    )
{
    const auto* Pointers = static_cast<const InputType* const*>(Input);
    const auto* Weights = static_cast<const int8_t*>(Filter);
    auto* Outputs = static_cast<InputType*>(Output);
    const bool PerChannelScale = (KernelFlags & MLAS_CONV_SYM_FLAG_PER_CHANNEL_SCALE) != 0;

    if (KernelSize == 9) {
        DepthwiseKernel3x3(
            Pointers, Weights, Outputs, Channels, ChannelOffset, ChannelCount, OutputCount, PostProcessParams,
            PerChannelScale);
    } else {
        DepthwiseKernel(
            Pointers, Weights, Outputs, KernelSize, Channels, ChannelOffset, ChannelCount, OutputCount,
            PostProcessParams, PerChannelScale);
    }
}

}  // namespace

extern "C" {

void
MLASCALL
MlasConvSymDepthwiseU8KernelRvv(
    const void* Input,
    const void* Filter,
    void* Output,
    size_t KernelSize,
    size_t Channels,
    size_t ChannelOffset,
    unsigned ChannelCount,
    unsigned OutputCount,
    const MLAS_CONV_SYM_POST_PROCESS_PARAMS* PostProcessParams,
    unsigned KernelFlags
    )
{
    ConvSymDepthwiseKernel<uint8_t>(
        Input, Filter, Output, KernelSize, Channels, ChannelOffset, ChannelCount, OutputCount, PostProcessParams,
        KernelFlags);
}

void
MLASCALL
MlasConvSymDepthwiseS8KernelRvv(
    const void* Input,
    const void* Filter,
    void* Output,
    size_t KernelSize,
    size_t Channels,
    size_t ChannelOffset,
    unsigned ChannelCount,
    unsigned OutputCount,
    const MLAS_CONV_SYM_POST_PROCESS_PARAMS* PostProcessParams,
    unsigned KernelFlags
    )
{
    ConvSymDepthwiseKernel<int8_t>(
        Input, Filter, Output, KernelSize, Channels, ChannelOffset, ChannelCount, OutputCount, PostProcessParams,
        KernelFlags);
}

}  // extern "C"

MLAS_RVV_END
