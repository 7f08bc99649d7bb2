/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    detect.cpp

Abstract:

    Finds out whether the processor has the vector extension 1.0, also for half precision, and whose it is.

    The kernel's riscv_hwprobe(2) knows the version. Kernels without it tell of "V" in AT_HWCAP, as those of vendors do
    for the draft 0.7 too. The two differ in the layout of vtype: a setting with the tail and mask policy bits of 1.0 is
    one that a 0.7 processor does not know, so it sets vill there.

--*/

#include "detect.h"

#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace
{

constexpr long SyscallHwprobe = 258;            // __NR_riscv_hwprobe
constexpr int64_t HwprobeKeyMvendorid = 0;      // RISCV_HWPROBE_KEY_MVENDORID
constexpr int64_t HwprobeKeyMarchid = 1;        // RISCV_HWPROBE_KEY_MARCHID
constexpr int64_t HwprobeKeyMimpid = 2;         // RISCV_HWPROBE_KEY_MIMPID
constexpr int64_t HwprobeKeyImaExt0 = 4;        // RISCV_HWPROBE_KEY_IMA_EXT_0
constexpr uint64_t HwprobeImaV = 1 << 2;        // RISCV_HWPROBE_IMA_V
constexpr uint64_t HwprobeExtZvfh = 1 << 30;    // RISCV_HWPROBE_EXT_ZVFH
constexpr uint64_t HwprobeDiffers = ~uint64_t(0);
constexpr unsigned long HwcapV = 1ul << ('V' - 'A');

struct HWPROBE_PAIR {
    int64_t Key;
    uint64_t Value;
};

//
// Whether the kernel knows the call; a key that it does not know becomes -1.
//

template<size_t N>
bool
Hwprobe(HWPROBE_PAIR (&Pairs)[N])
{
    return syscall(SyscallHwprobe, Pairs, N, 0ul, nullptr, 0u) == 0;
}

bool
VtypeIsOfVersion1()
{
    unsigned long Vtype;

    // vsetvli t0, zero, e8, m1, ta, ma; csrr %0, vtype. Spelled in numbers, as the assembler wants "v" for the names.
    __asm__ __volatile__(
        ".insn i 0x57, 7, t0, zero, 0x0c0\n\t"
        ".insn i 0x73, 2, %0, zero, -0x3df\n\t"
        : "=r"(Vtype)
        :
        : "t0");

    return (Vtype >> 63) == 0;
}

size_t
ReadVlenb()
{
    size_t Vlenb;

    __asm__ __volatile__(".insn i 0x73, 2, %0, zero, -0x3de\n\t" : "=r"(Vlenb));

    return Vlenb;
}

bool
HasVector()
{
    if ((getauxval(AT_HWCAP) & HwcapV) == 0) {
        return false;
    }

    HWPROBE_PAIR Pairs[] = {{HwprobeKeyImaExt0, 0}};

    if (Hwprobe(Pairs) && Pairs[0].Key == HwprobeKeyImaExt0) {
        return (Pairs[0].Value & HwprobeImaV) != 0;
    }

    return VtypeIsOfVersion1();
}

}  // namespace

MLAS_RISCV_PROCESSOR_IDS
MlasRiscvProcessorIds()
{
    HWPROBE_PAIR Pairs[] = {{HwprobeKeyMvendorid, 0}, {HwprobeKeyMarchid, 0}, {HwprobeKeyMimpid, 0}};

    if (!Hwprobe(Pairs)) {
        return {};
    }

    for (const HWPROBE_PAIR& Pair : Pairs) {
        if (Pair.Key < 0 || Pair.Value == HwprobeDiffers) {
            return {};
        }
    }

    return {true, Pairs[0].Value, Pairs[1].Value, Pairs[2].Value};
}

size_t
MlasRvvRegisterBytes()
{
    static const size_t Bytes = HasVector() ? ReadVlenb() : 0;

    return Bytes;
}

bool
MlasRvvHasHalf()
{
    if (MlasRvvRegisterBytes() == 0) {
        return false;
    }

    HWPROBE_PAIR Pairs[] = {{HwprobeKeyImaExt0, 0}};

    return Hwprobe(Pairs) && Pairs[0].Key == HwprobeKeyImaExt0 && (Pairs[0].Value & HwprobeExtZvfh) != 0;
}
