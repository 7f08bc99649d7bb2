#include "readings.h"

#include <inttypes.h>

enum { BYTES_MAX = 48 << 20 };

static FILE *readings; /* JSON, in memory */
static char *text;
static size_t size;
static bool cut; /* more readings than may be written */
static struct counts before;

void readings_open(void) { readings = open_memstream(&text, &size); }

bool readings_kept(void) { return readings != NULL; }

void readings_add(int64_t time_ns, const struct counts *now, const struct cache_plan *plans, size_t caches) {
  struct counts since = *now;
  counts_subtract(&since, &before);
  before = *now;
  cut = cut || ftell(readings) > BYTES_MAX;
  if (!cut) {
    fprintf(readings, "%s{\"time_ns\": %" PRId64 ", \"since\": ", ftell(readings) == 0 ? "\n" : ",\n", time_ns);
    counts_write(readings, &since, plans, caches);
    fputc('}', readings);
  }
}

bool readings_write(FILE *file) {
  if (readings != NULL && fflush(readings) == 0 && text != NULL) {
    fputs(text, file);
  }
  return !cut;
}
