/* The counts and their JSON format. */
#ifndef EDGETOOL_COUNTS_H
#define EDGETOOL_COUNTS_H

#include <stdio.h>

#include "cache.h"
#include "decode.h"

enum {
  CELLS = SHAPELESS_OPS + (OPS - SHAPELESS_OPS) * SHAPES,
  CACHES_MAX = 16,
};

/* Counts of one operation and shape. */
struct cell {
  uint64_t count;
  uint64_t weight; /* of operations with a shape; the others weigh 1 */
};

struct counts {
  struct cell cells[CELLS]; /* operations without a shape first */
  uint64_t load_bytes, store_bytes;
  struct traffic traffic[CACHES_MAX];
};

static inline size_t cell_of(enum op op, size_t shape) {
  return op < SHAPELESS_OPS ? (size_t)op : SHAPELESS_OPS + (size_t)(op - SHAPELESS_OPS) * SHAPES + shape;
}

/* All fields are of the same type, so that they can be added and subtracted in a loop. */
void counts_add(struct counts *into, const struct counts *from);
void counts_subtract(struct counts *from, const struct counts *other);

/* Write the counts as a JSON object, with the traffic of each cache by name. */
void counts_write(FILE *file, const struct counts *counts, const struct cache_plan *plans, size_t caches);

#endif
