/* What each thread executed between two marks, for each inference. */
#ifndef EDGETOOL_INFERENCES_H
#define EDGETOOL_INFERENCES_H

#include <stdint.h>

#include "counts.h"

/* Begin an inference, then add what each of its threads executed. `elapsed` is that of steps.h, or 0. */
void inferences_begin(uint64_t elapsed);
void inferences_add(const struct counts *thread);

/* Write the sums over the threads as the items of a JSON array, or each inference's steps and threads. */
void inferences_write_sums(FILE *file, const struct cache_plan *plans, size_t caches);
void inferences_write_steps(FILE *file, const struct cache_plan *plans, size_t caches);

#endif
