/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    rvv.h

Abstract:

    RISC-V vector intrinsics for single functions: a file whose functions lie between MLAS_RVV_BEGIN and MLAS_RVV_END
    may use them, while the object stays one that every RV64GC processor can load.

--*/

#pragma once

#include <riscv_vector.h>

#if defined(__clang__)
#define MLAS_RVV_BEGIN _Pragma("clang attribute push(__attribute__((target(\"arch=+v\"))), apply_to = function)")
#define MLAS_RVV_END _Pragma("clang attribute pop")
#else
// GCC compiles the whole file with -march=rv64gcv.
#define MLAS_RVV_BEGIN
#define MLAS_RVV_END
#endif

//
// The same for arithmetic of half precision, Zvfh, in the files half_*.cpp.
//

#if defined(__clang__)
#define MLAS_RVV_HALF_BEGIN \
    _Pragma("clang attribute push(__attribute__((target(\"arch=+v,+zvfh\"))), apply_to = function)")
#define MLAS_RVV_HALF_END _Pragma("clang attribute pop")
#else
// GCC compiles the whole file with -march=rv64gcv_zvfh.
#define MLAS_RVV_HALF_BEGIN
#define MLAS_RVV_HALF_END
#endif
