/* The ONNX Runtime back end, using its C ABI. */
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "ort_abi.h"

#define DECLARE_FUNCTION(position, name, result, parameters) result(*name) parameters;

struct ort {
  ORT_FUNCTIONS(DECLARE_FUNCTION)
  OrtAllocator *allocator;
  OrtEnv *env;
  OrtSession *session;
  OrtMemoryInfo *memory;
  const char *input_names[MAX_INPUTS];
  const OrtValue *inputs[MAX_INPUTS]; /* of the current sample */
  OrtValue *outputs[MAX_OUTPUTS];
};

/* Returns true for success; records the message otherwise. */
static bool ok(struct harness *harness, OrtStatus *status) {
  const struct ort *ort = harness->state;
  if (status == NULL) {
    return true;
  }
  fail(harness, ort->GetErrorMessage(status));
  ort->ReleaseStatus(status);
  return false;
}

static bool open_library(struct harness *harness, void *library) {
  const OrtApiBase *(*get_base)(void) = NULL;
  struct ort *ort = harness->state = calloc(1, sizeof *ort);
  if (ort == NULL) {
    return fail(harness, "out of memory");
  }
  if (!backend_bind(harness, library, onnxruntime_backend.symbol, &get_base)) {
    return false;
  }
  const OrtApiBase *base = get_base();
  const ort_function *api = base->GetApi(ORT_OLDEST_API_VERSION);
  if (api == NULL) {
    char text[256];
    snprintf(text, sizeof text, "ONNX Runtime %s is older than 1.%d", base->GetVersionString(), ORT_OLDEST_API_VERSION);
    return fail(harness, text);
  }
#define BIND_FUNCTION(position, name, result, parameters) ort->name = (result(*) parameters)api[position];
  ORT_FUNCTIONS(BIND_FUNCTION)

  /* Release "1.N" supports API versions up to N and prints an error for newer ones, so read N instead of probing. */
  struct runtime *runtime = &harness->runtime;
  runtime->version = base->GetVersionString();
  unsigned int minor = ORT_OLDEST_API_VERSION;
  if (sscanf(runtime->version, "1.%u", &minor) != 1 || minor < ORT_OLDEST_API_VERSION) {
    minor = ORT_OLDEST_API_VERSION;
  }
  runtime->api_version = minor;
  if (minor >= ORT_BUILD_INFO_API_VERSION) {
    const char *(*get_build_info)(void) = (const char *(*)(void))api[ORT_GET_BUILD_INFO_STRING];
    runtime->build_info = get_build_info();
  }
  return true;
}

// Processors of x86-64 without VNNI add two products of 8 bits in 16, which overflow: ONNX Runtime has exact kernels for
// them, and takes them when asked. It has none for signed activations, and then cannot load the model; all other
// processors ignore the question.
static bool create_session(struct harness *harness, OrtSessionOptions *session_options) {
  static const char exact[] = "session.x64quantprecision";
  struct ort *ort = harness->state;
  const char *model = harness->options.model;
  if (!ok(harness, ort->AddSessionConfigEntry(session_options, exact, "1"))) {
    return false;
  }
  OrtStatus *refused = ort->CreateSession(ort->env, model, session_options, &ort->session);
  if (refused == NULL) {
    return true;
  }
  ort->ReleaseStatus(refused);
  return ok(harness, ort->AddSessionConfigEntry(session_options, exact, "0")) &&
         ok(harness, ort->CreateSession(ort->env, model, session_options, &ort->session));
}

static bool load(struct harness *harness) {
  struct ort *ort = harness->state;
  const struct options *options = &harness->options;
  OrtSessionOptions *session_options = NULL;
  bool done = ok(harness, ort->CreateEnv(ORT_LOG_ERROR, "edgetool", &ort->env)) &&
              ok(harness, ort->GetAllocatorWithDefaultOptions(&ort->allocator)) &&
              ok(harness, ort->CreateCpuMemoryInfo(ORT_ARENA_ALLOCATOR, ORT_MEMORY_DEFAULT, &ort->memory)) &&
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
  done = done && create_session(harness, session_options);
  if (session_options != NULL) {
    ort->ReleaseSessionOptions(session_options);
  }
  return done;
}

/* Copy a name that the runtime's allocator owns. */
static bool keep_name(struct harness *harness, OrtStatus *status, char **name, char **copy) {
  const struct ort *ort = harness->state;
  if (!ok(harness, status)) {
    return false;
  }
  *copy = strdup(*name);
  return ok(harness, ort->AllocatorFree(ort->allocator, *name)) && (*copy != NULL || fail(harness, "out of memory"));
}

static bool read_type(struct harness *harness, const OrtTensorInfo *info, struct tensor_type *type) {
  const struct ort *ort = harness->state;
  if (!ok(harness, ort->GetTensorElementType(info, &type->element)) ||
      !ok(harness, ort->GetDimensionsCount(info, &type->rank))) {
    return false;
  }
  if (type->rank <= MAX_RANK && !ok(harness, ort->GetDimensions(info, type->shape, type->rank))) {
    return false;
  }
  const char *reason = tensor_type_measure(type);
  return reason == NULL || fail(harness, reason);
}

static bool describe_input(struct harness *harness, size_t index) {
  struct ort *ort = harness->state;
  struct input *input = &harness->inputs[index];
  OrtTypeInfo *info = NULL;
  const OrtTensorInfo *tensor = NULL;
  int kind = 0;
  char *name = NULL;
  OrtStatus *named = ort->SessionGetInputName(ort->session, index, ort->allocator, &name);
  bool done = keep_name(harness, named, &name, &input->name) &&
              ok(harness, ort->SessionGetInputTypeInfo(ort->session, index, &info)) &&
              ok(harness, ort->GetOnnxTypeFromTypeInfo(info, &kind)) &&
              (kind == ORT_TYPE_TENSOR || fail(harness, "an input is not a tensor")) &&
              ok(harness, ort->CastTypeInfoToTensorInfo(info, &tensor)) && read_type(harness, tensor, &input->type);
  if (info != NULL) {
    ort->ReleaseTypeInfo(info);
  }
  ort->input_names[index] = input->name;
  return done;
}

static bool describe(struct harness *harness) {
  struct ort *ort = harness->state;
  size_t inputs = 0, outputs = 0;
  if (!ok(harness, ort->SessionGetInputCount(ort->session, &inputs)) ||
      !ok(harness, ort->SessionGetOutputCount(ort->session, &outputs))) {
    return false;
  }
  if (!harness_hold(harness, inputs, outputs)) {
    return false;
  }
  for (size_t i = 0; i < inputs; i++) {
    if (!describe_input(harness, i)) {
      return false;
    }
  }
  for (size_t i = 0; i < outputs; i++) {
    char *name = NULL;
    OrtStatus *named = ort->SessionGetOutputName(ort->session, i, ort->allocator, &name);
    if (!keep_name(harness, named, &name, &harness->output_names[i])) {
      return false;
    }
  }
  return true;
}

static bool bind(struct harness *harness, struct input *input) {
  struct ort *ort = harness->state;
  const struct tensor_type *type = &input->type;
  for (size_t i = 0; i < input->samples; i++) {
    OrtValue *value = NULL;
    if (!ok(harness, ort->CreateTensorWithDataAsOrtValue(ort->memory, input->data + i * type->bytes, type->bytes,
                                                         type->shape, type->rank, type->element, &value))) {
      return false;
    }
    input->values[i] = value;
  }
  return true;
}

static bool set(struct harness *harness, size_t sample) {
  struct ort *ort = harness->state;
  for (size_t i = 0; i < harness->input_count; i++) {
    ort->inputs[i] = harness->inputs[i].values[sample];
  }
  return true;
}

static bool run(struct harness *harness) {
  struct ort *ort = harness->state;
  return ok(harness, ort->Run(ort->session, NULL, ort->input_names, ort->inputs, harness->input_count,
                              (const char *const *)harness->output_names, harness->output_count, ort->outputs));
}

static bool read(struct harness *harness, size_t output, struct tensor_view *view) {
  struct ort *ort = harness->state;
  OrtTensorInfo *info = NULL;
  void *data = NULL;
  *view = (struct tensor_view){0};
  if (!ok(harness, ort->GetTensorTypeAndShape(ort->outputs[output], &info))) {
    return false;
  }
  bool done = read_type(harness, info, &view->type);
  ort->ReleaseTensorTypeAndShapeInfo(info);
  done = done && ok(harness, ort->GetTensorMutableData(ort->outputs[output], &data));
  view->data = data;
  return done;
}

static void reset(struct harness *harness) {
  struct ort *ort = harness->state;
  for (size_t i = 0; i < harness->output_count; i++) {
    ort->ReleaseValue(ort->outputs[i]);
    ort->outputs[i] = NULL;
  }
}

static bool end_profile(struct harness *harness) {
  struct ort *ort = harness->state;
  char *path = NULL;
  OrtStatus *ended = ort->SessionEndProfiling(ort->session, ort->allocator, &path);
  return keep_name(harness, ended, &path, &harness->profile_file);
}

static void close_library(struct harness *harness) {
  struct ort *ort = harness->state;
  if (ort != NULL && harness->runtime.version != NULL) {
    for (size_t i = 0; i < harness->input_count; i++) {
      const struct input *input = &harness->inputs[i];
      for (size_t sample = 0; input->values != NULL && sample < input->samples; sample++) {
        ort->ReleaseValue(input->values[sample]);
      }
    }
    ort->ReleaseSession(ort->session);
    ort->ReleaseMemoryInfo(ort->memory);
    ort->ReleaseEnv(ort->env);
  }
  free(ort);
}

const struct backend onnxruntime_backend = {
    .name = "onnxruntime",
    .symbol = "OrtGetApiBase",
    .profiles = true,
    .writes_model = true,
    .open = open_library,
    .load = load,
    .describe = describe,
    .bind = bind,
    .set = set,
    .run = run,
    .read = read,
    .reset = reset,
    .end_profile = end_profile,
    .close = close_library,
};
