/* When a series of times is long enough. The statistics are those of edgetool/records/stats.py. */
#ifndef EDGETOOL_STOP_H
#define EDGETOOL_STOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STOP_UNKNOWN = -1 };

struct stop {
  int64_t error_ppm;   /* half of the median's 95 % interval ÷ the median; STOP_UNKNOWN: too few for an interval */
  int64_t independent; /* as many samples tell as much */
  int64_t more;        /* samples to the error that is wanted; 0: it is reached; STOP_UNKNOWN as above */
};

/* Judge a series in the order it was taken. False without memory. */
bool stop_judge(const int64_t *samples, size_t count, int64_t target_ppm, struct stop *stop);

/* Whether the median of each window lies within the other: neither is faster. `count` is at most STOP_WINDOW. */
enum { STOP_WINDOW = 64 };
bool stop_windows_agree(const int64_t *older, const int64_t *newer, size_t count);

#endif
