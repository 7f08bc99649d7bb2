#include "inferences.h"

#include <glib.h>
#include <inttypes.h>

struct inference {
  uint64_t elapsed;
  GArray *threads; /* struct counts */
};

static GArray *inferences; /* struct inference */

static struct inference *inference_at(guint index) { return &g_array_index(inferences, struct inference, index); }

void inferences_begin(uint64_t elapsed) {
  if (inferences == NULL) {
    inferences = g_array_new(FALSE, FALSE, sizeof(struct inference));
  }
  struct inference begun = {.elapsed = elapsed, .threads = g_array_new(FALSE, FALSE, sizeof(struct counts))};
  g_array_append_val(inferences, begun);
}

void inferences_add(const struct counts *thread) {
  g_array_append_vals(inference_at(inferences->len - 1)->threads, thread, 1);
}

static void write_threads(FILE *file, const struct inference *inference, const struct cache_plan *plans,
                          size_t caches) {
  for (guint i = 0; i < inference->threads->len; i++) {
    fputs(i == 0 ? "\n" : ",\n", file);
    counts_write(file, &g_array_index(inference->threads, struct counts, i), plans, caches);
  }
}

void inferences_write_sums(FILE *file, const struct cache_plan *plans, size_t caches) {
  for (guint i = 0; inferences != NULL && i < inferences->len; i++) {
    struct counts sum = {0};
    for (guint j = 0; j < inference_at(i)->threads->len; j++) {
      counts_add(&sum, &g_array_index(inference_at(i)->threads, struct counts, j));
    }
    fputs(i == 0 ? "\n" : ",\n", file);
    counts_write(file, &sum, plans, caches);
  }
}

void inferences_write_steps(FILE *file, const struct cache_plan *plans, size_t caches) {
  for (guint i = 0; inferences != NULL && i < inferences->len; i++) {
    fprintf(file, "%s{\"elapsed\": %" PRIu64 ", \"threads\": [", i == 0 ? "\n" : ",\n", inference_at(i)->elapsed);
    write_threads(file, inference_at(i), plans, caches);
    fputs("]}", file);
  }
}
