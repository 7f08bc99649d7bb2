#include "profile.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

bool profile_begin(struct harness *harness) {
  struct profile *profile = &harness->profile;
  if (harness->options.profile == NULL) {
    return true;
  }
  snprintf(profile->path, sizeof profile->path, "%s.json", harness->options.profile);
  profile->json.file = fopen(profile->path, "w");
  if (profile->json.file == NULL) {
    return fail(harness, "cannot create the profile");
  }
  profile->start_ns = now_ns();
  json_open(&profile->json, NULL, '[');
  return true;
}

/* Times in whole microseconds, both rounded down: readers find the clock readings by them. */
static void begin_event(struct profile *profile, const char *category, const char *name, int64_t begin_ns,
                        int64_t end_ns) {
  struct json *json = &profile->json;
  json_open(json, NULL, '{');
  json_string(json, "cat", category);
  json_string(json, "name", name);
  json_integer(json, "ts", (begin_ns - profile->start_ns) / 1000);
  json_integer(json, "dur", (end_ns - begin_ns) / 1000);
}

void profile_add_operator(struct profile *profile, const char *operator, const char *node, int64_t begin_ns,
                          int64_t end_ns) {
  char name[640];
  snprintf(name, sizeof name, "%.600s_kernel_time", node);
  begin_event(profile, "Node", name, begin_ns, end_ns);
  json_open(&profile->json, "args", '{');
  json_string(&profile->json, "op_name", operator);
  json_close(&profile->json, '}');
  json_close(&profile->json, '}');
}

void profile_add_inference(struct profile *profile, int64_t begin_ns, int64_t end_ns) {
  begin_event(profile, "Session", "model_run", begin_ns, end_ns);
  json_close(&profile->json, '}');
}

bool profile_end(struct harness *harness) {
  struct profile *profile = &harness->profile;
  json_close(&profile->json, ']');
  bool written = ferror(profile->json.file) == 0;
  written = fclose(profile->json.file) == 0 && written;
  profile->json.file = NULL;
  harness->profile_file = strdup(profile->path);
  return (written && harness->profile_file != NULL) || fail(harness, "cannot write the profile; is the disk full?");
}
