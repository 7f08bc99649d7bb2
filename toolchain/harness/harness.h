/* The state of one harness run: options, results and failure. */
#ifndef EDGETOOL_HARNESS_H
#define EDGETOOL_HARNESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "backend.h"
#include "energy.h"
#include "options.h"
#include "profile.h"
#include "stop.h"
#include "tensors.h"

enum { MAX_OUTPUTS = 64 };

/* The loaded runtime, as written to the result. `version` is NULL until it is loaded. */
struct runtime {
  const char *name;
  const char *version;    /* "1.21.0" */
  const char *build_info; /* the runtime's own description of its build, or NULL */
  int64_t api_version;    /* the newest supported one; 0 without API versions */
  const void *address;    /* any address in the library */
  const char *(*get_kernels)(void); /* the kernels chosen for the loaded model; NULL when not reported */
};

struct harness {
  struct options options;
  const struct backend *backend; /* NULL until the library is open */
  struct runtime runtime;
  void *state; /* owned by the back end */

  size_t input_count;
  struct input inputs[MAX_INPUTS];
  size_t sample_count; /* samples of every input */

  size_t output_count;
  char *output_names[MAX_OUTPUTS];
  struct tensor_type output_types[MAX_OUTPUTS];
  FILE *output_files[MAX_OUTPUTS];

  char kernels[256]; /* as reported by the runtime; empty when not reported */
  int64_t session_load_ns;
  int64_t first_run_ns;
  int64_t *warmup_ns;
  size_t warmup_count;
  int64_t *samples_ns;
  size_t repetition_count;
  struct stop stop; /* precision of the median, if a target error is set */
  size_t judged_count; /* repetitions that `stop` is based on */
  struct energy energy; /* of the repetitions */
  int64_t peak_rss_bytes;
  struct {
    int64_t runtime, session, first_run; /* resident bytes after each stage; -1 when not known */
  } memory;
  struct profile profile; /* of back ends whose runtime writes none */
  char *profile_file;

  const char *stage; /* the current stage, for failure messages */
  char failure[4096];
};

int64_t now_ns(void);

/* Record why the current stage failed. Always returns false. */
bool fail(struct harness *harness, const char *message);

/* Set the number of inputs and outputs of the model. Fails when there are too many. */
bool harness_hold(struct harness *harness, size_t inputs, size_t outputs);

/* session.c: open the library, load the model and its inputs, and release them. */
bool session_open(struct harness *harness);
bool session_load_inputs(struct harness *harness);
bool session_end_profile(struct harness *harness);
void session_release(struct harness *harness);

/* measure.c: run the model. */
bool measure_times(struct harness *harness);
bool measure_outputs(struct harness *harness);

/* result.c: write the result atomically. The result of a failed run contains no times, so none can be mistaken for a
 * latency. */
bool result_write(const struct harness *harness, bool done);

#endif
