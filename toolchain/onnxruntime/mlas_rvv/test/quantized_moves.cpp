/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    quantized_moves.cpp

Abstract:

    Transposition of matrices and of parts of tensors, reordering and look-up in tables against their definition.

--*/

#include "quantized_support.h"

#include "mlas_elementwise.h"
#include "mlas_transpose.h"

namespace
{

template<typename T>
void
CheckTranspose(size_t M, size_t N, RANDOM& Random)
{
    GUARDED<T> Input(M * N);
    GUARDED<T> Output(M * N);

    for (size_t n = 0; n < M * N; n++) {
        Input[n] = static_cast<T>(Random.Next());
    }

    MlasTranspose(Input.data(), Output.data(), M, N);

    for (size_t m = 0; m < M; m++) {
        for (size_t n = 0; n < N; n++) {
            if (Output[n * M + m] != Input[m * N + n]) {
                char Name[80];
                snprintf(Name, sizeof(Name), "transpose %zu bytes, %zu x %zu", sizeof(T), M, N);
                Fail(Name, n * M + m, static_cast<double>(Input[m * N + n]), static_cast<double>(Output[n * M + m]));
            }
        }
    }
}

// What lies between the rows of the output stays as it is.
template<typename T>
void
CheckPlane(size_t M, size_t N, RANDOM& Random)
{
    const size_t InputStride = N + static_cast<size_t>(Random.Between(0, 9));
    const size_t OutputStride = M + static_cast<size_t>(Random.Between(0, 9));
    GUARDED<T> Input((M - 1) * InputStride + N);
    GUARDED<T> Output((N - 1) * OutputStride + M);

    for (size_t n = 0; n < Input.size(); n++) {
        Input[n] = static_cast<T>(Random.Next());
    }
    for (size_t n = 0; n < Output.size(); n++) {
        Output[n] = static_cast<T>(n);
    }

    if (!MlasTransposePlane(Input.data(), InputStride, Output.data(), OutputStride, M, N)) {
        Fail("a kernel to transpose a plane", 0, 1, 0);
    }

    for (size_t i = 0; i < Output.size(); i++) {
        const size_t n = i / OutputStride, m = i % OutputStride;
        const T Wanted = m < M ? Input[m * InputStride + n] : static_cast<T>(i);
        if (Output[i] != Wanted) {
            char Name[80];
            snprintf(Name, sizeof(Name), "transpose a plane of %zu bytes, %zu x %zu", sizeof(T), M, N);
            Fail(Name, i, static_cast<double>(Wanted), static_cast<double>(Output[i]));
        }
    }
}

// ONNX Runtime gives channels in multiples of four.
void
CheckReorder(size_t Channels, size_t Size, RANDOM& Random)
{
    const size_t Block = MlasNchwcGetBlockSize();
    const size_t Padded = (Channels + Block - 1) / Block * Block;
    GUARDED<float> Input(Channels * Size);
    GUARDED<float> Blocked(Padded * Size);
    GUARDED<float> Output(Channels * Size);

    for (size_t n = 0; n < Input.size(); n++) {
        Input[n] = Random.Scale(-1.0f, 1.0f);
    }

    MlasReorderInputNchw(Input.data(), Blocked.data(), Channels, Size);

    for (size_t c = 0; c < Padded; c++) {
        for (size_t i = 0; i < Size; i++) {
            const float Wanted = c < Channels ? Input[c * Size + i] : 0.0f;
            const size_t n = (c / Block * Size + i) * Block + c % Block;
            if (Blocked[n] != Wanted) {
                Fail("reorder to blocks", n, Wanted, Blocked[n]);
            }
        }
    }

    const int64_t Shape[] = {1, static_cast<int64_t>(Channels), 1, static_cast<int64_t>(Size)};
    MlasReorderOutputNchw(Shape, Blocked.data(), Output.data(), nullptr);

    if (memcmp(Input.data(), Output.data(), Input.size() * sizeof(float)) != 0) {
        Fail("reorder from blocks", Channels, 0, 0);
    }
}

void
CheckLookup(size_t N, RANDOM& Random)
{
    GUARDED<uint8_t> Input(N);
    GUARDED<uint8_t> Table(256);
    GUARDED<uint8_t> Output(N);
    Fill(Input, Random, 0);
    Fill(Table, Random, 0);

    if (!MlasLookup(Input.data(), Table.data(), Output.data(), N)) {
        Fail("a kernel to look up", 0, 1, 0);
    }

    for (size_t n = 0; n < N; n++) {
        if (Output[n] != Table[Input[n]]) {
            Fail("look-up", n, Table[Input[n]], Output[n]);
        }
    }
}

template<typename T>
void
CheckGather(size_t N, RANDOM& Random)
{
    GUARDED<T> Input(static_cast<size_t>(Random.Between(1, 500)));
    GUARDED<uint32_t> Index(N);
    GUARDED<T> Output(N);
    Fill(Input, Random, 0);
    for (size_t n = 0; n < N; n++) {
        Index[n] = static_cast<uint32_t>(Random.Between(0, static_cast<int64_t>(Input.size()) - 1));
    }

    if (!MlasGather(Input.data(), Index.data(), Output.data(), N)) {
        Fail("a kernel to gather", 0, 1, 0);
    }

    for (size_t n = 0; n < N; n++) {
        if (Output[n] != Input[Index[n]]) {
            Fail("gather", n, Input[Index[n]], Output[n]);
        }
    }
}

}  // namespace

int
main()
{
    RANDOM Random(23);
    size_t Count = 0;

    const auto Transpose = [&](size_t M, size_t N) {
        CheckTranspose<uint8_t>(M, N, Random);
        CheckTranspose<uint16_t>(M, N, Random);
        CheckTranspose<uint32_t>(M, N, Random);
        CheckPlane<uint8_t>(M, N, Random);
        CheckPlane<uint16_t>(M, N, Random);
        CheckPlane<uint32_t>(M, N, Random);
        Count += 6;
    };

    for (size_t M = 1; M <= 20; M++) {
        for (size_t N = 1; N <= 300; N += N < 20 ? 1 : 41) {
            Transpose(M, N);
            Transpose(N, M);
        }
    }
    for (size_t n = 0; n < 20; n++) {
        Transpose(static_cast<size_t>(Random.Between(1, 400)), static_cast<size_t>(Random.Between(1, 400)));
    }

    for (size_t Channels = 4; Channels <= 100; Channels += 4) {
        for (size_t Size = 1; Size <= 200; Size += Size < 20 ? 1 : 47, Count++) {
            CheckReorder(Channels, Size, Random);
        }
    }

    for (size_t N = 0; N <= 3000; N += N < 100 ? 1 : 331, Count++) {
        CheckLookup(N, Random);
        CheckGather<uint8_t>(N, Random);
        CheckGather<uint32_t>(N, Random);
    }

    printf("%zu moves\n", Count);
    return 0;
}
