/* One start of the harness: what it was asked, what it found, and why it failed. */
#ifndef EDGETOOL_HARNESS_H
#define EDGETOOL_HARNESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "backend.h"
#include "options.h"
#include "stop.h"
#include "tensors.h"

enum { MAX_OUTPUTS = 64 };

/* What a result says of the runtime that was loaded; `version` is NULL until then. */
struct runtime {
  const char *name;
  const char *version;    /* "1.21.0" */
  const char *build_info; /* the runtime's own description of its build, or NULL */
  int64_t api_version;    /* the newest it offers; 0 where there are none */
  const void *address;    /* lies in the library */
  const char *(*get_kernels)(void); /* which kernels it chose, once a model is loaded; NULL where it does not tell */
};

struct harness {
  struct options options;
  const struct backend *backend; /* NULL until the library was opened */
  struct runtime runtime;
  void *state; /* the back end's */

  size_t input_count;
  struct input inputs[MAX_INPUTS];
  size_t sample_count; /* how many samples every input has */

  size_t output_count;
  char *output_names[MAX_OUTPUTS];
  struct tensor_type output_types[MAX_OUTPUTS];
  FILE *output_files[MAX_OUTPUTS];

  char kernels[256]; /* what the runtime says of its kernels; empty where it does not tell */
  int64_t session_load_ns;
  int64_t first_run_ns;
  int64_t *warmup_ns;
  size_t warmup_count;
  int64_t *samples_ns;
  size_t repetition_count;
  struct stop stop; /* where an error is wanted: how well the median is known */
  size_t judged_count; /* of how many repetitions */
  int64_t peak_rss_bytes;
  char *profile_file;

  const char *stage; /* what is being done, for the message of a failure */
  char failure[4096];
};

int64_t now_ns(void);

/* Keep why the current stage failed; always false. */
bool fail(struct harness *harness, const char *message);

/* Note how many inputs and outputs the model has; fails for more than are kept. */
bool harness_hold(struct harness *harness, size_t inputs, size_t outputs);

/* session.c: from the library to a model with its inputs loaded, and back. */
bool session_open(struct harness *harness);
bool session_load_inputs(struct harness *harness);
bool session_end_profile(struct harness *harness);
void session_release(struct harness *harness);

/* measure.c: run it. */
bool measure_times(struct harness *harness);
bool measure_outputs(struct harness *harness);

/* result.c: write it, whole or not at all. A failed run carries no time: there is nothing in its result that could be
 * taken for a latency. */
bool result_write(const struct harness *harness, bool done);

#endif
