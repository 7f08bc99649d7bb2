/* What is counted, and how it is written. */
#ifndef EDGETOOL_COUNTS_H
#define EDGETOOL_COUNTS_H

#include <stdio.h>

#include "cache.h"
#include "decode.h"

enum {
  CELLS = SHAPELESS_OPS + (OPS - SHAPELESS_OPS) * SHAPES,
  CACHES_MAX = 16,
};

/* Instructions of one operation and shape. */
struct cell {
  uint64_t count;
  uint64_t weight; /* of those with a shape; one without weighs 1 */
};

struct counts {
  struct cell cells[CELLS]; /* those without a shape first, by operation */
  uint64_t load_bytes, store_bytes;
  struct traffic traffic[CACHES_MAX];
};

static inline size_t cell_of(enum op op, size_t shape) {
  return op < SHAPELESS_OPS ? (size_t)op : SHAPELESS_OPS + (size_t)(op - SHAPELESS_OPS) * SHAPES + shape;
}

/* All of them are numbers of one kind, so that they can be added and subtracted without their names. */
void counts_add(struct counts *into, const struct counts *from);
void counts_subtract(struct counts *from, const struct counts *other);

/* As a JSON object; the caches' traffic by their names. */
void counts_write(FILE *file, const struct counts *counts, const struct cache_plan *plans, size_t caches);

#endif
