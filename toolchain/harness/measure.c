#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "harness.h"
#include "mark.h"

/* Run one sample; `outputs` are the caller's to release. Returns the time of the call in nanoseconds, or -1. */
static int64_t run_sample(struct harness *harness, size_t sample, OrtValue **outputs) {
  const OrtValue *inputs[MAX_INPUTS];
  for (size_t i = 0; i < harness->input_count; i++) {
    inputs[i] = harness->inputs[i].values[sample];
  }
  memset(outputs, 0, harness->output_count * sizeof *outputs);
  int64_t start = now_ns();
  MARK_START();
  OrtStatus *status =
      harness->runtime.Run(harness->session, NULL, harness->input_names, inputs, harness->input_count,
                           (const char *const *)harness->output_names, harness->output_count, outputs);
  MARK_END();
  int64_t elapsed = now_ns() - start;
  return ok(harness, status) ? elapsed : -1;
}

static void release_outputs(struct harness *harness, OrtValue **outputs) {
  for (size_t i = 0; i < harness->output_count; i++) {
    harness->runtime.ReleaseValue(outputs[i]);
  }
}

static int64_t time_once(struct harness *harness) {
  OrtValue *outputs[MAX_OUTPUTS];
  int64_t elapsed = run_sample(harness, 0, outputs);
  if (elapsed >= 0) {
    release_outputs(harness, outputs);
  }
  return elapsed;
}

bool measure_times(struct harness *harness) {
  const struct options *options = &harness->options;
  harness->stage = "measure";
  harness->first_run_ns = time_once(harness);
  if (harness->first_run_ns < 0) {
    return false;
  }
  harness->warmup_ns = calloc((size_t)options->warmup + 1, sizeof *harness->warmup_ns);
  harness->samples_ns = calloc((size_t)options->max_repetitions + 1, sizeof *harness->samples_ns);
  if (harness->warmup_ns == NULL || harness->samples_ns == NULL) {
    return fail(harness, "out of memory");
  }
  while (harness->warmup_count < (size_t)options->warmup) {
    int64_t elapsed = time_once(harness);
    if (elapsed < 0) {
      return false;
    }
    harness->warmup_ns[harness->warmup_count++] = elapsed;
  }
  int64_t start = now_ns();
  while (harness->repetition_count < (size_t)options->max_repetitions &&
         (harness->repetition_count < (size_t)options->min_repetitions || now_ns() - start < options->min_duration_ns)) {
    int64_t elapsed = time_once(harness);
    if (elapsed < 0) {
      return false;
    }
    harness->samples_ns[harness->repetition_count++] = elapsed;
  }
  harness->peak_rss_bytes = facts_peak_rss_bytes();
  return true;
}

static bool open_outputs(struct harness *harness) {
  for (size_t i = 0; i < harness->output_count; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%zu.bin", harness->options.outputs, i);
    harness->output_files[i] = fopen(path, "wb");
    if (harness->output_files[i] == NULL) {
      return fail(harness, "cannot create an output file");
    }
  }
  return true;
}

bool measure_outputs(struct harness *harness) {
  harness->stage = "outputs";
  if (!open_outputs(harness)) {
    return false;
  }
  for (size_t sample = 0; sample < harness->sample_count; sample++) {
    OrtValue *outputs[MAX_OUTPUTS];
    if (run_sample(harness, sample, outputs) < 0) {
      return false;
    }
    const char *reason = NULL;
    for (size_t i = 0; i < harness->output_count && reason == NULL; i++) {
      reason = output_append(&harness->runtime, outputs[i], harness->output_files[i], &harness->output_types[i]);
    }
    release_outputs(harness, outputs);
    if (reason != NULL) {
      return fail(harness, reason);
    }
  }
  for (size_t i = 0; i < harness->output_count; i++) {
    FILE *file = harness->output_files[i];
    harness->output_files[i] = NULL;
    if (fclose(file) != 0) {
      return fail(harness, "cannot write an output file; is the disk full?");
    }
  }
  return true;
}
