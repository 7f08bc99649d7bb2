#include <stdlib.h>
#include <string.h>

#include "harness.h"

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
  if (done && options->spinning == 0) {
    done = ok(harness, ort->AddSessionConfigEntry(session_options, "session.intra_op.allow_spinning", "0"));
  }
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

static void ask_for_kernels(struct harness *harness) {
  const char *kernels = harness->runtime.get_kernels == NULL ? NULL : harness->runtime.get_kernels();
  snprintf(harness->kernels, sizeof harness->kernels, "%s", kernels == NULL ? "" : kernels);
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

bool session_load_inputs(struct harness *harness) {
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

bool session_end_profile(struct harness *harness) {
  harness->stage = "profile";
  return ok(harness, harness->runtime.SessionEndProfiling(harness->session, harness->allocator, &harness->profile_file));
}

bool session_open(struct harness *harness) {
  if (!open_runtime(harness) || !create_session(harness)) {
    return false;
  }
  ask_for_kernels(harness);
  return describe_model(harness);
}

void session_release(struct harness *harness) {
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
