/* Threads in step: each thread has a clock that advances with what it executes, and none runs far ahead of another.
 *
 * An emulator's threads share the processors of its host, so how a pool of threads divides work between them says
 * nothing about a board with a processor for each. In step, a thread that is ahead waits until the others have caught
 * up, except for those that sleep in a futex. The clocks are in weighted instructions, not in time. */
#ifndef EDGETOOL_STEPS_H
#define EDGETOOL_STEPS_H

#include <stdbool.h>
#include <stdint.h>

enum { STEP = 500 }; /* weighted instructions between two looks at the other threads */

/* A thread starts or ends. It starts at the clock of the slowest. */
void steps_begin(unsigned thread);
void steps_end(unsigned thread);

/* Advance a thread's clock, then wait until no other awake thread is more than two steps behind. */
void steps_advance(unsigned thread, uint64_t weight);

/* A thread enters or leaves a system call. A futex puts it to sleep or wakes others, at the caller's clock. A thread
 * that it starts is waited for, since the host may take its time. */
void steps_syscall(unsigned thread, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3);
void steps_return(unsigned thread, int64_t result);

uint64_t steps_clock(unsigned thread);

/* Whether a thread waited in vain: the clocks are worth nothing then. */
bool steps_lost(void);

#endif
