/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_reduce.cpp

Abstract:

    Sums, maxima and minima of rows and of columns, against their definition.

--*/

#include "../detect.h"
#include "../float_reduce.h"
#include "float_support.h"

#include <algorithm>
#include <limits>

namespace
{

struct REDUCTION {
    const char* Name;
    MLAS_RVV_REDUCE_KERNEL* Rows;
    MLAS_RVV_REDUCE_KERNEL* Columns;
    float (*Extremum)(float, float);  // none for sums
};

const REDUCTION Reductions[] = {
    {"sum", MlasRvvReduceRowsSumKernel, MlasRvvReduceColumnsSumKernel, nullptr},
    {"maximum", MlasRvvReduceRowsMaximumKernel, MlasRvvReduceColumnsMaximumKernel, std::fmax},
    {"minimum", MlasRvvReduceRowsMinimumKernel, MlasRvvReduceColumnsMinimumKernel, std::fmin},
};

void
CheckOne(const REDUCTION& Reduction, const float* Input, size_t Stride, size_t Count, size_t Index, float Value)
{
    if (Reduction.Extremum == nullptr) {
        EXACT Wanted;
        for (size_t n = 0; n < Count; n++) {
            Wanted.Add(double(Input[n * Stride]));
        }
        if (!Wanted.Matches(Value)) {
            Fail(Reduction.Name, Index, double(Value), Wanted.Sum);
        }
    } else {
        float Wanted = *Input;
        for (size_t n = 1; n < Count; n++) {
            Wanted = Reduction.Extremum(Wanted, Input[n * Stride]);
        }
        if (std::isnan(Wanted) ? !std::isnan(Value) : Value != Wanted) {
            Fail(Reduction.Name, Index, double(Value), double(Wanted));
        }
    }
}

void
Check(const REDUCTION& Reduction, size_t M, size_t N, RANDOM& Random)
{
    const AGAINST Against = Random.Between(0, 1) == 0 ? AGAINST::End : AGAINST::Start;
    const size_t Stride = N + (Random.Between(0, 1) == 0 ? 0 : Random.Between(1, 9));
    // The last row has no more than its elements.
    GUARDED Input((M - 1) * Stride + N, Against);
    GUARDED OfRows(M, Against);
    GUARDED OfColumns(N, Against);

    Random.Fill(Input);

    if (Reduction.Extremum != nullptr) {
        constexpr float Infinity = std::numeric_limits<float>::infinity();
        const float Special[] = {Infinity, -Infinity, NAN, -3e38f};
        // No other value, some, or none.
        const size_t Rarity = Random.Between(0, 3);
        for (size_t n = 0; Rarity != 3 && n < Input.Count(); n++) {
            if (Random.Between(0, Rarity * 4) == 0) {
                Input[n] = Special[Random.Between(0, 3)];
            }
        }
    }

    Reduction.Rows(Input.Data(), Stride, M, N, OfRows.Data());
    Reduction.Columns(Input.Data(), Stride, M, N, OfColumns.Data());

    for (size_t m = 0; m < M; m++) {
        CheckOne(Reduction, Input.Data() + m * Stride, 1, N, m, OfRows[m]);
    }
    for (size_t n = 0; n < N; n++) {
        CheckOne(Reduction, Input.Data() + n, Stride, M, n, OfColumns[n]);
    }
}

// Added up one after the other, so many tenths are off by a hundredth part.
void
CheckLongSum()
{
    constexpr size_t Count = 1 << 20;
    GUARDED Input(Count, AGAINST::End);
    float Sum = 0.0f;

    std::fill_n(Input.Data(), Count, 0.1f);
    MlasRvvReduceRowsSumKernel(Input.Data(), Count, 1, Count, &Sum);

    const double Wanted = double(Count) * double(0.1f);
    if (std::fabs(double(Sum) - Wanted) > 1e-3 * Wanted) {
        Fail("long sum", 0, double(Sum), Wanted);
    }
}

}  // namespace

int
main()
{
    RANDOM Random(41);
    size_t Cases = 0;

    if (MlasRvvRegisterBytes() == 0) {
        printf("no vector registers\n");
        return 2;
    }

    for (const REDUCTION& Reduction : Reductions) {
        for (size_t N = 1; N <= 1000; N += N < 150 ? 1 : 37, Cases++) {
            Check(Reduction, Random.Between(1, 12), N, Random);
        }
    }
    CheckLongSum();

    printf("%zu cases at vlen=%zu\n", Cases, MlasRvvRegisterBytes() * 8);
    return 0;
}
