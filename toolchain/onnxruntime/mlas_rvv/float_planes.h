/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    float_planes.h

Abstract:

    The single precision kernels that take a plane.

--*/

#pragma once

#include <cstddef>

//
// Input less its mean, over the standard deviation, times Scale, plus Bias. Output may be Input.
//

void
MlasRvvInstanceNormKernel(
    const float* Input,
    float* Output,
    size_t N,
    float Epsilon,
    float Scale,
    float Bias
    );

//
// Input / (Bias + Scale x the sum of squares) ^ Beta, over Before planes, this one and After planes, Stride apart.
//

void
MlasRvvLrnKernel(
    const float* Input,
    size_t Stride,
    size_t Before,
    size_t After,
    float* Output,
    size_t N,
    float Scale,
    float Bias,
    float Beta
    );

//
// The windows of a plane, or of a line or a volume.
//

struct MLAS_POOL_PLANE;

void
MlasRvvPoolPlaneKernel(
    const MLAS_POOL_PLANE* Plane,
    const float* Input,
    float* Output
    );

//
// Bilinear interpolation in a plane. Lines holds two rows of the output.
//

template<typename Weight>
struct MLAS_RESIZE_PLAN;

void
MlasRvvResizeBilinearKernel(
    const MLAS_RESIZE_PLAN<float>* Plan,
    const float* Input,
    float* Output,
    float* Lines
    );
