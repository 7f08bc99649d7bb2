/*++

Copyright (c) edgetool contributors. All rights reserved.

Licensed under the MIT License.

Module Name:

    detect_ime.cpp

Abstract:

    Which CPUs are tried for SpacemiT's matrix extension, on a system of eight. An emulator's CPUs are all alike, so some
    are made to lack it: one that the thread cannot be moved to, ones whose instruction is illegal, and one where it is
    another instruction.

--*/

#include <cstdio>
#include <cstdlib>
#include <sched.h>
#include <signal.h>

namespace
{

cpu_set_t Allowed;
cpu_set_t Held;
constexpr int NoCpu = 8;
int FirstWithout;
int WrongCpu;

int
GetAffinity(int, size_t, cpu_set_t* Cpus)
{
    *Cpus = Allowed;
    return 0;
}

int
SetAffinity(int, size_t, const cpu_set_t* Cpus)
{
    if (CPU_COUNT(Cpus) == 1 && CPU_ISSET(7, Cpus)) {
        return -1;
    }

    Held = *Cpus;

    return 0;
}

}  // namespace

#define sched_getaffinity GetAffinity
#define sched_setaffinity SetAffinity
#include "../detect_ime.cpp"

namespace
{

int64_t
MultiplyOnSome()
{
    if (CPU_COUNT(&Held) != 1) {
        puts("tried while it may run elsewhere");
        exit(1);
    }

    for (int Cpu = FirstWithout; Cpu < 8; Cpu++) {
        if (CPU_ISSET(Cpu, &Held)) {
            __asm__ __volatile__("unimp");
        }
    }

    return CPU_ISSET(WrongCpu, &Held) ? WantedSum + 1 : Multiply();
}

void
OnIllegalBefore(int)
{
    exit(0);
}

void
Check(int First, int Last, int WithoutFrom, const std::string& Wanted, int Wrong = NoCpu)
{
    CPU_ZERO(&Allowed);
    CPU_ZERO(&Held);
    FirstWithout = WithoutFrom;
    WrongCpu = Wrong;

    for (int Cpu = First; Cpu <= Last; Cpu++) {
        CPU_SET(Cpu, &Allowed);
    }

    const std::string Got = WhyNotEverywhere(MultiplyOnSome);

    if (Got != Wanted) {
        printf("CPUs %d-%d of which those from %d on lack it: '%s', not '%s'\n", First, Last, WithoutFrom, Got.c_str(),
            Wanted.c_str());
        exit(1);
    }
    if (!CPU_EQUAL(&Held, &Allowed)) {
        puts("the affinity was not given back");
        exit(1);
    }
}

}  // namespace

int
main()
{
    signal(SIGILL, OnIllegalBefore);

    Check(0, 3, 4, "");
    Check(2, 2, 4, "");
    Check(0, 1, 8, "not on CPU 1: taskset -c 0 leaves those that have it", 1);
    Check(0, 6, 4, "not on CPUs 4-6: taskset -c 0-3 leaves those that have it");
    Check(3, 5, 4, "not on CPUs 4-5: taskset -c 3 leaves those that have it");
    Check(4, 6, 4, "no allowed CPU has it");
    Check(6, 7, 8, "not on CPU 7: taskset -c 6 leaves those that have it");

    // The handler of before is there again, and ends this well.
    __asm__ __volatile__("unimp");

    return 1;
}
