/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    half_activation.cpp

Abstract:

    Half precision activations in place, with the addition of another tensor before, and the conversions from and to
    single precision.

--*/

#include "half.h"
#include "half_vector.h"

MLAS_RVV_HALF_BEGIN

namespace
{

using Vector = vfloat16m8_t;

struct IDENTITY {
    static MLAS_RVV_HALF_INLINE
    Vector
    Compute(Vector x, const float*, size_t)
    {
        return x;
    }
};

struct RELU {
    static MLAS_RVV_HALF_INLINE
    Vector
    Compute(Vector x, const float*, size_t vl)
    {
        return __riscv_vfmax(x, static_cast<_Float16>(0.0f), vl);
    }
};

struct LEAKY_RELU {
    static MLAS_RVV_HALF_INLINE
    Vector
    Compute(Vector x, const float* Parameters, size_t vl)
    {
        const vbool2_t Negative = __riscv_vmfle(x, static_cast<_Float16>(0.0f), vl);

        return __riscv_vfmul_mu(Negative, x, x, static_cast<_Float16>(Parameters[0]), vl);
    }
};

struct CLIP {
    static MLAS_RVV_HALF_INLINE
    Vector
    Compute(Vector x, const float* Parameters, size_t vl)
    {
        x = __riscv_vfmax(x, static_cast<_Float16>(Parameters[0]), vl);
        return __riscv_vfmin(x, static_cast<_Float16>(Parameters[1]), vl);
    }
};

template<typename Function>
void
ForEach(
    const float* Parameters,
    uint16_t* Buffer,
    const uint16_t* Addend,
    size_t CountM,
    size_t CountN,
    size_t ldc
    )
{
    for (size_t m = 0; m < CountM; m++) {

        uint16_t* const Row = Buffer + m * ldc;
        const uint16_t* const Added = Addend != nullptr ? Addend + m * ldc : nullptr;

        for (size_t n = 0, vl; n < CountN; n += vl) {

            vl = __riscv_vsetvl_e16m8(CountN - n);
            Vector x = __riscv_vle16_v_f16m8(MlasRvvHalfNumbers(Row + n), vl);

            if (Added != nullptr) {
                x = __riscv_vfadd(x, __riscv_vle16_v_f16m8(MlasRvvHalfNumbers(Added + n), vl), vl);
            }

            __riscv_vse16(MlasRvvHalfNumbers(Row + n), Function::Compute(x, Parameters, vl), vl);
        }
    }
}

void
InPlace(
    MLAS_RVV_HALF_FUNCTION_KERNEL* Kernel,
    const float* Parameters,
    uint16_t* Buffer,
    size_t CountM,
    size_t CountN,
    size_t ldc
    )
{
    for (size_t m = 0; m < CountM; m++) {
        uint16_t* const Row = Buffer + m * ldc;
        Kernel(Parameters[0], Parameters[1], Row, Row, CountN);
    }
}

}  // namespace

void
MlasRvvHalfActivation(
    MLAS_RVV_HALF_ACTIVATION Kind,
    const float* Parameters,
    uint16_t* Buffer,
    const uint16_t* Addend,
    size_t CountM,
    size_t CountN,
    size_t ldc
    )
{
    //
    // Rows that follow each other are one.
    //

    if (CountN == ldc) {
        CountN *= CountM;
        ldc = CountN;
        CountM = 1;
    }

    switch (Kind) {
        case MLAS_RVV_HALF_ACTIVATION::Identity:
            if (Addend != nullptr) {
                ForEach<IDENTITY>(Parameters, Buffer, Addend, CountM, CountN, ldc);
            }
            break;

        case MLAS_RVV_HALF_ACTIVATION::Relu:
            ForEach<RELU>(Parameters, Buffer, Addend, CountM, CountN, ldc);
            break;

        case MLAS_RVV_HALF_ACTIVATION::LeakyRelu:
            ForEach<LEAKY_RELU>(Parameters, Buffer, Addend, CountM, CountN, ldc);
            break;

        case MLAS_RVV_HALF_ACTIVATION::Clip:
            ForEach<CLIP>(Parameters, Buffer, Addend, CountM, CountN, ldc);
            break;

        case MLAS_RVV_HALF_ACTIVATION::HardSigmoid:
        case MLAS_RVV_HALF_ACTIVATION::Tanh:
        case MLAS_RVV_HALF_ACTIVATION::Logistic:
            if (Addend != nullptr) {
                ForEach<IDENTITY>(Parameters, Buffer, Addend, CountM, CountN, ldc);
            }
            InPlace(
                Kind == MLAS_RVV_HALF_ACTIVATION::HardSigmoid ? MlasRvvHalfHardSigmoid
                : Kind == MLAS_RVV_HALF_ACTIVATION::Tanh      ? MlasRvvHalfTanh
                                                              : MlasRvvHalfLogistic,
                Parameters, Buffer, CountM, CountN, ldc);
            break;
    }
}

void
MlasRvvHalfToFloat(
    const uint16_t* Source,
    float* Destination,
    size_t Count
    )
{
    for (size_t n = 0, vl; n < Count; n += vl) {
        vl = __riscv_vsetvl_e16m4(Count - n);
        const vfloat16m4_t Values = __riscv_vle16_v_f16m4(MlasRvvHalfNumbers(Source + n), vl);
        __riscv_vse32(Destination + n, __riscv_vfwcvt_f_f_v_f32m8(Values, vl), vl);
    }
}

void
MlasRvvFloatToHalf(
    const float* Source,
    uint16_t* Destination,
    size_t Count
    )
{
    for (size_t n = 0, vl; n < Count; n += vl) {
        vl = __riscv_vsetvl_e16m4(Count - n);
        const vfloat32m8_t Values = __riscv_vle32_v_f32m8(Source + n, vl);
        __riscv_vse16(MlasRvvHalfNumbers(Destination + n), __riscv_vfncvt_f_f_w_f16m4(Values, vl), vl);
    }
}

MLAS_RVV_HALF_END
