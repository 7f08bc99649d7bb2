/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_depthwise_3x3.h

Abstract:

    Depthwise convolution with the usual 3x3 windows of stride 1 and 2: all nine weights stay in registers, and every
    input column is taken once and added to all the outputs whose windows it is in.

--*/

#pragma once

#include "float_window.h"

MLAS_RVV_BEGIN

struct MLAS_RVV_DEPTHWISE_ROW {
    MLAS_RVV_WINDOW Window;
    const float* Filter;
    float* Output;
    const float* Bias;
    unsigned Flags;
    float Minimum;
    float Maximum;
};

//
// A 3x3 window that slides by whole columns. A column ends one output and begins another; with stride 1 it is in the
// middle of a third. Columns in the padding add nothing: the first are left out as sums begin as the bias, and after
// the last one inside, what is begun is complete.
//

struct MLAS_RVV_SLIDE {
    const float* Lines[3];
    size_t Columns;         // inside of the input
    size_t LeftPad;         // columns, at most 2
    size_t RightPad;
};

template<typename Float>
struct MLAS_RVV_SLIDE_REGISTERS {
    using Vector = typename Float::Vector;

    Vector& w00; Vector& w01; Vector& w02;
    Vector& w10; Vector& w11; Vector& w12;
    Vector& w20; Vector& w21; Vector& w22;
    Vector& x0; Vector& x1;
};

template<typename Float, size_t Stride, bool Clamped>
struct MLAS_RVV_SLIDING_WINDOW {
    using Vector = typename Float::Vector;
    using Registers = MLAS_RVV_SLIDE_REGISTERS<Float>;

    static constexpr size_t RegisterGroups = 9 + 3 + 2;

    const float* Lines[3];
    const float* Filter;
    const float* Bias;
    float* Output;
    float Minimum;
    float Maximum;
    size_t Columns;
    size_t LeftPad;
    size_t RightPad;

    MLAS_RVV_INLINE
    void
    Run(
        Vector& w00, Vector& w01, Vector& w02,
        Vector& w10, Vector& w11, Vector& w12,
        Vector& w20, Vector& w21, Vector& w22,
        Vector& Sum0, Vector& Sum1, Vector& Sum2,
        Vector& x0, Vector& x1
        )
    {
        const Registers r{w00, w01, w02, w10, w11, w12, w20, w21, w22, x0, x1};

        w00 = Float::Load(Filter);
        w01 = Float::Load(Filter + MlasRvvNchwcBlockSize);
        w02 = Float::Load(Filter + MlasRvvNchwcBlockSize * 2);
        w10 = Float::Load(Filter + MlasRvvNchwcBlockSize * 3);
        w11 = Float::Load(Filter + MlasRvvNchwcBlockSize * 4);
        w12 = Float::Load(Filter + MlasRvvNchwcBlockSize * 5);
        w20 = Float::Load(Filter + MlasRvvNchwcBlockSize * 6);
        w21 = Float::Load(Filter + MlasRvvNchwcBlockSize * 7);
        w22 = Float::Load(Filter + MlasRvvNchwcBlockSize * 8);
        Sum0 = Float::Load(Bias);
        Sum1 = Sum0;
        Sum2 = Sum0;
        x0 = Sum0;
        x1 = Sum0;

        if constexpr (Stride == 1) {
            SlideByOne(r, Sum0, Sum1, Sum2);
        } else {
            SlideByTwo(r, Sum0, Sum1);
        }
    }

    MLAS_RVV_INLINE
    void
    SlideByOne(
        const Registers& r,
        Vector& Sum0,
        Vector& Sum1,
        Vector& Sum2
        )
    {
        if (LeftPad == 0) {
            MiddleColumn(r, Sum0, r.w00, r.w10, r.w20);
        }

        if (LeftPad <= 1) {
            PairColumn(r, Sum0, r.w01, r.w11, r.w21, Sum1);
        }

        for (;;) {

            EveryColumn(r, Sum0, Sum1, Sum2);

            if (Columns == 0) {
                StoreRest(Sum1, Sum2);
                break;
            }

            EveryColumn(r, Sum1, Sum2, Sum0);

            if (Columns == 0) {
                StoreRest(Sum2, Sum0);
                break;
            }

            EveryColumn(r, Sum2, Sum0, Sum1);

            if (Columns == 0) {
                StoreRest(Sum0, Sum1);
                break;
            }
        }
    }

    MLAS_RVV_INLINE
    void
    SlideByTwo(
        const Registers& r,
        Vector& Sum0,
        Vector& Sum1
        )
    {
        if (LeftPad == 0) {
            MiddleColumn(r, Sum0, r.w00, r.w10, r.w20);
        }

        if (LeftPad <= 1) {
            MiddleColumn(r, Sum0, r.w01, r.w11, r.w21);
        }

        for (;;) {

            Float::LoadInto(Sum1, Bias);
            PairColumn(r, Sum0, r.w02, r.w12, r.w22, Sum1);
            Store(Sum0);

            if (Columns == 0) {
                StoreRest(Sum1);
                break;
            }

            MiddleColumn(r, Sum1, r.w01, r.w11, r.w21);

            if (Columns == 0) {
                StoreRest(Sum1);
                break;
            }

            Float::LoadInto(Sum0, Bias);
            PairColumn(r, Sum1, r.w02, r.w12, r.w22, Sum0);
            Store(Sum1);

            if (Columns == 0) {
                StoreRest(Sum0);
                break;
            }

            MiddleColumn(r, Sum0, r.w01, r.w11, r.w21);

            if (Columns == 0) {
                StoreRest(Sum0);
                break;
            }
        }
    }

    MLAS_RVV_INLINE
    void
    EveryColumn(
        const Registers& r,
        Vector& Ending,
        Vector& Middle,
        Vector& Beginning
        )
    {
        Float::LoadInto(Beginning, Bias);
        Float::LoadInto(r.x0, Lines[0]);
        Float::LoadInto(r.x1, Lines[1]);
        Float::MultiplyAddInto(Ending, r.x0, r.w02);
        Float::MultiplyAddInto(Middle, r.x0, r.w01);
        Float::MultiplyAddInto(Beginning, r.x0, r.w00);
        Float::LoadInto(r.x0, Lines[2]);
        Float::MultiplyAddInto(Ending, r.x1, r.w12);
        Float::MultiplyAddInto(Middle, r.x1, r.w11);
        Float::MultiplyAddInto(Beginning, r.x1, r.w10);
        Float::MultiplyAddInto(Ending, r.x0, r.w22);
        Float::MultiplyAddInto(Middle, r.x0, r.w21);
        Float::MultiplyAddInto(Beginning, r.x0, r.w20);
        NextColumn();
        Store(Ending);
    }

    //
    // A column for one output with the weights given, and for another that it begins.
    //

    MLAS_RVV_INLINE
    void
    PairColumn(
        const Registers& r,
        Vector& Sum,
        Vector& w0,
        Vector& w1,
        Vector& w2,
        Vector& Beginning
        )
    {
        Float::LoadInto(r.x0, Lines[0]);
        Float::LoadInto(r.x1, Lines[1]);
        Float::MultiplyAddInto(Sum, r.x0, w0);
        Float::MultiplyAddInto(Beginning, r.x0, r.w00);
        Float::LoadInto(r.x0, Lines[2]);
        Float::MultiplyAddInto(Sum, r.x1, w1);
        Float::MultiplyAddInto(Beginning, r.x1, r.w10);
        Float::MultiplyAddInto(Sum, r.x0, w2);
        Float::MultiplyAddInto(Beginning, r.x0, r.w20);
        NextColumn();
    }

    MLAS_RVV_INLINE
    void
    MiddleColumn(
        const Registers& r,
        Vector& Sum,
        Vector& w0,
        Vector& w1,
        Vector& w2
        )
    {
        Float::LoadInto(r.x0, Lines[0]);
        Float::LoadInto(r.x1, Lines[1]);
        Float::MultiplyAddInto(Sum, r.x0, w0);
        Float::LoadInto(r.x0, Lines[2]);
        Float::MultiplyAddInto(Sum, r.x1, w1);
        Float::MultiplyAddInto(Sum, r.x0, w2);
        NextColumn();
    }

    MLAS_RVV_INLINE
    void
    NextColumn()
    {
        Lines[0] += MlasRvvNchwcBlockSize;
        Lines[1] += MlasRvvNchwcBlockSize;
        Lines[2] += MlasRvvNchwcBlockSize;
        Columns -= 1;
    }

    MLAS_RVV_INLINE
    void
    StoreRest(
        Vector& First,
        Vector& Second
        )
    {
        if (RightPad >= 1) {
            Store(First);
        }

        if (RightPad >= 2) {
            Store(Second);
        }
    }

    MLAS_RVV_INLINE
    void
    StoreRest(
        Vector& Last
        )
    {
        if (RightPad >= 1) {
            Store(Last);
        }
    }

    MLAS_RVV_INLINE
    void
    Store(
        Vector& Sum
        )
    {
        if constexpr (Clamped) {
            Float::ClampInto(Sum, Minimum, Maximum);
        }

        __riscv_vse32(Output, Sum, Float::Count);
        Output += MlasRvvNchwcBlockSize;
    }
};

template<typename Float, size_t Stride, bool Clamped>
static
void
MlasRvvSlide3x3(
    const MLAS_RVV_DEPTHWISE_ROW& Row,
    const MLAS_RVV_SLIDE& Slide
    )
{
    const float* Bias = (Row.Flags & MlasRvvConvBiasAddition) != 0 ? Row.Bias : MlasRvvZeroBlock.Values;

    MLAS_RVV_SLIDING_WINDOW<Float, Stride, Clamped> Work{
        {Slide.Lines[0], Slide.Lines[1], Slide.Lines[2]}, Row.Filter, Bias, Row.Output, Row.Minimum, Row.Maximum,
        Slide.Columns, Slide.LeftPad, Slide.RightPad};

    MlasRvvWithRegisters(Work);
}

//
// Computes the row when the sliding window can, which needs padding that no window lies in whole.
//

template<typename Float, size_t Stride>
static
bool
MlasRvvTrySlide3x3(
    const MLAS_RVV_DEPTHWISE_ROW& Row,
    size_t OutputCount
    )
{
    const MLAS_RVV_WINDOW& Window = Row.Window;

    if (Window.KernelHeight != 3 || Window.KernelWidth != 3 || Window.DilationWidth != MlasRvvNchwcBlockBytes ||
        Window.StrideWidth != Stride * MlasRvvNchwcBlockBytes || (Row.Flags & MlasRvvConvAccumulateOutput) != 0) {
        return false;
    }

    const size_t Columns = Stride * (OutputCount - 1) + 3;
    const size_t LeftPad = MlasRvvDistance(Window.Input, Window.InputBase) / MlasRvvNchwcBlockBytes;
    const size_t InsideEnd = std::min(Columns, LeftPad + Window.InputWidth / MlasRvvNchwcBlockBytes);

    if (LeftPad > 2 || Columns - InsideEnd > 2 || InsideEnd < 3) {
        return false;
    }

    const float* Input = Window.InputBase;
    const MLAS_RVV_SLIDE Slide{
        {Input, MlasRvvAdvance(Input, Window.DilatedInputWidth), MlasRvvAdvance(Input, Window.DilatedInputWidth * 2)},
        InsideEnd - LeftPad, LeftPad, Columns - InsideEnd};

    if ((Row.Flags & MlasRvvConvClampOutput) != 0) {
        MlasRvvSlide3x3<Float, Stride, true>(Row, Slide);
    } else {
        MlasRvvSlide3x3<Float, Stride, false>(Row, Slide);
    }

    return true;
}

MLAS_RVV_END
