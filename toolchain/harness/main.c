/* edgetool's timing harness: load a model in ONNX Runtime, time it, keep every sample, write JSON.
 *
 * Libraries may print what they like: results go to the file --result names. All statistics are made elsewhere.
 * Exit code 0: done. 1: failed, the result says in which stage. 2: bad command line. 3: no result could be written. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "facts.h"
#include "json.h"
#include "options.h"
#include "runtime.h"
#include "tensors.h"

enum { RESULT_SCHEMA = 1, MAX_OUTPUTS = 64 };

#ifndef HARNESS_BUILD
#define HARNESS_BUILD "unknown"
#endif

struct harness {
  struct options options;
  struct runtime runtime;
  OrtAllocator *allocator;
  OrtEnv *env;
  OrtSession *session;
  OrtMemoryInfo *memory;

  size_t input_count;
  struct input inputs[MAX_INPUTS];
  const char *input_names[MAX_INPUTS];
  size_t sample_count; /* how many samples every input has */

  size_t output_count;
  char *output_names[MAX_OUTPUTS];
  struct tensor_type output_types[MAX_OUTPUTS];
  FILE *output_files[MAX_OUTPUTS];

  int64_t session_load_ns;
  int64_t first_run_ns;
  int64_t *warmup_ns;
  size_t warmup_count;
  int64_t *samples_ns;
  size_t repetition_count;
  int64_t peak_rss_bytes;
  char *profile_file;

  const char *stage; /* what is being done, for the message of a failure */
  char failure[4096];
};

static int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static bool fail(struct harness *harness, const char *message) {
  snprintf(harness->failure, sizeof harness->failure, "%s", message);
  return false;
}

/* True when `status` is success; keeps the message otherwise. */
static bool ok(struct harness *harness, OrtStatus *status) {
  if (status == NULL) {
    return true;
  }
  fail(harness, harness->runtime.GetErrorMessage(status));
  harness->runtime.ReleaseStatus(status);
  return false;
}

static bool open_runtime(struct harness *harness) {
  harness->stage = "runtime";
  const char *reason = runtime_open(&harness->runtime, harness->options.runtime);
  return reason == NULL || fail(harness, reason);
}

static bool create_session(struct harness *harness) {
  const struct runtime *ort = &harness->runtime;
  const struct options *options = &harness->options;
  OrtSessionOptions *session_options = NULL;
  harness->stage = "session";
  int64_t start = now_ns();
  bool done = ok(harness, ort->CreateEnv(ORT_LOG_ERROR, "edgetool", &harness->env)) &&
              ok(harness, ort->GetAllocatorWithDefaultOptions(&harness->allocator)) &&
              ok(harness, ort->CreateCpuMemoryInfo(ORT_ARENA_ALLOCATOR, ORT_MEMORY_DEFAULT, &harness->memory)) &&
              ok(harness, ort->CreateSessionOptions(&session_options)) &&
              ok(harness, ort->SetSessionGraphOptimizationLevel(session_options, ORT_OPTIMIZE_ALL)) &&
              ok(harness, ort->SetIntraOpNumThreads(session_options, (int)options->threads)) &&
              ok(harness, ort->SetInterOpNumThreads(session_options, 1));
  if (done && options->profile != NULL) {
    done = ok(harness, ort->EnableProfiling(session_options, options->profile));
  }
  if (done && options->optimized_model != NULL) {
    done = ok(harness, ort->SetOptimizedModelFilePath(session_options, options->optimized_model));
  }
  done = done && ok(harness, ort->CreateSession(harness->env, options->model, session_options, &harness->session));
  harness->session_load_ns = now_ns() - start;
  if (session_options != NULL) {
    ort->ReleaseSessionOptions(session_options);
  }
  return done;
}

static bool describe_input(struct harness *harness, size_t index) {
  const struct runtime *ort = &harness->runtime;
  struct input *input = &harness->inputs[index];
  OrtTypeInfo *info = NULL;
  const OrtTensorInfo *tensor = NULL;
  int kind = 0;
  bool done = ok(harness, ort->SessionGetInputName(harness->session, index, harness->allocator, &input->name)) &&
              ok(harness, ort->SessionGetInputTypeInfo(harness->session, index, &info)) &&
              ok(harness, ort->GetOnnxTypeFromTypeInfo(info, &kind)) &&
              (kind == ORT_TYPE_TENSOR || fail(harness, "an input is not a tensor")) &&
              ok(harness, ort->CastTypeInfoToTensorInfo(info, &tensor));
  if (done) {
    const char *reason = tensor_type_read(ort, tensor, &input->type);
    done = reason == NULL || fail(harness, reason);
  }
  if (info != NULL) {
    ort->ReleaseTypeInfo(info);
  }
  harness->input_names[index] = input->name;
  return done;
}

static bool describe_model(struct harness *harness) {
  const struct runtime *ort = &harness->runtime;
  harness->stage = "model";
  if (!ok(harness, ort->SessionGetInputCount(harness->session, &harness->input_count)) ||
      !ok(harness, ort->SessionGetOutputCount(harness->session, &harness->output_count))) {
    return false;
  }
  if (harness->input_count > MAX_INPUTS || harness->output_count > MAX_OUTPUTS) {
    harness->input_count = harness->output_count = 0;
    return fail(harness, "the model has more than 64 inputs or outputs");
  }
  for (size_t i = 0; i < harness->input_count; i++) {
    if (!describe_input(harness, i)) {
      return false;
    }
  }
  for (size_t i = 0; i < harness->output_count; i++) {
    if (!ok(harness, ort->SessionGetOutputName(harness->session, i, harness->allocator, &harness->output_names[i]))) {
      return false;
    }
  }
  return true;
}

static const char *file_of_input(const struct options *options, const char *name) {
  for (size_t i = 0; i < options->input_count; i++) {
    if (strcmp(options->input_names[i], name) == 0) {
      return options->input_files[i];
    }
  }
  return NULL;
}

static bool load_inputs(struct harness *harness) {
  harness->stage = "inputs";
  harness->sample_count = 1; /* a model without inputs has one sample all the same */
  for (size_t i = 0; i < harness->input_count; i++) {
    struct input *input = &harness->inputs[i];
    const char *file = file_of_input(&harness->options, input->name);
    const char *reason = file == NULL ? "an input of the model has no --input"
                                      : input_load(&harness->runtime, harness->memory, input, file,
                                                   (size_t)harness->options.samples);
    if (reason != NULL) {
      return fail(harness, reason);
    }
    if (i > 0 && input->samples != harness->sample_count) {
      return fail(harness, "the inputs have different numbers of samples");
    }
    harness->sample_count = input->samples;
  }
  return true;
}

/* Run one sample; `outputs` are the caller's to release. Returns the time of the call in nanoseconds, or -1. */
static int64_t run_sample(struct harness *harness, size_t sample, OrtValue **outputs) {
  const OrtValue *inputs[MAX_INPUTS];
  for (size_t i = 0; i < harness->input_count; i++) {
    inputs[i] = harness->inputs[i].values[sample];
  }
  memset(outputs, 0, harness->output_count * sizeof *outputs);
  int64_t start = now_ns();
  OrtStatus *status =
      harness->runtime.Run(harness->session, NULL, harness->input_names, inputs, harness->input_count,
                           (const char *const *)harness->output_names, harness->output_count, outputs);
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

static bool measure(struct harness *harness) {
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

static bool write_outputs(struct harness *harness) {
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

static bool end_profile(struct harness *harness) {
  harness->stage = "profile";
  return ok(harness, harness->runtime.SessionEndProfiling(harness->session, harness->allocator, &harness->profile_file));
}

static bool run(struct harness *harness) {
  const struct options *options = &harness->options;
  harness->stage = "cpus";
  if (options->cpus != NULL && !facts_set_cpus(options->cpus)) {
    return fail(harness, "cannot restrict the process to the processors asked for");
  }
  bool timed = options->min_repetitions > 0;
  bool runs = timed || options->outputs != NULL;
  return open_runtime(harness) && create_session(harness) && describe_model(harness) &&
         (!runs || load_inputs(harness)) && (!timed || measure(harness)) &&
         (options->outputs == NULL || write_outputs(harness)) && (options->profile == NULL || end_profile(harness));
}

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
  json_string(json, "profile", harness->profile_file);
}

static void write_runtime(struct json *json, const struct harness *harness) {
  json_open(json, "runtime", '{');
  json_string(json, "version", harness->runtime.version);
  json_string(json, "build_info", harness->runtime.build_info);
  json_integer(json, "api_version", harness->runtime.api_version);
  facts_write_library(json, (const void *)(uintptr_t)harness->runtime.Run);
  json_close(json, '}');
}

/* A failed run carries no time at all: there is nothing in its result that could be taken for a latency. */
static bool write_result(const struct harness *harness, bool done) {
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

static void release(struct harness *harness) {
  const struct runtime *ort = &harness->runtime;
  for (size_t i = 0; i < harness->input_count; i++) {
    input_release(ort, &harness->inputs[i]);
    (void)ok(harness, ort->AllocatorFree(harness->allocator, harness->inputs[i].name));
  }
  for (size_t i = 0; i < harness->output_count; i++) {
    (void)ok(harness, ort->AllocatorFree(harness->allocator, harness->output_names[i]));
    if (harness->output_files[i] != NULL) {
      fclose(harness->output_files[i]);
    }
  }
  if (harness->profile_file != NULL) {
    (void)ok(harness, ort->AllocatorFree(harness->allocator, harness->profile_file));
  }
  free(harness->warmup_ns);
  free(harness->samples_ns);
  if (ort->version != NULL) {
    ort->ReleaseSession(harness->session);
    ort->ReleaseMemoryInfo(harness->memory);
    ort->ReleaseEnv(harness->env);
  }
}

int main(int argc, char **argv) {
  struct harness *harness = calloc(1, sizeof *harness);
  if (harness == NULL || !options_parse(&harness->options, argc, argv)) {
    free(harness);
    return 2;
  }
  bool done = run(harness);
  bool written = write_result(harness, done);
  if (!written) {
    fprintf(stderr, "edgetool-harness: cannot write %s\n", harness->options.result);
  }
  release(harness);
  free(harness);
  return !written ? 3 : done ? 0 : 1;
}
