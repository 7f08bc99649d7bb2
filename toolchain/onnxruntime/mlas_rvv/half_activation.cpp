/*++

Module Name:

    half_activation.cpp

Abstract:

    Half precision activations, with the addition of another tensor before, and the conversions from and to single
    precision. What needs an exponential is computed in single precision.

--*/

#include "float.h"
#include "half.h"
#include "half_vector.h"

#include <algorithm>

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

struct HARD_SIGMOID {
    static MLAS_RVV_HALF_INLINE
    Vector
    Compute(Vector x, const float* Parameters, size_t vl)
    {
        constexpr float Bounds[] = {0.0f, 1.0f};
        const Vector Beta = __riscv_vfmv_v_f_f16m8(static_cast<_Float16>(Parameters[1]), vl);

        return CLIP::Compute(__riscv_vfmacc(Beta, static_cast<_Float16>(Parameters[0]), x, vl), Bounds, vl);
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

//
// A piece of a row at a time is converted.
//

void
InSinglePrecision(
    MLAS_RVV_UNARY_KERNEL* Kernel,
    uint16_t* Buffer,
    size_t CountM,
    size_t CountN,
    size_t ldc
    )
{
    constexpr size_t Piece = 256;
    float Values[Piece];

    for (size_t m = 0; m < CountM; m++) {

        uint16_t* const Row = Buffer + m * ldc;

        for (size_t n = 0, Count; n < CountN; n += Count) {
            Count = std::min(CountN - n, Piece);
            MlasRvvHalfToFloat(Row + n, Values, Count);
            Kernel(Values, Values, Count);
            MlasRvvFloatToHalf(Values, Row + n, Count);
        }
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
            ForEach<HARD_SIGMOID>(Parameters, Buffer, Addend, CountM, CountN, ldc);
            break;

        case MLAS_RVV_HALF_ACTIVATION::Tanh:
        case MLAS_RVV_HALF_ACTIVATION::Logistic:
            if (Addend != nullptr) {
                ForEach<IDENTITY>(Parameters, Buffer, Addend, CountM, CountN, ldc);
            }
            InSinglePrecision(
                Kind == MLAS_RVV_HALF_ACTIVATION::Tanh ? MlasRvvTanhKernel : MlasRvvLogisticKernel, Buffer, CountM,
                CountN, ldc);
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
