#include "harness.h"

#include <time.h>

int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

bool fail(struct harness *harness, const char *message) {
  snprintf(harness->failure, sizeof harness->failure, "%s", message);
  return false;
}

bool ok(struct harness *harness, OrtStatus *status) {
  if (status == NULL) {
    return true;
  }
  fail(harness, harness->runtime.GetErrorMessage(status));
  harness->runtime.ReleaseStatus(status);
  return false;
}
