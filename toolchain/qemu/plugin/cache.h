/* A model of two data cache levels: set-associative, LRU replacement, write-back, write-allocate. It models no
 * prefetching, other cores or instruction fetches. It counts the traffic that a program causes, not when. */
#ifndef EDGETOOL_CACHE_H
#define EDGETOOL_CACHE_H

#include <stdbool.h>
#include <stdint.h>

struct cache_level {
  uint64_t size_bytes, ways;
};

struct cache_plan {
  char name[32];
  uint64_t line_bytes;
  struct cache_level l1, l2;
};

/* Bytes of complete lines, fetched and written back. */
struct traffic {
  uint64_t beyond_l1, beyond_l2;
};

struct cache;

/* Parse "NAME:LINE:L1:WAYS:L2:WAYS", with sizes in bytes. Returns false for an impossible cache. */
bool cache_parse(const char *text, struct cache_plan *plan);

/* Create an empty cache, which is never freed. */
struct cache *cache_new(const struct cache_plan *plan);

/* Load or store at an address, within one line. */
void cache_access(struct cache *cache, uint64_t address, bool store, struct traffic *traffic);

#endif
