#include "cache.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
  SIZE_MAX_BYTES = 1 << 28,
  WAYS_MAX = 64,
  LINE_MAX_BYTES = 1 << 12,
};

static const uint64_t EMPTY = UINT64_MAX;

/* An entry is a line number, shifted left by one for the dirty bit. The entries of a set are sorted by recency, most
 * recent first. */
struct level {
  uint64_t set_mask;
  unsigned ways;
  uint64_t *entries;
};

struct cache {
  unsigned line_shift;
  struct level l1, l2;
};

static bool is_power_of_two(uint64_t number) { return number != 0 && (number & (number - 1)) == 0; }

static uint64_t sets_of(const struct cache_level *level, uint64_t line_bytes) {
  return level->size_bytes / (level->ways * line_bytes);
}

static bool is_possible(const struct cache_level *level, uint64_t line_bytes) {
  return level->ways >= 1 && level->ways <= WAYS_MAX && level->size_bytes <= SIZE_MAX_BYTES &&
         level->size_bytes % (level->ways * line_bytes) == 0 && is_power_of_two(sets_of(level, line_bytes));
}

bool cache_parse(const char *text, struct cache_plan *plan) {
  int end = -1;
  int found = sscanf(text, "%31[^:]:%" SCNu64 ":%" SCNu64 ":%" SCNu64 ":%" SCNu64 ":%" SCNu64 "%n", plan->name,
                     &plan->line_bytes, &plan->l1.size_bytes, &plan->l1.ways, &plan->l2.size_bytes, &plan->l2.ways,
                     &end);
  if (found != 6 || text[end] != '\0' || !is_power_of_two(plan->line_bytes) || plan->line_bytes > LINE_MAX_BYTES) {
    return false;
  }
  for (const char *letter = plan->name; *letter != '\0'; letter++) {
    if (!g_ascii_isalnum(*letter) && *letter != '-' && *letter != '_' && *letter != '.') {
      return false;
    }
  }
  return is_possible(&plan->l1, plan->line_bytes) && is_possible(&plan->l2, plan->line_bytes);
}

static struct level make_level(const struct cache_level *wanted, uint64_t line_bytes) {
  uint64_t sets = sets_of(wanted, line_bytes);
  struct level level = {.set_mask = sets - 1, .ways = (unsigned)wanted->ways};
  level.entries = g_new(uint64_t, sets * level.ways);
  memset(level.entries, 0xff, sets * level.ways * sizeof *level.entries); /* EMPTY */
  return level;
}

struct cache *cache_new(const struct cache_plan *plan) {
  struct cache *cache = g_new0(struct cache, 1);
  cache->line_shift = (unsigned)__builtin_ctzll(plan->line_bytes);
  cache->l1 = make_level(&plan->l1, plan->line_bytes);
  cache->l2 = make_level(&plan->l2, plan->line_bytes);
  return cache;
}

/* Make a line the most recent of its set. Returns true if it was cached; otherwise `evicted` is the replaced entry. */
static bool touch(const struct level *level, uint64_t line, bool dirty, uint64_t *evicted) {
  uint64_t *set = level->entries + (line & level->set_mask) * level->ways;
  unsigned way = 0;
  while (way < level->ways - 1 && set[way] >> 1 != line) {
    way++;
  }
  bool hit = set[way] >> 1 == line;
  uint64_t entry = line << 1 | (hit ? set[way] & 1 : 0) | dirty;
  *evicted = hit ? EMPTY : set[way];
  memmove(set + 1, set, way * sizeof *set);
  set[0] = entry;
  return hit;
}

static bool is_dirty(uint64_t entry) { return entry != EMPTY && (entry & 1) != 0; }

static void put_into_l2(struct cache *cache, uint64_t line, bool dirty, struct traffic *traffic) {
  const uint64_t line_bytes = UINT64_C(1) << cache->line_shift;
  uint64_t evicted;
  if (!touch(&cache->l2, line, dirty, &evicted)) {
    traffic->beyond_l2 += dirty ? 0 : line_bytes; /* a line written back is complete, so it isn't fetched */
    traffic->beyond_l2 += is_dirty(evicted) ? line_bytes : 0;
  }
}

void cache_access(struct cache *cache, uint64_t address, bool store, struct traffic *traffic) {
  const uint64_t line_bytes = UINT64_C(1) << cache->line_shift;
  uint64_t line = address >> cache->line_shift, evicted;
  if (touch(&cache->l1, line, store, &evicted)) {
    return;
  }
  traffic->beyond_l1 += line_bytes;
  if (is_dirty(evicted)) {
    traffic->beyond_l1 += line_bytes;
    put_into_l2(cache, evicted >> 1, true, traffic);
  }
  put_into_l2(cache, line, false, traffic);
}
