/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    half_depthwise.cpp

Abstract:

    Half precision depthwise convolution of images with channels last. The filter of a block of channels stays in
    registers for all pixels where it has 9 or 25 elements.

--*/

#include "half.h"
#include "half_vector.h"

MLAS_RVV_HALF_BEGIN

namespace
{

struct DEPTHWISE_ARGUMENTS {
    const uint16_t* const* Input;
    const uint16_t* Filter;
    const uint16_t* Bias;
    uint16_t* Output;
    size_t Channels;
    size_t OutputCount;
    size_t KernelSize;
    const MLAS_RVV_HALF_BOUNDS& Bounds;
};

template<size_t Lmul>
MLAS_RVV_HALF_INLINE
typename MLAS_RVV_HALF<Lmul>::Vector
Start(
    const DEPTHWISE_ARGUMENTS& a,
    size_t Channel,
    size_t vl
    )
{
    return a.Bias != nullptr ? MLAS_RVV_HALF<Lmul>::Load(a.Bias + Channel, vl) : MLAS_RVV_HALF<Lmul>::Broadcast(0.0f, vl);
}

template<size_t Lmul>
MLAS_RVV_HALF_INLINE
void
Finish(
    const DEPTHWISE_ARGUMENTS& a,
    typename MLAS_RVV_HALF<Lmul>::Vector Sum,
    uint16_t* Output,
    size_t vl
    )
{
    if (a.Bounds.Bounded) {
        const _Float16 Minimum = static_cast<_Float16>(a.Bounds.Minimum);
        const _Float16 Maximum = static_cast<_Float16>(a.Bounds.Maximum);
        Sum = MLAS_RVV_HALF<Lmul>::Clamp(Sum, Minimum, Maximum, vl);
    }

    __riscv_vse16(MlasRvvHalfNumbers(Output), Sum, vl);
}

//
// A block of channels of all pixels, for a filter that fits into registers.
//

template<size_t Lmul, size_t KernelSize>
struct BLOCK {
    using Half = MLAS_RVV_HALF<Lmul>;
    using Vector = typename Half::Vector;

    static constexpr size_t RegisterGroups = KernelSize;

    const DEPTHWISE_ARGUMENTS& a;
    size_t Channel;
    size_t vl;

    template<typename... Vectors>
    MLAS_RVV_HALF_INLINE
    void
    Run(
        Vectors&... Filters
        ) const
    {
        const uint16_t* Filter = a.Filter + Channel;

        ((Filters = Half::Load(Filter, vl), Filter += a.Channels), ...);

        const Vector Bias = Start<Lmul>(a, Channel, vl);
        const uint16_t* const* Input = a.Input;
        uint16_t* Output = a.Output + Channel;

        for (size_t n = 0; n < a.OutputCount; n++) {

            Vector Sum = Bias;
            size_t k = 0;

            ((Sum = __riscv_vfmacc(Sum, Filters, Half::Load(Input[k++] + Channel, vl), vl)), ...);

            Finish<Lmul>(a, Sum, Output, vl);
            Input += KernelSize;
            Output += a.Channels;
        }
    }
};

template<size_t Lmul, size_t KernelSize>
__attribute__((noinline))
void
ComputeInRegisters(
    const DEPTHWISE_ARGUMENTS& a
    )
{
    for (size_t c = 0, vl; c < a.Channels; c += vl) {
        vl = MLAS_RVV_HALF<Lmul>::Length(a.Channels - c);
        MlasRvvHalfWithRegisters(BLOCK<Lmul, KernelSize>{a, c, vl});
    }
}

void
ComputeAnySize(
    const DEPTHWISE_ARGUMENTS& a
    )
{
    constexpr size_t Lmul = 4;
    using Half = MLAS_RVV_HALF<Lmul>;

    for (size_t c = 0, vl; c < a.Channels; c += vl) {

        vl = Half::Length(a.Channels - c);

        const uint16_t* const* Input = a.Input;
        uint16_t* Output = a.Output + c;

        for (size_t n = 0; n < a.OutputCount; n++) {

            auto Sum = Start<Lmul>(a, c, vl);
            const uint16_t* Filter = a.Filter + c;

            for (size_t k = 0; k < a.KernelSize; k++) {
                Sum = __riscv_vfmacc(Sum, Half::Load(Filter, vl), Half::Load(Input[k] + c, vl), vl);
                Filter += a.Channels;
            }

            Finish<Lmul>(a, Sum, Output, vl);
            Input += a.KernelSize;
            Output += a.Channels;
        }
    }
}

}  // namespace

void
MlasRvvHalfConvDepthwise(
    const uint16_t* const* Input,
    const uint16_t* Filter,
    const uint16_t* Bias,
    uint16_t* Output,
    size_t Channels,
    size_t OutputCount,
    size_t KernelSize,
    const MLAS_RVV_HALF_BOUNDS& Bounds
    )
{
    const DEPTHWISE_ARGUMENTS Arguments{Input, Filter, Bias, Output, Channels, OutputCount, KernelSize, Bounds};

    switch (KernelSize) {
        case 9: ComputeInRegisters<2, 9>(Arguments); break;
        case 25: ComputeInRegisters<1, 25>(Arguments); break;
        default: ComputeAnySize(Arguments); break;
    }
}

MLAS_RVV_HALF_END
