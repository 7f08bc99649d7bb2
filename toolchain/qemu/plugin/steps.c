#include "steps.h"

#include <glib.h>

enum {
  AHEAD_MAX = 2 * STEP,
  PATIENCE_S = 20,
  /* The kernel's numbers for riscv64, and include/uapi/linux/futex.h. */
  SYSCALL_FUTEX = 98,
  SYSCALL_NANOSLEEP = 101,
  SYSCALL_CLOCK_NANOSLEEP = 115,
  SYSCALL_CLONE = 220,
  CLONE_THREAD = 0x10000,
  FUTEX_COMMAND = 0x7f,
  FUTEX_WAIT = 0,
  FUTEX_WAKE = 1,
  FUTEX_WAIT_BITSET = 9,
  FUTEX_WAKE_BITSET = 10,
};

struct clock {
  uint64_t time;
  uint64_t futex; /* the address that it waits on; 0 awake or elsewhere */
  uint64_t since; /* the order in which threads went to sleep */
  bool alive, asleep, starting; /* starting: in the call that starts another */
};

static GMutex lock; /* protects all variables below */
static GCond moved; /* the slowest clock has changed */
static GArray *clocks;
static uint64_t frontier; /* the slowest clock of an awake thread; what it was when the last fell asleep */
static uint64_t sleeps;
static unsigned unborn; /* threads that were started and have not begun */
static bool lost;

static struct clock *clock_of(unsigned thread) {
  if (clocks == NULL) {
    clocks = g_array_new(FALSE, TRUE, sizeof(struct clock));
  }
  if (thread >= clocks->len) {
    g_array_set_size(clocks, thread + 1);
  }
  return &g_array_index(clocks, struct clock, thread);
}

/* Clocks never go back: neither does the slowest. */
static void move_frontier(void) {
  if (unborn > 0) {
    return;
  }
  uint64_t slowest = UINT64_MAX;
  for (guint i = 0; i < clocks->len; i++) {
    const struct clock *clock = &g_array_index(clocks, struct clock, i);
    if (clock->alive && !clock->asleep) {
      slowest = MIN(slowest, clock->time);
    }
  }
  if (slowest != UINT64_MAX && slowest > frontier) {
    frontier = slowest;
    g_cond_broadcast(&moved);
  }
}

static void fall_asleep(struct clock *clock, uint64_t futex) {
  move_frontier();
  clock->asleep = true;
  clock->futex = futex;
  clock->since = ++sleeps;
  move_frontier();
}

static void wake(struct clock *clock, uint64_t time) {
  clock->asleep = false;
  clock->futex = 0;
  clock->time = MAX(clock->time, time);
}

/* Wake those who have waited longest, as the kernel does. They are awake from now on, whenever the host runs them. */
static void wake_waiting(uint64_t futex, uint64_t most, uint64_t time) {
  for (uint64_t woken = 0; woken < most; woken++) {
    struct clock *first = NULL;
    for (guint i = 0; i < clocks->len; i++) {
      struct clock *clock = &g_array_index(clocks, struct clock, i);
      if (clock->alive && clock->asleep && clock->futex == futex && (first == NULL || clock->since < first->since)) {
        first = clock;
      }
    }
    if (first == NULL) {
      return;
    }
    wake(first, time);
  }
}

void steps_begin(unsigned thread) {
  g_mutex_lock(&lock);
  *clock_of(thread) = (struct clock){.time = frontier, .alive = true};
  unborn -= unborn > 0;
  move_frontier();
  g_mutex_unlock(&lock);
}

void steps_end(unsigned thread) {
  g_mutex_lock(&lock);
  clock_of(thread)->alive = false;
  move_frontier();
  g_mutex_unlock(&lock);
}

void steps_advance(unsigned thread, uint64_t weight) {
  g_mutex_lock(&lock);
  clock_of(thread)->time += weight;
  move_frontier();
  int64_t until = g_get_monotonic_time() + PATIENCE_S * G_TIME_SPAN_SECOND;
  while (!lost && clock_of(thread)->time > frontier + AHEAD_MAX) {
    lost = !g_cond_wait_until(&moved, &lock, until);
  }
  g_mutex_unlock(&lock);
}

void steps_syscall(unsigned thread, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3) {
  g_mutex_lock(&lock);
  struct clock *clock = clock_of(thread);
  if (number == SYSCALL_NANOSLEEP || number == SYSCALL_CLOCK_NANOSLEEP) {
    fall_asleep(clock, 0);
  } else if (number == SYSCALL_CLONE && (a1 & CLONE_THREAD) != 0) {
    clock->starting = true;
    unborn++;
  } else if (number == SYSCALL_FUTEX) {
    switch (a2 & FUTEX_COMMAND) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
      fall_asleep(clock, a1);
      break;
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
      wake_waiting(a1, a3, clock->time);
      break;
    default:
      break;
    }
  }
  g_mutex_unlock(&lock);
}

void steps_return(unsigned thread, int64_t result) {
  g_mutex_lock(&lock);
  struct clock *clock = clock_of(thread);
  if (clock->starting && result < 0 && unborn > 0) {
    unborn--;
    move_frontier();
  }
  clock->starting = false;
  if (clock->asleep) { /* nobody woke it that was seen: a time limit, or the value had changed */
    wake(clock, frontier);
  }
  g_mutex_unlock(&lock);
}

uint64_t steps_clock(unsigned thread) {
  g_mutex_lock(&lock);
  uint64_t time = clock_of(thread)->time;
  g_mutex_unlock(&lock);
  return time;
}

bool steps_lost(void) {
  g_mutex_lock(&lock);
  bool was = lost;
  g_mutex_unlock(&lock);
  return was;
}
