/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_group.h

Abstract:

    Single precision register groups by their length, for kernels that take short rows in fewer registers than long ones.

--*/

#pragma once

#include "rvv.h"

#include <cstddef>

MLAS_RVV_BEGIN

template<size_t Lmul>
struct MLAS_RVV_GROUP;

//
// Ratio is that of a mask: bits of an element by Lmul.
//

#define MLAS_RVV_DEFINE_GROUP(Lmul, Ratio)                                                                      \
    template<>                                                                                                  \
    struct MLAS_RVV_GROUP<Lmul> {                                                                               \
        using Vector = vfloat32m##Lmul##_t;                                                                     \
        using Indices = vuint32m##Lmul##_t;                                                                     \
        using Mask = vbool##Ratio##_t;                                                                          \
        static size_t Length(size_t N) { return __riscv_vsetvl_e32m##Lmul(N); }                                 \
        static Vector Broadcast(float s, size_t vl) { return __riscv_vfmv_v_f_f32m##Lmul(s, vl); }              \
        static Indices Numbers(size_t vl) { return __riscv_vid_v_u32m##Lmul(vl); }                              \
        static Vector Load(const float* s, size_t vl) { return __riscv_vle32_v_f32m##Lmul(s, vl); }             \
        static Vector Load(const float* s, size_t Step, size_t vl)                                              \
        {                                                                                                       \
            return Step == 1 ? Load(s, vl)                                                                      \
                             : __riscv_vlse32_v_f32m##Lmul(s, ptrdiff_t(Step * sizeof(float)), vl);             \
        }                                                                                                       \
        static Vector Load(Mask Inside, const float* s, size_t Step, size_t vl)                                 \
        {                                                                                                       \
            return Step == 1 ? __riscv_vle32_v_f32m##Lmul##_m(Inside, s, vl)                                    \
                             : __riscv_vlse32_v_f32m##Lmul##_m(Inside, s, ptrdiff_t(Step * sizeof(float)), vl); \
        }                                                                                                       \
    }

MLAS_RVV_DEFINE_GROUP(1, 32);
MLAS_RVV_DEFINE_GROUP(2, 16);
MLAS_RVV_DEFINE_GROUP(4, 8);
MLAS_RVV_DEFINE_GROUP(8, 4);

#undef MLAS_RVV_DEFINE_GROUP

MLAS_RVV_END
