#include "counts.h"

#include <inttypes.h>

_Static_assert(sizeof(struct counts) % sizeof(uint64_t) == 0, "struct counts holds nothing but 64-bit numbers");

void counts_add(struct counts *into, const struct counts *from) {
  uint64_t *sums = (uint64_t *)into;
  const uint64_t *numbers = (const uint64_t *)from;
  for (size_t i = 0; i < sizeof *into / sizeof *sums; i++) {
    sums[i] += numbers[i];
  }
}

void counts_subtract(struct counts *from, const struct counts *other) {
  uint64_t *rests = (uint64_t *)from;
  const uint64_t *numbers = (const uint64_t *)other;
  for (size_t i = 0; i < sizeof *from / sizeof *rests; i++) {
    rests[i] -= numbers[i];
  }
}

static void write_cell(FILE *file, size_t index, const struct cell *cell) {
  if (index < SHAPELESS_OPS) {
    fprintf(file, "{\"op\": \"%s\", \"count\": %" PRIu64 ", \"weight\": %" PRIu64 "}", OP_NAMES[index], cell->count,
            cell->count);
    return;
  }
  size_t shape = (index - SHAPELESS_OPS) % SHAPES;
  fprintf(file, "{\"op\": \"%s\", \"sew\": %u, \"registers\": %s, \"count\": %" PRIu64 ", \"weight\": %" PRIu64 "}",
          OP_NAMES[SHAPELESS_OPS + (index - SHAPELESS_OPS) / SHAPES], sew_of(shape), GROUP_NAMES[group_of(shape)],
          cell->count, cell->weight);
}

void counts_write(FILE *file, const struct counts *counts, const struct cache_plan *plans, size_t caches) {
  const char *separator = "";
  fputs("{\"cells\": [", file);
  for (size_t i = 0; i < CELLS; i++) {
    if (counts->cells[i].count > 0) {
      fputs(separator, file);
      write_cell(file, i, &counts->cells[i]);
      separator = ", ";
    }
  }
  fprintf(file, "], \"load_bytes\": %" PRIu64 ", \"store_bytes\": %" PRIu64 ", \"traffic\": [", counts->load_bytes,
          counts->store_bytes);
  for (size_t i = 0; i < caches; i++) {
    fprintf(file, "%s{\"cache\": \"%s\", \"beyond_l1_bytes\": %" PRIu64 ", \"beyond_l2_bytes\": %" PRIu64 "}",
            i == 0 ? "" : ", ", plans[i].name, counts->traffic[i].beyond_l1, counts->traffic[i].beyond_l2);
  }
  fputs("]}", file);
}
