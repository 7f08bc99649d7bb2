/* The back end of LiteRT, as TensorFlow Lite is called from release 2 on: the same models, another C API. Its CPU kernels
 * are XNNPACK's. Its messages go to stderr. */
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "litert_abi.h"
#include "tflite_elements.h"

enum { SIGNATURE = 0 }; /* the only one of the models that edgetool converts; others begin with their main one */

struct litert {
  LITERT_FUNCTIONS(BACKEND_MEMBER)
  LiteRtEnvironment environment;
  LiteRtModel model;
  LiteRtOptions options;
  LiteRtCompiledModel compiled;
  LiteRtProfiler profiler; /* NULL without a profile; owned by the model */
  LiteRtTensorBuffer inputs[MAX_INPUTS];
  LiteRtTensorBuffer outputs[MAX_OUTPUTS];
  struct tensor_type output_types[MAX_OUTPUTS];
  bool is_read[MAX_OUTPUTS]; /* locked */
};

static bool open_library(struct harness *harness, void *library) {
  struct litert *state = harness->state = calloc(1, sizeof *state);
  if (state == NULL) {
    return fail(harness, "out of memory");
  }
  LITERT_FUNCTIONS(BACKEND_BIND)
  if (state->LiteRtCreateEnvironment(0, NULL, &state->environment) != LITERT_OK) {
    return fail(harness, "LiteRT cannot be started");
  }
  harness->runtime.version = "unreported";
  return true;
}

/* Set options of one part of LiteRT, a line of TOML. */
static bool set_options(struct harness *harness, const char *part, const char *line) {
  const struct litert *litert = harness->state;
  LiteRtOpaqueOptions set = NULL;
  char *toml = strdup(line); /* the options free it */
  if (toml == NULL) {
    return fail(harness, "out of memory");
  }
  if (litert->LiteRtCreateOpaqueOptions(part, toml, free, &set) != LITERT_OK) {
    free(toml);
    return fail(harness, "LiteRT's options cannot be set");
  }
  return litert->LiteRtAddOpaqueOptions(litert->options, set) == LITERT_OK ||
         fail(harness, "LiteRT's options cannot be set");
}

static bool choose_options(struct harness *harness) {
  const struct options *options = &harness->options;
  char threads[64];
  snprintf(threads, sizeof threads, "num_threads = %d\n", (int)options->threads);
  return set_options(harness, "xnnpack", threads) &&
         (options->profile == NULL || set_options(harness, "runtime_options_string", "enable_profiling = true\n"));
}

static bool load(struct harness *harness) {
  struct litert *litert = harness->state;
  if (litert->LiteRtCreateModelFromFile(litert->environment, harness->options.model, &litert->model) != LITERT_OK) {
    return fail(harness, "the file is no model of TensorFlow Lite's");
  }
  if (litert->LiteRtCreateOptions(&litert->options) != LITERT_OK ||
      litert->LiteRtSetOptionsHardwareAccelerators(litert->options, LITERT_CPU) != LITERT_OK) {
    return fail(harness, "out of memory");
  }
  if (!choose_options(harness)) {
    return false;
  }
  if (litert->LiteRtCreateCompiledModel(litert->environment, litert->model, litert->options, &litert->compiled) !=
      LITERT_OK) {
    return fail(harness, "the model cannot be compiled");
  }
  return harness->options.profile == NULL ||
         (profile_begin(harness) &&
          (litert->LiteRtCompiledModelGetProfiler(litert->compiled, &litert->profiler) == LITERT_OK ||
           fail(harness, "the model cannot be profiled")));
}

static bool read_tensor(struct harness *harness, LiteRtTensor tensor, struct litert_type *own, struct tensor_type *type,
                        char **name) {
  const struct litert *litert = harness->state;
  const char *called = NULL;
  if (litert->LiteRtGetRankedTensorType(tensor, own) != LITERT_OK ||
      litert->LiteRtGetTensorName(tensor, &called) != LITERT_OK) {
    return fail(harness, "a tensor of the model has no shape or name");
  }
  *type = (struct tensor_type){.element = tflite_element(own->element), .rank = own->rank};
  for (size_t i = 0; i < own->rank && i < LITERT_MAX_RANK && i < MAX_RANK; i++) {
    type->shape[i] = own->dimensions[i];
  }
  const char *reason = tensor_type_measure(type);
  return reason == NULL ? backend_keep_name(harness, called, name) : fail(harness, reason);
}

/* Make the buffer of one tensor, which must be as large as its shape says. */
static bool make_buffer(struct harness *harness, const struct litert_type *own, const struct tensor_type *type,
                        LiteRtTensorBufferRequirements wanted, LiteRtTensorBuffer *buffer) {
  const struct litert *litert = harness->state;
  size_t bytes = 0;
  if (litert->LiteRtCreateManagedTensorBufferFromRequirements(litert->environment, own, wanted, buffer) != LITERT_OK) {
    return fail(harness, "the memory of a tensor cannot be allocated");
  }
  return (litert->LiteRtGetTensorBufferPackedSize(*buffer, &bytes) == LITERT_OK && bytes == type->bytes) ||
         fail(harness, "a tensor's size is not its shape's");
}

static bool describe_input(struct harness *harness, LiteRtSignature signature, size_t index) {
  struct litert *litert = harness->state;
  struct input *input = &harness->inputs[index];
  LiteRtTensor tensor = NULL;
  LiteRtTensorBufferRequirements wanted = NULL;
  struct litert_type own;
  if (litert->LiteRtGetSignatureInputTensorByIndex(signature, index, &tensor) != LITERT_OK ||
      litert->LiteRtGetCompiledModelInputBufferRequirements(litert->compiled, SIGNATURE, index, &wanted) != LITERT_OK) {
    return fail(harness, "an input of the model is missing");
  }
  return read_tensor(harness, tensor, &own, &input->type, &input->name) &&
         make_buffer(harness, &own, &input->type, wanted, &litert->inputs[index]);
}

static bool describe_output(struct harness *harness, LiteRtSignature signature, size_t index) {
  struct litert *litert = harness->state;
  LiteRtTensor tensor = NULL;
  LiteRtTensorBufferRequirements wanted = NULL;
  struct litert_type own;
  struct tensor_type *type = &litert->output_types[index];
  if (litert->LiteRtGetSignatureOutputTensorByIndex(signature, index, &tensor) != LITERT_OK ||
      litert->LiteRtGetCompiledModelOutputBufferRequirements(litert->compiled, SIGNATURE, index, &wanted) !=
          LITERT_OK) {
    return fail(harness, "an output of the model is missing");
  }
  return read_tensor(harness, tensor, &own, type, &harness->output_names[index]) &&
         make_buffer(harness, &own, type, wanted, &litert->outputs[index]);
}

static bool describe(struct harness *harness) {
  const struct litert *litert = harness->state;
  LiteRtSignature signature = NULL;
  size_t inputs = 0, outputs = 0;
  if (litert->LiteRtGetModelSignature(litert->model, SIGNATURE, &signature) != LITERT_OK ||
      litert->LiteRtGetNumSignatureInputs(signature, &inputs) != LITERT_OK ||
      litert->LiteRtGetNumSignatureOutputs(signature, &outputs) != LITERT_OK) {
    return fail(harness, "the model says nothing of its inputs and outputs");
  }
  bool done = harness_hold(harness, inputs, outputs);
  for (size_t i = 0; done && i < inputs; i++) {
    done = describe_input(harness, signature, i);
  }
  for (size_t i = 0; done && i < outputs; i++) {
    done = describe_output(harness, signature, i);
  }
  return done;
}

static bool bind(struct harness *harness, struct input *input) {
  (void)harness;
  for (size_t i = 0; i < input->samples; i++) {
    input->values[i] = input->data + i * input->type.bytes;
  }
  return true;
}

static bool set(struct harness *harness, size_t sample) {
  const struct litert *litert = harness->state;
  for (size_t i = 0; i < harness->input_count; i++) {
    const struct input *input = &harness->inputs[i];
    void *data = NULL;
    if (litert->LiteRtLockTensorBuffer(litert->inputs[i], &data, LITERT_LOCK_WRITE) != LITERT_OK) {
      return fail(harness, "an input cannot be set");
    }
    memcpy(data, input->values[sample], input->type.bytes);
    litert->LiteRtUnlockTensorBuffer(litert->inputs[i]);
  }
  return true;
}

/* Operators of LiteRT's own, and of XNNPACK within the one operator that stands for all of them. */
static bool is_operator(const struct litert_event *event) {
  return event->name != NULL && (event->type == LITERT_XNNPACK_OPERATOR ||
                                 (event->type == LITERT_OPERATOR && strcmp(event->name, "TfLiteXNNPackDelegate") != 0));
}

/* Write the operators of the last inference, which began at `start`. XNNPACK says only how long each took: they are
 * written as one after the other. */
static bool write_events(struct harness *harness, int64_t start) {
  const struct litert *litert = harness->state;
  int count = 0;
  if (litert->LiteRtGetNumProfilerEvents(litert->profiler, &count) != LITERT_OK || count <= 0) {
    return fail(harness, "LiteRT has profiled nothing");
  }
  struct litert_event *events = calloc((size_t)count, sizeof *events);
  bool done = events != NULL && litert->LiteRtGetProfilerEvents(litert->profiler, count, events) == LITERT_OK;
  int64_t begin = start;
  for (int i = 0; done && i < count; i++) {
    if (is_operator(&events[i])) {
      int64_t end = begin + (int64_t)events[i].elapsed_us * 1000;
      char node[160];
      snprintf(node, sizeof node, "%.120s %llu", events[i].name, (unsigned long long)events[i].index);
      profile_add_operator(&harness->profile, events[i].name, node, begin, end);
      begin = end;
    }
  }
  free(events);
  profile_add_inference(&harness->profile, start, begin);
  return done || fail(harness, "LiteRT's profile cannot be read");
}

static bool run_model(struct harness *harness) {
  struct litert *litert = harness->state;
  return litert->LiteRtRunCompiledModel(litert->compiled, SIGNATURE, harness->input_count, litert->inputs,
                                        harness->output_count, litert->outputs) == LITERT_OK ||
         fail(harness, "the model cannot be run");
}

static bool run(struct harness *harness) {
  const struct litert *litert = harness->state;
  if (litert->profiler == NULL) {
    return run_model(harness);
  }
  if (litert->LiteRtResetProfiler(litert->profiler) != LITERT_OK ||
      litert->LiteRtStartProfiler(litert->profiler) != LITERT_OK) {
    return fail(harness, "the model cannot be profiled");
  }
  int64_t start = now_ns();
  return run_model(harness) &&
         (litert->LiteRtStopProfiler(litert->profiler) == LITERT_OK || fail(harness, "the profile cannot be ended")) &&
         write_events(harness, start);
}

static bool read(struct harness *harness, size_t output, struct tensor_view *view) {
  struct litert *litert = harness->state;
  void *data = NULL;
  if (litert->LiteRtLockTensorBuffer(litert->outputs[output], &data, LITERT_LOCK_READ) != LITERT_OK) {
    return fail(harness, "an output cannot be read");
  }
  litert->is_read[output] = true;
  view->type = litert->output_types[output];
  view->data = data;
  return true;
}

static void reset(struct harness *harness) {
  struct litert *litert = harness->state;
  for (size_t i = 0; i < harness->output_count; i++) {
    if (litert->is_read[i]) {
      litert->LiteRtUnlockTensorBuffer(litert->outputs[i]);
      litert->is_read[i] = false;
    }
  }
}

static void release_buffers(const struct litert *litert, LiteRtTensorBuffer *buffers, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (buffers[i] != NULL) {
      litert->LiteRtDestroyTensorBuffer(buffers[i]);
    }
  }
}

static void close_library(struct harness *harness) {
  struct litert *litert = harness->state;
  if (litert != NULL && litert->environment != NULL) {
    reset(harness);
    release_buffers(litert, litert->inputs, MAX_INPUTS);
    release_buffers(litert, litert->outputs, MAX_OUTPUTS);
    if (litert->compiled != NULL) {
      litert->LiteRtDestroyCompiledModel(litert->compiled);
    }
    if (litert->options != NULL) {
      litert->LiteRtDestroyOptions(litert->options);
    }
    if (litert->model != NULL) {
      litert->LiteRtDestroyModel(litert->model);
    }
    litert->LiteRtDestroyEnvironment(litert->environment);
  }
  free(litert);
}

const struct backend litert_backend = {
    .name = "tflite",
    .symbol = "LiteRtCreateCompiledModel",
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
