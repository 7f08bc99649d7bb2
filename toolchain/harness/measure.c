#include <stdlib.h>

#include "facts.h"
#include "harness.h"
#include "mark.h"

/* Run one sample; what it made is the caller's to reset. Returns the time of the call in nanoseconds, or -1. */
static int64_t run_sample(struct harness *harness, size_t sample) {
  const struct backend *backend = harness->backend;
  if (!backend->set(harness, sample)) {
    return -1;
  }
  int64_t start = now_ns();
  MARK_START();
  bool done = backend->run(harness);
  MARK_END();
  int64_t elapsed = now_ns() - start;
  return done ? elapsed : -1;
}

static int64_t time_once(struct harness *harness) {
  int64_t elapsed = run_sample(harness, 0);
  harness->backend->reset(harness);
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

static bool append_outputs(struct harness *harness) {
  for (size_t i = 0; i < harness->output_count; i++) {
    struct tensor_view view;
    if (!harness->backend->read(harness, i, &view)) {
      return false;
    }
    const char *reason = output_append(&view, harness->output_files[i], &harness->output_types[i]);
    if (reason != NULL) {
      return fail(harness, reason);
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
    bool done = run_sample(harness, sample) >= 0 && append_outputs(harness);
    harness->backend->reset(harness);
    if (!done) {
      return false;
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
