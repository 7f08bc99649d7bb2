#include "harness.h"

#include <time.h>

int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

bool fail(struct harness *harness, const char *message) {
  snprintf(harness->failure, sizeof harness->failure, "%s", message == NULL ? "for no reason that it told" : message);
  return false;
}

bool harness_hold(struct harness *harness, size_t inputs, size_t outputs) {
  if (inputs > MAX_INPUTS || outputs > MAX_OUTPUTS) {
    return fail(harness, "the model has more than 64 inputs or outputs");
  }
  harness->input_count = inputs;
  harness->output_count = outputs;
  return true;
}
