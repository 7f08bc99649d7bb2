/* The program's readings of its clock, with the counts since the previous one. */
#ifndef EDGETOOL_READINGS_H
#define EDGETOOL_READINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "counts.h"

/* Keep readings from now on. */
void readings_open(void);
bool readings_kept(void);

/* Add a reading; `now` are the counts since the program began. */
void readings_add(int64_t time_ns, const struct counts *now, const struct cache_plan *plans, size_t caches);

/* Write the items of a JSON array. Returns whether all readings are among them. */
bool readings_write(FILE *file);

#endif
