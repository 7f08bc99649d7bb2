/* The TensorFlow Lite back end, using the C API of releases before LiteRT. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "tflite_abi.h"
#include "tflite_elements.h"

struct tflite {
  TFLITE_FUNCTIONS(BACKEND_MEMBER)
  TfLiteModel *model;
  TfLiteInterpreterOptions *interpreter_options;
  TfLiteInterpreter *interpreter;
  char said[2048]; /* messages reported in the current step */
  void (*set_profiler)(TfLiteInterpreterOptions *, tflite_profiler *); /* NULL in a library without it */
  tflite_profiler profiler;
  uint32_t depth;      /* operators that run: one within another in control flow */
  int64_t operator_ns; /* when the outermost one began, or the last one ended */
  char operator[128];
  char node[160];
};

static void ignore_event(tflite_profiler *profiler, const char *name, uint64_t status) {
  (void)profiler, (void)name, (void)status;
}

static void ignore_operator_event(tflite_profiler *profiler, const char *name, int64_t index, int64_t subgraph,
                                  uint64_t status) {
  (void)profiler, (void)name, (void)index, (void)subgraph, (void)status;
}

static void ignore_settings(tflite_profiler *profiler, const char *name, const void *settings) {
  (void)profiler, (void)name, (void)settings;
}

static uint32_t begin_operator(tflite_profiler *profiler, const char *name, int64_t index, int64_t subgraph) {
  struct harness *harness = profiler->data;
  struct tflite *tflite = harness->state;
  (void)subgraph;
  if (tflite->depth == 0) {
    snprintf(tflite->operator, sizeof tflite->operator, "%s", name);
    snprintf(tflite->node, sizeof tflite->node, "%.120s %lld", name, (long long)index);
    tflite->operator_ns = now_ns();
  }
  return tflite->depth++;
}

static void end_operator(tflite_profiler *profiler, uint32_t handle) {
  struct harness *harness = profiler->data;
  struct tflite *tflite = harness->state;
  tflite->depth = handle;
  if (handle == 0) {
    int64_t end = now_ns();
    profile_add_operator(&harness->profile, tflite->operator, tflite->node, tflite->operator_ns, end);
    tflite->operator_ns = end;
  }
}

/* XNNPACK tells of its operators after it has run them: how long each took, not when it began. */
static void add_reported_operator(tflite_profiler *profiler, const char *name, uint64_t elapsed_us, int64_t index,
                                  int64_t subgraph) {
  struct harness *harness = profiler->data;
  struct tflite *tflite = harness->state;
  char node[160];
  (void)subgraph;
  snprintf(node, sizeof node, "%.120s %lld", name, (long long)index);
  int64_t begin = tflite->operator_ns;
  tflite->operator_ns += (int64_t)elapsed_us * 1000;
  profile_add_operator(&harness->profile, name, node, begin, tflite->operator_ns);
}

static void keep_report(void *data, const char *format, va_list words) {
  struct tflite *tflite = data;
  size_t used = strlen(tflite->said);
  if (used > 0 && used + 2 < sizeof tflite->said) {
    used += (size_t)snprintf(tflite->said + used, sizeof tflite->said - used, "; ");
  }
  vsnprintf(tflite->said + used, sizeof tflite->said - used, format, words);
  size_t length = strlen(tflite->said);
  while (length > 0 && tflite->said[length - 1] == '\n') {
    tflite->said[--length] = '\0';
  }
}

/* Fail with the runtime's message, or with `otherwise` if there is none. */
static bool fail_as_said(struct harness *harness, const char *otherwise) {
  const struct tflite *tflite = harness->state;
  return fail(harness, tflite->said[0] == '\0' ? otherwise : tflite->said);
}

static bool open_library(struct harness *harness, void *library) {
  struct tflite *state = harness->state = calloc(1, sizeof *state);
  if (state == NULL) {
    return fail(harness, "out of memory");
  }
  TFLITE_FUNCTIONS(BACKEND_BIND)
  void *set_profiler = dlsym(library, "TfLiteInterpreterOptionsSetTelemetryProfiler");
  memcpy(&state->set_profiler, &set_profiler, sizeof set_profiler); /* ISO C has no cast from object to function */
  harness->runtime.version = state->TfLiteVersion();
  return true;
}

static bool load(struct harness *harness) {
  struct tflite *tflite = harness->state;
  const struct options *options = &harness->options;
  tflite->model = tflite->TfLiteModelCreateFromFileWithErrorReporter(options->model, keep_report, tflite);
  if (tflite->model == NULL) {
    return fail_as_said(harness, "the file is no model of TensorFlow Lite's");
  }
  tflite->interpreter_options = tflite->TfLiteInterpreterOptionsCreate();
  tflite->TfLiteInterpreterOptionsSetNumThreads(tflite->interpreter_options, (int32_t)options->threads);
  tflite->TfLiteInterpreterOptionsSetErrorReporter(tflite->interpreter_options, keep_report, tflite);
  if (options->profile != NULL) {
    if (tflite->set_profiler == NULL) {
      return fail(harness, "this build of TensorFlow Lite cannot profile");
    }
    if (!profile_begin(harness)) {
      return false;
    }
    tflite->profiler = (tflite_profiler){.data = harness,
                                         .report_event = ignore_event,
                                         .report_operator_event = ignore_operator_event,
                                         .report_settings = ignore_settings,
                                         .begin_operator = begin_operator,
                                         .end_operator = end_operator,
                                         .report_operator = add_reported_operator};
    tflite->set_profiler(tflite->interpreter_options, &tflite->profiler);
  }
  tflite->interpreter = tflite->TfLiteInterpreterCreate(tflite->model, tflite->interpreter_options);
  if (tflite->interpreter == NULL) {
    return fail_as_said(harness, "the model cannot be interpreted");
  }
  if (tflite->TfLiteInterpreterAllocateTensors(tflite->interpreter) != TFLITE_OK) {
    return fail_as_said(harness, "the model's tensors cannot be allocated");
  }
  return true;
}

static bool read_type(struct harness *harness, const TfLiteTensor *tensor, struct tensor_type *type) {
  const struct tflite *tflite = harness->state;
  if (tensor == NULL) {
    return fail(harness, "a tensor of the model is missing");
  }
  int rank = tflite->TfLiteTensorNumDims(tensor);
  *type = (struct tensor_type){.element = tflite_element(tflite->TfLiteTensorType(tensor)),
                               .rank = rank < 0 ? MAX_RANK + 1 : (size_t)rank};
  for (int i = 0; i < rank && i < MAX_RANK; i++) {
    type->shape[i] = tflite->TfLiteTensorDim(tensor, i);
  }
  const char *reason = tensor_type_measure(type);
  if (reason != NULL) {
    return fail(harness, reason);
  }
  return tflite->TfLiteTensorByteSize(tensor) == type->bytes || fail(harness, "a tensor's size is not its shape's");
}

static bool keep_name(struct harness *harness, const TfLiteTensor *tensor, char **copy) {
  const struct tflite *tflite = harness->state;
  return backend_keep_name(harness, tflite->TfLiteTensorName(tensor), copy);
}

static bool describe(struct harness *harness) {
  const struct tflite *tflite = harness->state;
  int32_t inputs = tflite->TfLiteInterpreterGetInputTensorCount(tflite->interpreter);
  int32_t outputs = tflite->TfLiteInterpreterGetOutputTensorCount(tflite->interpreter);
  if (inputs < 0 || outputs < 0 || !harness_hold(harness, (size_t)inputs, (size_t)outputs)) {
    return false;
  }
  for (int32_t i = 0; i < inputs; i++) {
    const TfLiteTensor *tensor = tflite->TfLiteInterpreterGetInputTensor(tflite->interpreter, i);
    if (!read_type(harness, tensor, &harness->inputs[i].type) || !keep_name(harness, tensor, &harness->inputs[i].name)) {
      return false;
    }
  }
  for (int32_t i = 0; i < outputs; i++) {
    const TfLiteTensor *tensor = tflite->TfLiteInterpreterGetOutputTensor(tflite->interpreter, i);
    if (tensor == NULL || !keep_name(harness, tensor, &harness->output_names[i])) {
      return fail(harness, "an output of the model is missing");
    }
  }
  return true;
}

static bool bind(struct harness *harness, struct input *input) {
  (void)harness;
  for (size_t i = 0; i < input->samples; i++) {
    input->values[i] = input->data + i * input->type.bytes;
  }
  return true;
}

static bool set(struct harness *harness, size_t sample) {
  const struct tflite *tflite = harness->state;
  for (size_t i = 0; i < harness->input_count; i++) {
    const struct input *input = &harness->inputs[i];
    TfLiteTensor *tensor = tflite->TfLiteInterpreterGetInputTensor(tflite->interpreter, (int32_t)i);
    if (tflite->TfLiteTensorCopyFromBuffer(tensor, input->values[sample], input->type.bytes) != TFLITE_OK) {
      return fail(harness, "an input cannot be set");
    }
  }
  return true;
}

static bool run(struct harness *harness) {
  struct tflite *tflite = harness->state;
  bool profiled = harness->profile.json.file != NULL;
  int64_t start = profiled ? now_ns() : 0;
  tflite->operator_ns = start;
  if (tflite->TfLiteInterpreterInvoke(tflite->interpreter) != TFLITE_OK) {
    return fail_as_said(harness, "the model cannot be run");
  }
  if (profiled) {
    profile_add_inference(&harness->profile, start, now_ns());
  }
  return true;
}

static bool read(struct harness *harness, size_t output, struct tensor_view *view) {
  const struct tflite *tflite = harness->state;
  const TfLiteTensor *tensor = tflite->TfLiteInterpreterGetOutputTensor(tflite->interpreter, (int32_t)output);
  if (!read_type(harness, tensor, &view->type)) {
    return false;
  }
  view->data = tflite->TfLiteTensorData(tensor);
  return view->data != NULL || fail(harness, "an output has no data");
}

static void reset(struct harness *harness) { (void)harness; /* the interpreter owns its tensors */ }

static void close_library(struct harness *harness) {
  struct tflite *tflite = harness->state;
  if (tflite != NULL && harness->runtime.version != NULL) {
    if (tflite->interpreter != NULL) {
      tflite->TfLiteInterpreterDelete(tflite->interpreter);
    }
    if (tflite->interpreter_options != NULL) {
      tflite->TfLiteInterpreterOptionsDelete(tflite->interpreter_options);
    }
    if (tflite->model != NULL) {
      tflite->TfLiteModelDelete(tflite->model);
    }
  }
  free(tflite);
}

const struct backend tflite_backend = {
    .name = "tflite",
    .symbol = "TfLiteInterpreterCreate",
    .profiles = true,
    .open = open_library,
    .load = load,
    .describe = describe,
    .bind = bind,
    .set = set,
    .run = run,
    .read = read,
    .reset = reset,
    .end_profile = profile_end,
    .close = close_library,
};
