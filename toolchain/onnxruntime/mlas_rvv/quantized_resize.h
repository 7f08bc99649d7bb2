/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    quantized_resize.h

Abstract:

    Bilinear interpolation of bytes.

--*/

#pragma once

#include "mlasi.h"

//
// See MlasResizeBilinear and MlasResizePixels.
//

template<typename T>
void
MLASCALL
MlasRvvResizePlane(
    const MLAS_RESIZE_BILINEAR* Plan,
    const T* Input,
    T* Output,
    float* Lines
    );

template<typename T>
void
MLASCALL
MlasRvvResizePixels(
    const MLAS_RESIZE_BILINEAR_INTEGER* Plan,
    const T* Input,
    T* Output,
    size_t Channels,
    size_t First,
    size_t Last
    );

template<typename T>
void
MLASCALL
MlasScalarResizePlane(
    const MLAS_RESIZE_BILINEAR* Plan,
    const T* Input,
    T* Output,
    float* Lines
    );

template<typename T>
void
MLASCALL
MlasScalarResizePixels(
    const MLAS_RESIZE_BILINEAR_INTEGER* Plan,
    const T* Input,
    T* Output,
    size_t Channels,
    size_t First,
    size_t Last
    );
