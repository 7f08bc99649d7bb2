/* The ncnn back end, using its C API. A model is a graph as text (.param) with its weights beside it (.bin).
 *
 * ncnn has no batch axis; results have a leading batch axis of 1. Graphs needn't contain the sizes of their inputs, but
 * edgetool writes them to the parameters of the input layers. All tensors are float32. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "ncnn_abi.h"

/* A layer of the graph, for its profile. */
struct layer {
  char kind[64], name[256];
  int output, outputs; /* blobs, numbered in the order of the file */
};

struct ncnn {
  NCNN_FUNCTIONS(BACKEND_MEMBER)
  /* ncnn::Extractor::extract(int, ncnn::Mat &, int): the C API's lacks the last one, which leaves a blob as it is */
  int (*extract)(ncnn_extractor_t, int blob, ncnn_mat_t, int as_it_is);
  struct layer *layers; /* NULL without a profile */
  size_t layer_count;
  ncnn_option_t option;
  ncnn_net_t net;
  ncnn_extractor_t extractor;
  ncnn_mat_t inputs[MAX_INPUTS]; /* of the current sample */
  int input_indexes[MAX_INPUTS];
  ncnn_mat_t outputs[MAX_OUTPUTS];
  int output_indexes[MAX_OUTPUTS];
  char *flat; /* an output without padding between channels */
  bool halves; /* the processor has 16-bit floats that this build uses */
};

/* ncnn::cpu_support_riscv_zvfh(), cpu_support_arm_asimdhp() and cpu_support_x86_f16c(), which the C API lacks. They are
 * in every build, and return 0 on other processors. */
static bool has_halves(void *library) {
  static const char *const names[] = {"_ZN4ncnn22cpu_support_riscv_zvfhEv", "_ZN4ncnn23cpu_support_arm_asimdhpEv",
                                      "_ZN4ncnn20cpu_support_x86_f16cEv"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    int (*supports)(void) = NULL;
    void *symbol = dlsym(library, names[i]);
    memcpy(&supports, &symbol, sizeof supports); /* ISO C has no cast from object to function pointer */
    if (supports != NULL && supports() != 0) {
      return true;
    }
  }
  return false;
}

static bool open_library(struct harness *harness, void *library) {
  struct ncnn *state = harness->state = calloc(1, sizeof *state);
  if (state == NULL) {
    return fail(harness, "out of memory");
  }
  NCNN_FUNCTIONS(BACKEND_BIND)
  if (!backend_bind(harness, library, "_ZN4ncnn9Extractor7extractEiRNS_3MatEi", &state->extract)) {
    return false;
  }
  state->halves = has_halves(library);
  harness->runtime.version = state->ncnn_version();
  return true;
}

/* The path of the weights: that of the graph with another suffix. */
static bool weights_path(struct harness *harness, char *path, size_t size) {
  const char *model = harness->options.model;
  const char *ending = strrchr(model, '.');
  if (ending == NULL || strcmp(ending, ".param") != 0 || strlen(model) >= size) {
    return fail(harness, "a model of ncnn's is a file that ends in .param, with its weights beside it in .bin");
  }
  snprintf(path, size, "%.*s.bin", (int)(ending - model), model);
  return true;
}

/* Load the weights. A graph that leaves a part of the file is not theirs, and would compute nonsense. */
static bool load_weights(struct harness *harness, const char *path) {
  struct ncnn *ncnn = harness->state;
  char text[4608];
  bool loaded = false, whole = false;
  FILE *file = fopen(path, "rb");
  if (file != NULL) {
    ncnn_datareader_t reader = ncnn->ncnn_datareader_create_from_stdio(file);
    loaded = ncnn->ncnn_net_load_model_datareader(ncnn->net, reader) == 0;
    whole = fgetc(file) == EOF;
    ncnn->ncnn_datareader_destroy(reader);
    fclose(file);
  }
  if (!loaded || !whole) {
    snprintf(text, sizeof text, loaded ? "the graph takes only a part of %s" : "ncnn cannot load the weights %s", path);
    return fail(harness, text);
  }
  return true;
}

/* Read the layers that run, from lines of "kind name inputs outputs blob… setting…" after two others. */
static bool read_layers(struct harness *harness) {
  struct ncnn *ncnn = harness->state;
  char line[2048];
  int blobs = 0, inputs = 0;
  size_t room = 0;
  FILE *graph = fopen(harness->options.model, "r");
  if (graph == NULL) {
    return fail(harness, "cannot read the graph");
  }
  for (size_t number = 0; fgets(line, sizeof line, graph) != NULL; number++) {
    if (ncnn->layer_count == room) {
      room = room == 0 ? 256 : room * 2;
      struct layer *more = realloc(ncnn->layers, room * sizeof *more);
      if (more == NULL) {
        fclose(graph);
        return fail(harness, "out of memory");
      }
      ncnn->layers = more;
    }
    struct layer *layer = &ncnn->layers[ncnn->layer_count];
    if (number < 2 || sscanf(line, "%63s %255s %d %d", layer->kind, layer->name, &inputs, &layer->outputs) != 4) {
      continue;
    }
    layer->output = blobs;
    blobs += layer->outputs;
    ncnn->layer_count += strcmp(layer->kind, "Input") != 0 && layer->outputs > 0;
  }
  fclose(graph);
  return true;
}

static bool load(struct harness *harness) {
  struct ncnn *ncnn = harness->state;
  const struct options *options = &harness->options;
  char weights[4096], text[4608];
  if (!weights_path(harness, weights, sizeof weights)) {
    return false;
  }
  ncnn->option = ncnn->ncnn_option_create();
  ncnn->net = ncnn->ncnn_net_create();
  int half = options->half != 0;
  if (half && !ncnn->halves) { /* ncnn would compute in 32 bits without a word */
    return fail(harness, "ncnn computes in 16 bits only on a processor with Zvfh, FP16 of Armv8.2 or F16C");
  }
  ncnn->ncnn_option_set_num_threads(ncnn->option, (int)options->threads);
  ncnn->ncnn_option_set_use_fp16_packed(ncnn->option, half);
  ncnn->ncnn_option_set_use_fp16_storage(ncnn->option, half);
  ncnn->ncnn_option_set_use_fp16_arithmetic(ncnn->option, half);
  ncnn->ncnn_option_set_use_bf16_storage(ncnn->option, 0);
  if (options->profile != NULL) {
    ncnn->ncnn_option_set_use_local_pool_allocator(ncnn->option, 0); /* otherwise every extracted blob is copied */
    if (!profile_begin(harness) || !read_layers(harness)) {
      return false;
    }
  }
  ncnn->ncnn_net_set_option(ncnn->net, ncnn->option);
  if (ncnn->ncnn_net_load_param(ncnn->net, options->model) != 0) {
    snprintf(text, sizeof text, "ncnn cannot load the graph %s", options->model);
    return fail(harness, text);
  }
  return load_weights(harness, weights);
}

/* Read the sizes from the parameters of a layer: 0=w 1=h 11=d 2=c. */
static void read_sizes(const char *line, long *w, long *h, long *d, long *c) {
  const struct {
    const char *key;
    long *size;
  } sizes[] = {{" 0=", w}, {" 1=", h}, {" 11=", d}, {" 2=", c}};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    const char *found = strstr(line, sizes[i].key);
    *sizes[i].size = found == NULL ? 0 : strtol(found + strlen(sizes[i].key), NULL, 10);
  }
}

/* Read the shape of the input blob `name` from its layer in the graph. */
static bool read_shape(struct harness *harness, FILE *graph, const char *name, struct tensor_type *type) {
  char line[2048], blob[512];
  rewind(graph);
  while (fgets(line, sizeof line, graph) != NULL) {
    if (sscanf(line, "Input %*511s %*d %*d %511s", blob) != 1 || strcmp(blob, name) != 0) {
      continue;
    }
    long w, h, d, c;
    read_sizes(line, &w, &h, &d, &c);
    const long sides[] = {c, d, h, w}; /* outermost first; missing dimensions are 0 */
    *type = (struct tensor_type){.element = ELEMENT_FLOAT32, .rank = 1, .shape = {1}};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
      if (sides[i] < 0 || sides[i] > INT32_MAX) {
        return fail(harness, "an input's size in the graph makes no sense");
      }
      if (sides[i] > 0) {
        type->shape[type->rank++] = sides[i];
      }
    }
    break;
  }
  if (type->rank < 2) {
    char text[768];
    snprintf(text, sizeof text, "the graph does not say how large its input %s is", name);
    return fail(harness, text);
  }
  const char *reason = tensor_type_measure(type);
  return reason == NULL || fail(harness, reason);
}

static bool describe_inputs(struct harness *harness, FILE *graph) {
  struct ncnn *ncnn = harness->state;
  for (size_t i = 0; i < harness->input_count; i++) {
    struct input *input = &harness->inputs[i];
    ncnn->input_indexes[i] = ncnn->ncnn_net_get_input_index(ncnn->net, (int)i);
    if (!backend_keep_name(harness, ncnn->ncnn_net_get_input_name(ncnn->net, (int)i), &input->name) ||
        !read_shape(harness, graph, input->name, &input->type)) {
      return false;
    }
  }
  return true;
}

static bool describe(struct harness *harness) {
  struct ncnn *ncnn = harness->state;
  int inputs = ncnn->ncnn_net_get_input_count(ncnn->net), outputs = ncnn->ncnn_net_get_output_count(ncnn->net);
  if (inputs < 0 || outputs < 0 || !harness_hold(harness, (size_t)inputs, (size_t)outputs)) {
    return false;
  }
  FILE *graph = fopen(harness->options.model, "r");
  if (graph == NULL) {
    return fail(harness, "cannot read the graph");
  }
  bool done = describe_inputs(harness, graph);
  fclose(graph);
  for (size_t i = 0; done && i < harness->output_count; i++) {
    ncnn->output_indexes[i] = ncnn->ncnn_net_get_output_index(ncnn->net, (int)i);
    done = backend_keep_name(harness, ncnn->ncnn_net_get_output_name(ncnn->net, (int)i), &harness->output_names[i]);
  }
  return done;
}

/* Samples are copied to ncnn's memory, since its channels start at multiples of 16 bytes. */
static ncnn_mat_t make_value(const struct ncnn *ncnn, const struct tensor_type *type, const char *data) {
  const int64_t *side = type->shape + 1;
  ncnn_mat_t mat = NULL;
  switch (type->rank - 1) {
    case 1: mat = ncnn->ncnn_mat_create_1d((int)side[0], NULL); break;
    case 2: mat = ncnn->ncnn_mat_create_2d((int)side[1], (int)side[0], NULL); break;
    case 3: mat = ncnn->ncnn_mat_create_3d((int)side[2], (int)side[1], (int)side[0], NULL); break;
    default: mat = ncnn->ncnn_mat_create_4d((int)side[3], (int)side[2], (int)side[1], (int)side[0], NULL); break;
  }
  if (mat == NULL || ncnn->ncnn_mat_get_data(mat) == NULL) {
    return mat;
  }
  int channels = ncnn->ncnn_mat_get_c(mat);
  size_t bytes = type->bytes / (size_t)channels;
  for (int channel = 0; channel < channels; channel++) {
    memcpy(ncnn->ncnn_mat_get_channel_data(mat, channel), data + (size_t)channel * bytes, bytes);
  }
  return mat;
}

static bool bind(struct harness *harness, struct input *input) {
  const struct ncnn *ncnn = harness->state;
  for (size_t i = 0; i < input->samples; i++) {
    ncnn_mat_t value = make_value(ncnn, &input->type, input->data + i * input->type.bytes);
    input->values[i] = value;
    if (value == NULL || ncnn->ncnn_mat_get_data(value) == NULL) {
      return fail(harness, "out of memory");
    }
  }
  free(input->data); /* otherwise the copy would count as the model's memory */
  input->data = NULL;
  return true;
}

static bool set(struct harness *harness, size_t sample) {
  struct ncnn *ncnn = harness->state;
  for (size_t i = 0; i < harness->input_count; i++) {
    ncnn->inputs[i] = harness->inputs[i].values[sample];
  }
  return true;
}

/* Run one layer after the other, in the order of the graph, in which each finds its inputs computed. A blob that was
 * extracted is released at once, so that layers find them shared no more often than otherwise. */
static int run_layers(struct harness *harness) {
  struct ncnn *ncnn = harness->state;
  int64_t start = now_ns();
  int failed = 0;
  for (size_t i = 0; i < ncnn->layer_count && failed == 0; i++) {
    const struct layer *layer = &ncnn->layers[i];
    ncnn_mat_t blob = ncnn->ncnn_mat_create();
    int64_t begin = now_ns();
    failed = ncnn->extract(ncnn->extractor, layer->output, blob, 1);
    int64_t end = now_ns();
    ncnn->ncnn_mat_destroy(blob);
    profile_add_operator(&harness->profile, layer->kind, layer->name, begin, end);
  }
  profile_add_inference(&harness->profile, start, now_ns());
  return failed;
}

static bool run(struct harness *harness) {
  struct ncnn *ncnn = harness->state;
  int failed = 0;
  ncnn->extractor = ncnn->ncnn_extractor_create(ncnn->net);
  for (size_t i = 0; i < harness->input_count && failed == 0; i++) {
    failed = ncnn->ncnn_extractor_input_index(ncnn->extractor, ncnn->input_indexes[i], ncnn->inputs[i]);
  }
  if (ncnn->layers != NULL && failed == 0) {
    failed = run_layers(harness);
  }
  for (size_t i = 0; i < harness->output_count && failed == 0; i++) {
    failed = ncnn->ncnn_extractor_extract_index(ncnn->extractor, ncnn->output_indexes[i], &ncnn->outputs[i]);
  }
  if (failed != 0) {
    char text[64];
    snprintf(text, sizeof text, "ncnn cannot run the model: %d", failed);
    return fail(harness, text);
  }
  return true;
}

static bool read_type(struct harness *harness, const struct ncnn *ncnn, ncnn_mat_t mat, struct tensor_type *type) {
  int dims = ncnn->ncnn_mat_get_dims(mat);
  if (ncnn->ncnn_mat_get_data(mat) == NULL || ncnn->ncnn_mat_get_elemsize(mat) != sizeof(float) ||
      ncnn->ncnn_mat_get_elempack(mat) != 1 || dims < 1 || dims > 4) {
    return fail(harness, "an output is not a tensor of float32");
  }
  const int sides[] = {ncnn->ncnn_mat_get_w(mat), ncnn->ncnn_mat_get_h(mat), ncnn->ncnn_mat_get_d(mat),
                       ncnn->ncnn_mat_get_c(mat)};
  *type = (struct tensor_type){.element = ELEMENT_FLOAT32, .rank = 1, .shape = {1}};
  if (dims >= 3) {
    type->shape[type->rank++] = sides[3];
  }
  for (int i = dims == 4 ? 2 : dims >= 2 ? 1 : 0; i >= 0; i--) {
    type->shape[type->rank++] = sides[i];
  }
  const char *reason = tensor_type_measure(type);
  return reason == NULL || fail(harness, reason);
}

static bool read(struct harness *harness, size_t output, struct tensor_view *view) {
  struct ncnn *ncnn = harness->state;
  ncnn_mat_t mat = ncnn->outputs[output];
  if (!read_type(harness, ncnn, mat, &view->type)) {
    return false;
  }
  char *flat = realloc(ncnn->flat, view->type.bytes);
  if (flat == NULL) {
    return fail(harness, "out of memory");
  }
  ncnn->flat = flat;
  int channels = ncnn->ncnn_mat_get_c(mat);
  size_t bytes = view->type.bytes / (size_t)channels;
  for (int channel = 0; channel < channels; channel++) {
    memcpy(flat + (size_t)channel * bytes, ncnn->ncnn_mat_get_channel_data(mat, channel), bytes);
  }
  view->data = flat;
  return true;
}

static void reset(struct harness *harness) {
  struct ncnn *ncnn = harness->state;
  for (size_t i = 0; i < harness->output_count; i++) {
    if (ncnn->outputs[i] != NULL) {
      ncnn->ncnn_mat_destroy(ncnn->outputs[i]);
      ncnn->outputs[i] = NULL;
    }
  }
  if (ncnn->extractor != NULL) {
    ncnn->ncnn_extractor_destroy(ncnn->extractor);
    ncnn->extractor = NULL;
  }
}

static void release_values(const struct harness *harness, const struct ncnn *ncnn) {
  for (size_t i = 0; i < harness->input_count; i++) {
    const struct input *input = &harness->inputs[i];
    for (size_t sample = 0; input->values != NULL && sample < input->samples; sample++) {
      if (input->values[sample] != NULL) {
        ncnn->ncnn_mat_destroy(input->values[sample]);
      }
    }
  }
}

static void close_library(struct harness *harness) {
  struct ncnn *ncnn = harness->state;
  if (ncnn == NULL) {
    return;
  }
  if (harness->runtime.version != NULL) {
    reset(harness);
    release_values(harness, ncnn);
    if (ncnn->net != NULL) {
      ncnn->ncnn_net_destroy(ncnn->net);
    }
    if (ncnn->option != NULL) {
      ncnn->ncnn_option_destroy(ncnn->option);
    }
  }
  free(ncnn->layers);
  free(ncnn->flat);
  free(ncnn);
}

const struct backend ncnn_backend = {
    .name = "ncnn",
    .symbol = "ncnn_net_create",
    .profiles = true,
    .halves = true,
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
