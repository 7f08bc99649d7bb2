/* Facts about the environment, as seen by the process. */
#ifndef EDGETOOL_FACTS_H
#define EDGETOOL_FACTS_H

#include "json.h"

/* Write the object "environment": kernel, libc, processors, hardware capabilities, vector length. */
void facts_write_environment(struct json *json);

/* Write "library" (path) and "build_id" of the loaded object that holds `address`. */
void facts_write_library(struct json *json, const void *address);

/* The peak resident set size of this process in bytes, or -1; and the one of this moment. */
int64_t facts_peak_rss_bytes(void);
int64_t facts_rss_bytes(void);

/* Restrict the process to a list of processors like "0-3,6". Returns false when the list is malformed or the kernel
 * rejects it. */
bool facts_set_cpus(const char *list);

#endif
