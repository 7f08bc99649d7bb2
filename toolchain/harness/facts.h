/* What the process can see of the place it runs in. */
#ifndef EDGETOOL_FACTS_H
#define EDGETOOL_FACTS_H

#include "json.h"

/* Write the object "environment": kernel, libc, processors, hardware capabilities, vector length. */
void facts_write_environment(struct json *json);

/* Write "library" (path) and "build_id" of the loaded object that holds `address`. */
void facts_write_library(struct json *json, const void *address);

/* The process's own peak resident set in bytes, or -1. */
int64_t facts_peak_rss_bytes(void);

/* Restrict the process to the processors of a list like "0-3,6". Returns false when the list is malformed or the
 * kernel refuses it. */
bool facts_set_cpus(const char *list);

#endif
