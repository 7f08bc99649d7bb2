/* A profile of runtimes that have no file of their own for it: trace events as ONNX Runtime writes them. */
#ifndef EDGETOOL_PROFILE_H
#define EDGETOOL_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "json.h"

struct harness;

struct profile {
  struct json json; /* without a file if no profile is asked for */
  char path[4096];
  int64_t start_ns; /* times in the file are since then */
};

/* Create the file, if a profile is asked for. */
bool profile_begin(struct harness *harness);

/* Add a run of an operator, or an inference. Times are those of now_ns(). */
void profile_add_operator(struct profile *profile, const char *operator, const char *node, int64_t begin_ns,
                          int64_t end_ns);
void profile_add_inference(struct profile *profile, int64_t begin_ns, int64_t end_ns);

/* Complete the file and name it in the result: a back end's end_profile. */
bool profile_end(struct harness *harness);

#endif
