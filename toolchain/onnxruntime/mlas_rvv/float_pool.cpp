/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_pool.cpp

Abstract:

    Pooling of NCHWc blocks, a register group of channels at a time.

--*/

#include "float_window.h"

MLAS_RVV_BEGIN

namespace
{

constexpr size_t Block = MlasRvvNchwcBlockSize;

enum class POOLING { Maximum, AverageExcludePad, AverageIncludePad };

template<typename Float, POOLING Kind>
struct POOL_ROW {
    MLAS_RVV_WINDOW Window;
    size_t ActualKernelSize;
    float* Output;

    template<size_t Positions>
    MLAS_RVV_INLINE
    void
    Compute() const;
};

template<typename Float, POOLING Kind, size_t Positions>
struct POOL_TILE {
    using Vector = typename Float::Vector;

    static constexpr size_t RegisterGroups = Positions;

    const POOL_ROW<Float, Kind>& Row;

    template<typename... Vectors>
    MLAS_RVV_INLINE
    void
    Run(
        Vectors&... Results
        ) const
    {
        ((Results = Float::Broadcast(Kind == POOLING::Maximum ? std::numeric_limits<float>::lowest() : 0.0f)), ...);

        MlasRvvWalkWindow<Positions>(Row.Window, *this, Results...);

        size_t n = 0;

        if constexpr (Kind != POOLING::Maximum) {
            ((Results = __riscv_vfdiv(Results, float(ElementCount(n++)), Float::Count)), ...);
            n = 0;
        }

        (__riscv_vse32(Row.Output + n++ * Block, Results, Float::Count), ...);
    }

    template<typename... Vectors>
    MLAS_RVV_INLINE
    void
    Tap(
        const float* const (&Inputs)[Positions],
        Vectors&... Results
        ) const
    {
        size_t n = 0;

        if constexpr (Kind == POOLING::Maximum) {
            ((Results = __riscv_vfmax(Results, Float::Load(Inputs[n++]), Float::Count)), ...);
        } else {
            ((Results = __riscv_vfadd(Results, Float::Load(Inputs[n++]), Float::Count)), ...);
        }
    }

    //
    // The kernel height is already that of the rows inside of the input.
    //

    size_t
    ElementCount(
        size_t Position
        ) const
    {
        const MLAS_RVV_WINDOW& Window = Row.Window;

        if (Kind == POOLING::AverageIncludePad) {
            return Row.ActualKernelSize;
        }

        if (Window.Padding == nullptr) {
            return Window.KernelHeight * Window.KernelWidth;
        }

        const float* Input = MlasRvvAdvance(Window.Input, Position * Window.StrideWidth);
        size_t Columns = 0;

        for (size_t kw = 0; kw < Window.KernelWidth; kw++) {
            Columns += MlasRvvIsInside(Input, Window.InputBase, Window.InputWidth);
            Input = MlasRvvAdvance(Input, Window.DilationWidth);
        }

        return Window.KernelHeight * Columns;
    }
};

template<typename Float, POOLING Kind>
template<size_t Positions>
MLAS_RVV_INLINE
void
POOL_ROW<Float, Kind>::Compute() const
{
    POOL_TILE<Float, Kind, Positions> Tile{*this};
    MlasRvvWithRegisters(Tile);
}

template<typename Float, POOLING Kind>
void
PoolRow(
    const float* Input,
    float* Output,
    size_t StrideWidth,
    size_t DilationWidth,
    size_t InputStride,
    size_t ActualKernelSize,
    size_t KernelHeight,
    size_t KernelWidth,
    const float* InputBase,
    size_t InputWidth,
    size_t DilatedInputWidth,
    size_t OutputCountLeftPad,
    size_t OutputCount,
    size_t OutputCountRightPad
    )
/*++

Routine Description:

    This routine computes a row of one output block.

Arguments:

    See MLAS_POOL_FLOAT_KERNEL.

--*/
{
    constexpr const MLAS_RVV_BLOCK& Padding = Kind == POOLING::Maximum ? MlasRvvLowestBlock : MlasRvvZeroBlock;

    for (size_t c = 0; c < Block; c += Float::Count) {

        const POOL_ROW<Float, Kind> Row{
            {Input + c, InputBase + c, InputWidth, DilatedInputWidth, StrideWidth, DilationWidth, InputStride,
             KernelHeight, KernelWidth, nullptr},
            ActualKernelSize, Output + c};

        MlasRvvComputeRow(Row, Row, Padding.Values, OutputCountLeftPad, OutputCount, OutputCountRightPad);
    }
}

}  // namespace

MLAS_RVV_END

template<size_t Lmul, size_t Lanes>
MLAS_RVV_POOL_KERNELS
MlasRvvPoolKernels()
{
    using Float = MLAS_RVV_FLOAT<Lmul, Lanes>;

    return {
        PoolRow<Float, POOLING::Maximum>,
        PoolRow<Float, POOLING::AverageExcludePad>,
        PoolRow<Float, POOLING::AverageIncludePad>,
    };
}

template MLAS_RVV_POOL_KERNELS MlasRvvPoolKernels<1, 16>();
template MLAS_RVV_POOL_KERNELS MlasRvvPoolKernels<2, 16>();
template MLAS_RVV_POOL_KERNELS MlasRvvPoolKernels<2, 8>();
