#include <stdlib.h>

#include "facts.h"
#include "harness.h"
#include "mark.h"

/* Windows of fewer inferences couldn't show a difference. */
enum { MIN_WINDOW = 3, MAX_WINDOWS = 10 };

/* Run one sample; the caller resets the outputs. Returns the time of the call in nanoseconds, or -1 on failure. */
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

/* The first inferences are slower, since caches, branch predictors and clocks are cold. With a target error, windows of
 * `warmup` inferences are run until two in a row agree; otherwise there is a single window. */
static bool warm_up(struct harness *harness) {
  const struct options *options = &harness->options;
  size_t window = (size_t)options->warmup;
  bool judged = options->target_error_ppm > 0 && window >= MIN_WINDOW && window <= STOP_WINDOW;
  harness->warmup_ns = calloc(window * (judged ? MAX_WINDOWS : 1) + 1, sizeof *harness->warmup_ns);
  if (harness->warmup_ns == NULL) {
    return fail(harness, "out of memory");
  }
  int64_t start = now_ns();
  for (size_t windows = 1; windows <= (judged ? MAX_WINDOWS : 1); windows++) {
    while (harness->warmup_count < window * windows) {
      int64_t elapsed = time_once(harness);
      if (elapsed < 0) {
        return false;
      }
      harness->warmup_ns[harness->warmup_count++] = elapsed;
    }
    const int64_t *newer = harness->warmup_ns + window * (windows - 1);
    if (now_ns() - start >= options->max_duration_ns ||
        (windows > 1 && stop_windows_agree(newer - window, newer, window))) {
      break;
    }
  }
  return true;
}

static bool is_enough(struct harness *harness, int64_t elapsed_ns, bool *failed) {
  const struct options *options = &harness->options;
  size_t count = harness->repetition_count;
  bool at_end = count >= (size_t)options->max_repetitions;
  if (!at_end && (count < (size_t)options->min_repetitions || elapsed_ns < options->min_duration_ns)) {
    return false;
  }
  if (options->target_error_ppm == 0) {
    return true;
  }
  at_end = at_end || elapsed_ns >= options->max_duration_ns;
  /* Judge each time the repetitions have grown by a quarter, which keeps the cost of judging low. */
  if (!at_end && count < harness->judged_count + harness->judged_count / 4 + 1) {
    return false;
  }
  harness->judged_count = count;
  if (!stop_judge(harness->samples_ns, count, options->target_error_ppm, &harness->stop)) {
    *failed = true;
    return fail(harness, "out of memory");
  }
  return at_end || harness->stop.more == 0;
}

static bool warm_up_and_time(struct harness *harness) {
  harness->first_run_ns = time_once(harness);
  harness->memory.first_run = facts_rss_bytes();
  if (harness->first_run_ns < 0 || !warm_up(harness)) {
    return false;
  }
  bool failed = false;
  energy_begin(&harness->energy);
  int64_t start = now_ns();
  while (!is_enough(harness, now_ns() - start, &failed)) {
    int64_t elapsed = failed ? -1 : time_once(harness);
    if (elapsed < 0) {
      return false;
    }
    harness->samples_ns[harness->repetition_count++] = elapsed;
    energy_note(&harness->energy);
  }
  energy_end(&harness->energy);
  harness->peak_rss_bytes = facts_peak_rss_bytes();
  return true;
}

bool measure_times(struct harness *harness) {
  const struct options *options = &harness->options;
  harness->stage = "measure";
  /* Allocate before the warm-up: otherwise the first timed inference finds a heap that the others don't. */
  harness->samples_ns = calloc((size_t)options->max_repetitions + 1, sizeof *harness->samples_ns);
  if (harness->samples_ns == NULL) {
    return fail(harness, "out of memory");
  }
  energy_open(&harness->energy, options->hwmon);
  bool done = warm_up_and_time(harness);
  energy_close(&harness->energy);
  return done;
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
    /* Flushed, so that who waits sees how many samples are done. */
    if (fflush(harness->output_files[i]) != 0) {
      return fail(harness, "cannot write an output file; is the disk full?");
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
