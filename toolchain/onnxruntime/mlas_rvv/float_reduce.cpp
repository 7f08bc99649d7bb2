/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_reduce.cpp

Abstract:

    Sums, maxima and minima of the rows and of the columns of a matrix.

    A row is added up in as many sums as there are lanes. Short rows take two registers at a time, as some processors
    spend the time of all registers of a group on however few elements. What is not a number is not an extremum, unless
    there is nothing else.

--*/

#include "float_group.h"
#include "float_reduce.h"

MLAS_RVV_BEGIN

namespace
{

struct SUM {
    template<typename Vector>
    static Vector Of(Vector a, Vector b, size_t vl) { return __riscv_vfadd_tu(a, a, b, vl); }
    template<typename Vector>
    static vfloat32m1_t Across(Vector a, vfloat32m1_t b, size_t vl) { return __riscv_vfredusum(a, b, vl); }
    static float Start(float) { return 0.0f; }
};

struct MAXIMUM {
    template<typename Vector>
    static Vector Of(Vector a, Vector b, size_t vl) { return __riscv_vfmax_tu(a, a, b, vl); }
    template<typename Vector>
    static vfloat32m1_t Across(Vector a, vfloat32m1_t b, size_t vl) { return __riscv_vfredmax(a, b, vl); }
    static float Start(float First) { return First; }
};

struct MINIMUM {
    template<typename Vector>
    static Vector Of(Vector a, Vector b, size_t vl) { return __riscv_vfmin_tu(a, a, b, vl); }
    template<typename Vector>
    static vfloat32m1_t Across(Vector a, vfloat32m1_t b, size_t vl) { return __riscv_vfredmin(a, b, vl); }
    static float Start(float First) { return First; }
};

//
// No vector of a row is longer than its first.
//

template<typename REDUCTION, size_t Lmul>
void
RowsOf(const float* Input, size_t Stride, size_t M, size_t N, float* Output)
{
    using Group = MLAS_RVV_GROUP<Lmul>;

    const size_t First = Group::Length(N);

    for (size_t m = 0; m < M; m++, Input += Stride) {

        typename Group::Vector Value = Group::Load(Input, First);

        for (size_t n = First, vl; n < N; n += vl) {
            vl = Group::Length(N - n);
            Value = REDUCTION::Of(Value, Group::Load(Input + n, vl), vl);
        }

        const vfloat32m1_t Start = __riscv_vfmv_s_f_f32m1(REDUCTION::Start(*Input), 1);

        Output[m] = __riscv_vfmv_f(REDUCTION::Across(Value, Start, First));
    }
}

template<typename REDUCTION>
void
ReduceRows(const float* Input, size_t Stride, size_t M, size_t N, float* Output)
{
    if (N <= __riscv_vsetvlmax_e32m2()) {
        RowsOf<REDUCTION, 2>(Input, Stride, M, N, Output);
    } else {
        RowsOf<REDUCTION, 8>(Input, Stride, M, N, Output);
    }
}

template<typename REDUCTION>
void
ReduceColumns(const float* Input, size_t Stride, size_t M, size_t N, float* Output)
{
    using Group = MLAS_RVV_GROUP<8>;

    for (size_t n = 0, vl; n < N; n += vl) {

        vl = Group::Length(N - n);

        const float* Row = Input + n;
        Group::Vector Value = Group::Load(Row, vl);

        for (size_t m = 1; m < M; m++) {
            Row += Stride;
            Value = REDUCTION::Of(Value, Group::Load(Row, vl), vl);
        }

        __riscv_vse32(Output + n, Value, vl);
    }
}

}  // namespace

#define MLAS_RVV_REDUCTION(Name, REDUCTION)                                                                     \
    void                                                                                                        \
    MlasRvvReduceRows##Name##Kernel(const float* Input, size_t Stride, size_t M, size_t N, float* Output)       \
    {                                                                                                           \
        ReduceRows<REDUCTION>(Input, Stride, M, N, Output);                                                     \
    }                                                                                                           \
    void                                                                                                        \
    MlasRvvReduceColumns##Name##Kernel(const float* Input, size_t Stride, size_t M, size_t N, float* Output)    \
    {                                                                                                           \
        ReduceColumns<REDUCTION>(Input, Stride, M, N, Output);                                                  \
    }

MLAS_RVV_REDUCTION(Sum, SUM)
MLAS_RVV_REDUCTION(Maximum, MAXIMUM)
MLAS_RVV_REDUCTION(Minimum, MINIMUM)

MLAS_RVV_END
