/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_activation.cpp

Abstract:

    Adds a bias to the rows of a matrix and applies an activation, eight registers at a time.

    Bounds are compared with, as in the portable code: what is not a number stays so, and a zero keeps its sign.

--*/

#include "float.h"
#include "rvv.h"

MLAS_RVV_BEGIN

namespace
{

using Vector = vfloat32m8_t;

struct IDENTITY {
    static inline
    Vector
    Compute(
        Vector x,
        const float*,
        size_t
        )
    {
        return x;
    }
};

struct RELU {
    static inline
    Vector
    Compute(
        Vector x,
        const float*,
        size_t Length
        )
    {
        return __riscv_vfmerge(x, 0.0f, __riscv_vmflt(x, 0.0f, Length), Length);
    }
};

struct LEAKY_RELU {
    static inline
    Vector
    Compute(
        Vector x,
        const float* Parameters,
        size_t Length
        )
    {
        return __riscv_vfmul_mu(__riscv_vmfle(x, 0.0f, Length), x, x, Parameters[0], Length);
    }
};

struct CLIP {
    static inline
    Vector
    Compute(
        Vector x,
        const float* Parameters,
        size_t Length
        )
    {
        x = __riscv_vfmerge(x, Parameters[0], __riscv_vmflt(x, Parameters[0], Length), Length);
        return __riscv_vfmerge(x, Parameters[1], __riscv_vmfgt(x, Parameters[1], Length), Length);
    }
};

struct HARD_SIGMOID {
    static inline
    Vector
    Compute(
        Vector x,
        const float* Parameters,
        size_t Length
        )
    {
        constexpr float Bounds[] = {0.0f, 1.0f};
        const Vector Beta = __riscv_vfmv_v_f_f32m8(Parameters[1], Length);

        return CLIP::Compute(__riscv_vfmacc(Beta, Parameters[0], x, Length), Bounds, Length);
    }
};

template<typename Function>
inline
void
ForEach(
    const float* Parameters,
    const float* Input,
    float* Output,
    const float* Bias,
    size_t M,
    size_t N,
    size_t ldc
    )
{
    //
    // Rows that follow each other are one, unless each has its own bias.
    //

    if (Bias == nullptr && N == ldc) {
        N *= M;
        M = 1;
    }

    for (; M > 0; M--, Input += ldc, Output += ldc) {

        const float Addend = Bias != nullptr ? *Bias++ : 0.0f;

        for (size_t n = 0; n < N;) {

            const size_t Length = __riscv_vsetvl_e32m8(N - n);
            Vector x = __riscv_vle32_v_f32m8(Input + n, Length);

            if (Bias != nullptr) {
                x = __riscv_vfadd(x, Addend, Length);
            }

            __riscv_vse32(Output + n, Function::Compute(x, Parameters, Length), Length);
            n += Length;
        }
    }
}

}  // namespace

#define MLAS_RVV_ACTIVATION(Name, Function)                                                                     \
    void                                                                                                        \
    Name(const float* Parameters, const float* Input, float* Output, const float* Bias, size_t M, size_t N, size_t ldc) \
    {                                                                                                           \
        ForEach<Function>(Parameters, Input, Output, Bias, M, N, ldc);                                          \
    }

MLAS_RVV_ACTIVATION(MlasRvvBiasKernel, IDENTITY)
MLAS_RVV_ACTIVATION(MlasRvvReluKernel, RELU)
MLAS_RVV_ACTIVATION(MlasRvvLeakyReluKernel, LEAKY_RELU)
MLAS_RVV_ACTIVATION(MlasRvvClipKernel, CLIP)
MLAS_RVV_ACTIVATION(MlasRvvHardSigmoidKernel, HARD_SIGMOID)

MLAS_RVV_END
