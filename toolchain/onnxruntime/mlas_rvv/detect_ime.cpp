/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    detect_ime.cpp

Abstract:

    Finds out which CPUs have SpacemiT's integer matrix extension.

    Nothing tells of it: in a SpacemiT K1 four of eight harts have it, and all call themselves the same. So a product is
    computed on each CPU that this process may run on, while it may run there only. Where the instruction is illegal, or
    another one, the CPU does not have it.

--*/

#include "detect.h"

#include <csetjmp>
#include <csignal>
#include <sched.h>

namespace
{

// Registers of the one size that is implemented.
constexpr size_t RegisterBytes = 32;

// Where the thread that tries goes on after an illegal instruction.
thread_local sigjmp_buf* Illegal = nullptr;

void
OnIllegalInstruction(int)
{
    if (Illegal == nullptr) {
        // Another thread's, which ends the process when it comes again.
        signal(SIGILL, SIG_DFL);
        return;
    }

    siglongjmp(*Illegal, 1);
}

constexpr int64_t WantedSum = 8 * 3 * -5;

//
// One of the sums of eight products of 3 and -5.
//

int64_t
Multiply()
{
    int64_t Sum;

    __asm__ __volatile__(
        ".option push\n\t"
        ".option arch, +v\n\t"
        "vsetvli t0, zero, e32, m2, ta, ma\n\t"
        "vmv.v.i v4, 0\n\t"
        "vsetvli t0, zero, e8, m1, ta, ma\n\t"
        "vmv.v.i v1, 3\n\t"
        "vmv.v.i v2, -5\n\t"
        ".insn 4, 0xe220b22b\n\t"  // smt.vmadot v4, v1, v2
        "vsetvli t0, zero, e32, m2, ta, ma\n\t"
        "vmv.x.s %0, v4\n\t"
        ".option pop"
        : "=r"(Sum)
        :
        : "t0", "v1", "v2", "v4", "v5");

    return Sum;
}

bool
IsRightHere(int64_t (*Product)())
{
    sigjmp_buf Start;

    if (sigsetjmp(Start, 1) != 0) {
        Illegal = nullptr;
        return false;
    }

    Illegal = &Start;
    const bool Right = Product() == WantedSum;
    Illegal = nullptr;

    return Right;
}

//
// As taskset(1) writes them: "0-3,6".
//

std::string
ListOfCpus(const cpu_set_t& Cpus)
{
    std::string List;

    for (int Cpu = 0; Cpu < CPU_SETSIZE; Cpu++) {

        if (!CPU_ISSET(Cpu, &Cpus)) {
            continue;
        }

        const int First = Cpu;

        while (Cpu + 1 < CPU_SETSIZE && CPU_ISSET(Cpu + 1, &Cpus)) {
            Cpu++;
        }

        List += (List.empty() ? "" : ",") + std::to_string(First);
        List += Cpu == First ? "" : "-" + std::to_string(Cpu);
    }

    return List;
}

//
// Why a product is not right on every CPU that is allowed, empty if it is.
//

std::string
WhyNotEverywhere(int64_t (*Product)())
{
    cpu_set_t Allowed;

    if (sched_getaffinity(0, sizeof(Allowed), &Allowed) != 0) {
        return "the allowed CPUs are unknown";
    }

    struct sigaction Before;
    struct sigaction Action = {};

    Action.sa_handler = OnIllegalInstruction;

    if (sigaction(SIGILL, &Action, &Before) != 0) {
        return "no CPU can be tried";
    }

    cpu_set_t With;
    cpu_set_t Without;

    CPU_ZERO(&With);
    CPU_ZERO(&Without);

    for (int Cpu = 0; Cpu < CPU_SETSIZE; Cpu++) {

        cpu_set_t One;

        CPU_ZERO(&One);
        CPU_SET(Cpu, &One);

        if (CPU_ISSET(Cpu, &Allowed)) {
            const bool Right = sched_setaffinity(0, sizeof(One), &One) == 0 && IsRightHere(Product);
            CPU_SET(Cpu, Right ? &With : &Without);
        }
    }

    sched_setaffinity(0, sizeof(Allowed), &Allowed);
    sigaction(SIGILL, &Before, nullptr);

    if (CPU_COUNT(&Without) == 0) {
        return {};
    }
    if (CPU_COUNT(&With) == 0) {
        return "no allowed CPU has it";
    }

    return std::string(CPU_COUNT(&Without) == 1 ? "not on CPU " : "not on CPUs ") + ListOfCpus(Without) +
        ": taskset -c " + ListOfCpus(With) + " leaves those that have it";
}

}  // namespace

std::string
MlasRvvWhyNotIme()
{
    return MlasRvvRegisterBytes() == RegisterBytes ? WhyNotEverywhere(Multiply) : "it needs vlen=256";
}
