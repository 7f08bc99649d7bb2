/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_pool_plane.cpp

Abstract:

    Pooling of one channel in one, two or three directions: many outputs of a row at once. Where windows stick out of a
    row, what is outside is masked.

    Short rows take one register at a time, as some processors spend the time of all registers of a group on however few
    elements.

--*/

#include "float_group.h"
#include "float_planes.h"
#include "float_reduce.h"
#include "mlas_pool.h"

#include <algorithm>
#include <limits>

MLAS_RVV_BEGIN

namespace
{

struct MAXIMUM {
    static constexpr float Start = std::numeric_limits<float>::lowest();
    template<typename Vector>
    static Vector Of(Vector a, Vector b, size_t vl) { return __riscv_vfmax(a, b, vl); }
    template<typename Mask, typename Vector>
    static Vector Of(Mask Inside, Vector a, Vector b, size_t vl) { return __riscv_vfmax_mu(Inside, a, a, b, vl); }
};

struct SUM {
    static constexpr float Start = 0.0f;
    template<typename Vector>
    static Vector Of(Vector a, Vector b, size_t vl) { return __riscv_vfadd(a, b, vl); }
    template<typename Mask, typename Vector>
    static Vector Of(Mask Inside, Vector a, Vector b, size_t vl) { return __riscv_vfadd_mu(Inside, a, a, b, vl); }
};

//
// What of the windows of an output row is inside in a direction other than that of the row.
//

struct SPAN {
    size_t First;
    size_t Count;

    SPAN(const MLAS_POOL_PLANE& Plane, size_t Axis, size_t Output)
    {
        const ptrdiff_t Start = ptrdiff_t(Output * Plane.StrideShape[Axis]) - ptrdiff_t(Plane.Padding[Axis]);
        const ptrdiff_t End = std::min(Start + ptrdiff_t(Plane.KernelShape[Axis]), ptrdiff_t(Plane.InputShape[Axis]));

        First = size_t(std::max(Start, ptrdiff_t(0)));
        Count = size_t(std::max(End - ptrdiff_t(First), ptrdiff_t(0)));
    }
};

template<typename REDUCTION, size_t Lmul>
void
PoolRow(const MLAS_POOL_PLANE& Plane, const SPAN& Planes, const SPAN& Rows, const float* Input, float* Output)
{
    using Group = MLAS_RVV_GROUP<Lmul>;

    const size_t Width = Plane.InputShape[2];
    const size_t Kernel = Plane.KernelShape[2];
    const size_t Step = Plane.StrideShape[2];
    const size_t PlaneSize = Plane.InputShape[1] * Width;
    const bool IncludesPad = Plane.Kind == MlasAveragePoolingIncludePad;
    const size_t WindowSize = (IncludesPad ? Plane.KernelShape[0] * Plane.KernelShape[1] : Planes.Count * Rows.Count) * Kernel;

    Input += Planes.First * PlaneSize + Rows.First * Width;

    for (size_t n = 0, vl; n < Plane.OutputShape[2]; n += vl) {

        vl = Group::Length(Plane.OutputShape[2] - n);

        const ptrdiff_t Start = ptrdiff_t(n * Step) - ptrdiff_t(Plane.Padding[2]);
        const bool IsInside = Start >= 0 && size_t(Start) + (vl - 1) * Step + Kernel <= Width;
        typename Group::Vector Value = Group::Broadcast(REDUCTION::Start, vl);
        typename Group::Vector Elements = Group::Broadcast(0.0f, vl);

        for (size_t a = 0; a < Planes.Count; a++) {
            for (size_t b = 0; b < Rows.Count; b++) {

                const ptrdiff_t Row = ptrdiff_t(a * PlaneSize + b * Width);

                if (IsInside) {
                    for (size_t c = 0; c < Kernel; c++) {
                        Value = REDUCTION::Of(Value, Group::Load(Input + Row + Start + ptrdiff_t(c), Step, vl), vl);
                    }
                    continue;
                }

                // A place before the row is a large number.
                typename Group::Indices Place = __riscv_vmul(Group::Numbers(vl), uint32_t(Step), vl);
                Place = __riscv_vadd(Place, uint32_t(Start), vl);

                for (size_t c = 0; c < Kernel; c++) {
                    const typename Group::Mask Inside = __riscv_vmsltu(Place, uint32_t(Width), vl);
                    const typename Group::Vector Loaded = Group::Load(Inside, Input + Row + Start + ptrdiff_t(c), Step, vl);
                    Value = REDUCTION::Of(Inside, Value, Loaded, vl);
                    Elements = __riscv_vfadd_mu(Inside, Elements, Elements, 1.0f, vl);
                    Place = __riscv_vadd(Place, 1u, vl);
                }
            }
        }

        if (Plane.Kind == MlasAveragePoolingExcludePad && !IsInside) {
            Value = __riscv_vfdiv(Value, Elements, vl);
        } else if (Plane.Kind != MlasMaximumPooling) {
            Value = __riscv_vfdiv(Value, float(WindowSize), vl);
        }

        __riscv_vse32(Output + n, Value, vl);
    }
}

template<typename REDUCTION>
void
PoolPlane(const MLAS_POOL_PLANE& Plane, const float* Input, float* Output)
{
    const bool IsShort = Plane.OutputShape[2] <= __riscv_vsetvlmax_e32m1();

    for (size_t a = 0; a < Plane.OutputShape[0]; a++) {

        const SPAN Planes(Plane, 0, a);

        for (size_t b = 0; b < Plane.OutputShape[1]; b++, Output += Plane.OutputShape[2]) {

            const SPAN Rows(Plane, 1, b);

            if (IsShort) {
                PoolRow<REDUCTION, 1>(Plane, Planes, Rows, Input, Output);
            } else {
                PoolRow<REDUCTION, 4>(Plane, Planes, Rows, Input, Output);
            }
        }
    }
}

}  // namespace

void
MlasRvvPoolPlaneKernel(
    const MLAS_POOL_PLANE* Plane,
    const float* Input,
    float* Output
    )
{
    const bool IsMaximum = Plane->Kind == MlasMaximumPooling;
    bool IsWhole = true;
    size_t N = 1;

    for (size_t i = 0; i < 3; i++) {
        IsWhole &= Plane->OutputShape[i] == 1 && Plane->Padding[i] == 0 && Plane->KernelShape[i] == Plane->InputShape[i];
        N *= Plane->InputShape[i];
    }

    if (IsWhole && N > 0) {
        (IsMaximum ? MlasRvvReduceRowsMaximumKernel : MlasRvvReduceRowsSumKernel)(Input, N, 1, N, Output);
        *Output = IsMaximum ? *Output : *Output / float(N);
    } else if (IsMaximum) {
        PoolPlane<MAXIMUM>(*Plane, Input, Output);
    } else {
        PoolPlane<SUM>(*Plane, Input, Output);
    }
}

MLAS_RVV_END
