#include "facts.h"
#include "harness.h"
#include "json.h"

enum { RESULT_SCHEMA = 1 };

#ifndef HARNESS_BUILD
#define HARNESS_BUILD "unknown"
#endif

static void write_tensors(struct json *json, const struct harness *harness) {
  json_open(json, "inputs", '[');
  for (size_t i = 0; i < harness->input_count; i++) {
    json_open(json, NULL, '{');
    tensor_type_write(json, harness->inputs[i].name, &harness->inputs[i].type);
    json_close(json, '}');
  }
  json_close(json, ']');
  json_open(json, "outputs", '[');
  for (size_t i = 0; i < harness->output_count && harness->options.outputs != NULL; i++) {
    json_open(json, NULL, '{');
    tensor_type_write(json, harness->output_names[i], &harness->output_types[i]);
    json_close(json, '}');
  }
  json_close(json, ']');
  json_integer(json, "samples", (int64_t)harness->sample_count);
}

static void write_times(struct json *json, const char *key, const int64_t *times, size_t count) {
  json_open(json, key, '[');
  for (size_t i = 0; i < count; i++) {
    json_integer(json, NULL, times[i]);
  }
  json_close(json, ']');
}

static void write_known(struct json *json, const char *key, int64_t value) {
  if (value == STOP_UNKNOWN) {
    json_null(json, key);
  } else {
    json_integer(json, key, value);
  }
}

static void write_stop(struct json *json, const struct harness *harness) {
  if (harness->repetition_count == 0 || harness->options.target_error_ppm == 0) {
    json_null(json, "stop");
    return;
  }
  json_open(json, "stop", '{');
  json_integer(json, "target_error_ppm", harness->options.target_error_ppm);
  write_known(json, "error_ppm", harness->stop.error_ppm);
  json_integer(json, "independent", harness->stop.independent);
  write_known(json, "more", harness->stop.more);
  json_close(json, '}');
}

static void write_memory(struct json *json, const struct harness *harness) {
  if (harness->repetition_count == 0) {
    json_null(json, "memory");
    return;
  }
  json_open(json, "memory", '{');
  write_known(json, "runtime_bytes", harness->memory.runtime);
  write_known(json, "session_bytes", harness->memory.session);
  write_known(json, "first_run_bytes", harness->memory.first_run);
  json_close(json, '}');
}

static void write_energy(struct json *json, const struct harness *harness) {
  const struct energy *energy = &harness->energy;
  if (harness->repetition_count == 0 || energy->sensor[0] == '\0' || energy->failed) {
    json_null(json, "energy");
    return;
  }
  json_open(json, "energy", '{');
  json_string(json, "sensor", energy->sensor);
  json_integer(json, "microjoules", (int64_t)energy->microjoules);
  json_close(json, '}');
}

static void write_measurement(struct json *json, const struct harness *harness) {
  json_integer(json, "session_load_ns", harness->session_load_ns);
  if (harness->repetition_count == 0) {
    json_null(json, "first_run_ns");
    json_null(json, "peak_rss_bytes");
  } else {
    json_integer(json, "first_run_ns", harness->first_run_ns);
    json_integer(json, "peak_rss_bytes", harness->peak_rss_bytes);
  }
  write_times(json, "warmup_ns", harness->warmup_ns, harness->warmup_count);
  write_times(json, "samples_ns", harness->samples_ns, harness->repetition_count);
  write_stop(json, harness);
  write_energy(json, harness);
  write_memory(json, harness);
  json_string(json, "profile", harness->profile_file);
}

static void write_runtime(struct json *json, const struct harness *harness) {
  json_open(json, "runtime", '{');
  json_string(json, "name", harness->runtime.name);
  json_string(json, "version", harness->runtime.version);
  json_string(json, "build_info", harness->runtime.build_info);
  json_integer(json, "api_version", harness->runtime.api_version);
  facts_write_library(json, harness->runtime.address);
  json_string(json, "kernels", harness->kernels[0] == '\0' ? NULL : harness->kernels);
  json_close(json, '}');
}

bool result_write(const struct harness *harness, bool done) {
  char beside[4096];
  snprintf(beside, sizeof beside, "%s.partial", harness->options.result);
  struct json json = {.file = fopen(beside, "w")};
  if (json.file == NULL) {
    return false;
  }
  json_open(&json, NULL, '{');
  json_integer(&json, "schema", RESULT_SCHEMA);
  json_string(&json, "harness", HARNESS_BUILD);
  facts_write_environment(&json);
  if (harness->runtime.version != NULL) {
    write_runtime(&json, harness);
  } else {
    json_null(&json, "runtime");
  }
  if (done) {
    json_null(&json, "failure");
    json_open(&json, "run", '{');
    write_tensors(&json, harness);
    write_measurement(&json, harness);
    json_close(&json, '}');
  } else {
    json_open(&json, "failure", '{');
    json_string(&json, "stage", harness->stage);
    json_string(&json, "message", harness->failure);
    json_close(&json, '}');
    json_null(&json, "run");
  }
  json_close(&json, '}');
  fputc('\n', json.file);
  bool written = ferror(json.file) == 0;
  written = fclose(json.file) == 0 && written;
  return written && rename(beside, harness->options.result) == 0;
}
