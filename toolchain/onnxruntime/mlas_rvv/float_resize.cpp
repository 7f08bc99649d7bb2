/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_resize.cpp

Abstract:

    Resizes planes bilinearly: first the columns of a row of the input, then what lies between two such rows. A row that
    is resized stays for the rows of the output after it, so that a plane that grows loads few elements by index.

--*/

#include "float_planes.h"
#include "mlas_resize.h"
#include "rvv.h"

#include <utility>

MLAS_RVV_BEGIN

namespace
{

inline
vfloat32m4_t
Gather(const float* Row, const int32_t* Columns, size_t vl)
{
    const vuint32m4_t Elements = __riscv_vle32_v_u32m4(reinterpret_cast<const uint32_t*>(Columns), vl);

    return __riscv_vluxei32_v_f32m4(Row, __riscv_vsll(Elements, 2, vl), vl);
}

void
ResizeRow(const MLAS_RESIZE_BILINEAR& Plan, const float* Row, float* Line)
{
    for (size_t n = 0, vl; n < Plan.OutputWidth; n += vl) {

        vl = __riscv_vsetvl_e32m4(Plan.OutputWidth - n);

        const vfloat32m4_t First = Gather(Row, Plan.Column1 + n, vl);
        const vfloat32m4_t Second = Gather(Row, Plan.Column2 + n, vl);
        const vfloat32m4_t Value = __riscv_vfmul(First, __riscv_vle32_v_f32m4(Plan.ColumnWeight1 + n, vl), vl);
        const vfloat32m4_t Weight = __riscv_vle32_v_f32m4(Plan.ColumnWeight2 + n, vl);

        __riscv_vse32(Line + n, __riscv_vfmacc(Value, Second, Weight, vl), vl);
    }
}

void
Blend(const float* A, float WeightA, const float* B, float WeightB, float* Output, size_t N)
{
    for (size_t n = 0, vl; n < N; n += vl) {

        vl = __riscv_vsetvl_e32m8(N - n);

        const vfloat32m8_t Value = __riscv_vfmul(__riscv_vle32_v_f32m8(A + n, vl), WeightA, vl);

        __riscv_vse32(Output + n, __riscv_vfmacc(Value, WeightB, __riscv_vle32_v_f32m8(B + n, vl), vl), vl);
    }
}

}  // namespace

void
MlasRvvResizeBilinearKernel(
    const MLAS_RESIZE_BILINEAR* Plan,
    const float* Input,
    float* Output,
    float* Lines
    )
{
    const size_t Width = Plan->OutputWidth;
    float* Line[] = {Lines, Lines + Width};
    int32_t Held[] = {-1, -1};

    for (size_t n = 0; n < Plan->OutputHeight; n++, Output += Width) {

        const int32_t Wanted[] = {Plan->Row1[n], Plan->Row2[n]};

        if (Held[0] != Wanted[0] && Held[1] == Wanted[0]) {
            std::swap(Held[0], Held[1]);
            std::swap(Line[0], Line[1]);
        }

        for (size_t i = 0; i < 2; i++) {
            if (Held[i] != Wanted[i]) {
                ResizeRow(*Plan, Input + Wanted[i], Line[i]);
                Held[i] = Wanted[i];
            }
        }

        Blend(Line[0], Plan->RowWeight1[n], Line[1], Plan->RowWeight2[n], Output, Width);
    }
}

MLAS_RVV_END
