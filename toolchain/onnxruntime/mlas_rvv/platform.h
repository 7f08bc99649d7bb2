/*++

Module Name:

    platform.h

Abstract:

    Where each family of kernels enters MLAS's dispatch tables.

--*/

#pragma once

#include "mlasi.h"

void
MlasRvvRegisterFloat(MLAS_PLATFORM& Platform);

void
MlasRvvRegisterQuantized(MLAS_PLATFORM& Platform);
