/*++

Module Name:

    detect.cpp

Abstract:

    Finds out whether the processor has the vector extension 1.0.

    The kernel's riscv_hwprobe(2) knows the version. Kernels without it tell of "V" in AT_HWCAP, as those of vendors do
    for the draft 0.7 too. The two differ in the layout of vtype: a setting with the tail and mask policy bits of 1.0 is
    one that a 0.7 processor does not know, so it sets vill there.

--*/

#include "detect.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace
{

constexpr long SyscallHwprobe = 258;            // __NR_riscv_hwprobe
constexpr int64_t HwprobeKeyImaExt0 = 4;        // RISCV_HWPROBE_KEY_IMA_EXT_0
constexpr uint64_t HwprobeImaV = 1 << 2;        // RISCV_HWPROBE_IMA_V
constexpr unsigned long HwcapV = 1ul << ('V' - 'A');

struct HwprobePair {
    int64_t Key;
    uint64_t Value;
};

bool
ForcedScalar()
{
    const char* Setting = getenv("EDGETOOL_FORCE_SCALAR");

    return Setting != nullptr && Setting[0] != '\0' && strcmp(Setting, "0") != 0;
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

    HwprobePair Pair{HwprobeKeyImaExt0, 0};

    if (syscall(SyscallHwprobe, &Pair, 1ul, 0ul, nullptr, 0u) == 0 && Pair.Key == HwprobeKeyImaExt0) {
        return (Pair.Value & HwprobeImaV) != 0;
    }

    return VtypeIsOfVersion1();
}

}  // namespace

size_t
MlasRvvRegisterBytes()
{
    static const size_t Bytes = !ForcedScalar() && HasVector() ? ReadVlenb() : 0;

    return Bytes;
}
