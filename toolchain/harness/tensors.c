#include "tensors.h"

#include <stdlib.h>
#include <string.h>

/* Indexed by ONNXTensorElementDataType. Size 0 marks a type without a fixed width, which raw files can't hold. */
static const struct {
  const char *name;
  size_t bytes;
} ELEMENTS[] = {
    {"undefined", 0}, {"float32", 4}, {"uint8", 1}, {"int8", 1},    {"uint16", 2}, {"int16", 2},  {"int32", 4},
    {"int64", 8},     {"string", 0},  {"bool", 1},  {"float16", 2}, {"float64", 8}, {"uint32", 4}, {"uint64", 8},
};
enum { ELEMENT_COUNT = sizeof ELEMENTS / sizeof ELEMENTS[0] };

static char reason[512];

const char *tensor_type_measure(struct tensor_type *type) {
  if (type->rank > MAX_RANK) {
    snprintf(reason, sizeof reason, "rank %zu is more than %d", type->rank, MAX_RANK);
    return reason;
  }
  if (type->element < 0 || type->element >= ELEMENT_COUNT || ELEMENTS[type->element].bytes == 0) {
    snprintf(reason, sizeof reason, "element type %d has no fixed width", type->element);
    return reason;
  }
  type->bytes = ELEMENTS[type->element].bytes;
  for (size_t i = 0; i < type->rank; i++) {
    if (type->shape[i] < 0) {
      snprintf(reason, sizeof reason, "dimension %zu is dynamic", i);
      return reason;
    }
    if (__builtin_mul_overflow(type->bytes, (size_t)type->shape[i], &type->bytes)) {
      return "tensor is too large";
    }
  }
  return NULL;
}

/* Read complete samples only, so that the rest of the file doesn't count as the model's memory. */
static const char *read_samples(struct input *input, FILE *file, const char *path, size_t limit) {
  long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
  size_t bytes = input->type.bytes;
  if (size <= 0 || bytes == 0 || (size_t)size % bytes != 0) {
    snprintf(reason, sizeof reason, "%s has %ld bytes, no multiple of the %zu of input %s", path, size, bytes,
             input->name);
    return reason;
  }
  input->samples = (size_t)size / bytes;
  if (limit != 0 && input->samples > limit) {
    input->samples = limit;
  }
  input->data = malloc(input->samples * bytes);
  if (input->data == NULL) {
    return "out of memory";
  }
  if (fseek(file, 0, SEEK_SET) != 0 || fread(input->data, bytes, input->samples, file) != input->samples) {
    snprintf(reason, sizeof reason, "cannot read %s", path);
    return reason;
  }
  return NULL;
}

const char *input_load(struct input *input, const char *path, size_t limit) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    snprintf(reason, sizeof reason, "cannot open %s", path);
    return reason;
  }
  const char *failure = read_samples(input, file, path, limit);
  fclose(file);
  if (failure != NULL) {
    return failure;
  }
  input->values = calloc(input->samples, sizeof *input->values);
  return input->values == NULL ? "out of memory" : NULL;
}

void input_release(struct input *input) {
  free(input->name);
  free(input->values);
  free(input->data);
}

const char *output_append(const struct tensor_view *view, FILE *file, struct tensor_type *type) {
  const struct tensor_type *found = &view->type;
  if (type->element == 0) {
    *type = *found;
  }
  bool same = type->element == found->element && type->rank == found->rank &&
              memcmp(type->shape, found->shape, found->rank * sizeof found->shape[0]) == 0;
  if (!same) {
    return "an output changes its shape from one sample to the next";
  }
  return fwrite(view->data, 1, found->bytes, file) == found->bytes ? NULL
                                                                   : "cannot write an output file; is the disk full?";
}

void tensor_type_write(struct json *json, const char *name, const struct tensor_type *type) {
  json_string(json, "name", name);
  json_string(json, "dtype", ELEMENTS[type->element].name);
  json_open(json, "shape", '[');
  for (size_t i = 0; i < type->rank; i++) {
    json_integer(json, NULL, type->shape[i]);
  }
  json_close(json, ']');
}
