/* Decide whether a series of times is long enough, with the same statistics as edgetool/records/stats.py. */
#ifndef EDGETOOL_STOP_H
#define EDGETOOL_STOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STOP_UNKNOWN = -1 };

struct stop {
  int64_t error_ppm;   /* half width of the median's 95 % interval ÷ the median; STOP_UNKNOWN: too few samples */
  int64_t independent; /* number of independent samples with the same information */
  int64_t more;        /* further samples to reach the target error; 0: reached; STOP_UNKNOWN as above */
};

/* Judge a series in time order. Returns false when out of memory. */
bool stop_judge(const int64_t *samples, size_t count, int64_t target_ppm, struct stop *stop);

/* Whether the median of each window lies within the other, so neither is faster. `count` is at most STOP_WINDOW. */
enum { STOP_WINDOW = 64 };
bool stop_windows_agree(const int64_t *older, const int64_t *newer, size_t count);

#endif
