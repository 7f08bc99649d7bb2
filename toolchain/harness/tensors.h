/* The model's inputs, read from raw files, and its outputs, written to raw files. */
#ifndef EDGETOOL_TENSORS_H
#define EDGETOOL_TENSORS_H

#include <stdbool.h>

#include "json.h"
#include "runtime.h"

enum { MAX_RANK = 8 };

struct tensor_type {
  int element; /* ONNXTensorElementDataType */
  size_t rank;
  int64_t shape[MAX_RANK];
  size_t bytes;
};

/* One input of the model: `samples` tensors of `type`, one after the other in `data`. */
struct input {
  char *name;
  struct tensor_type type;
  size_t samples;
  char *data;
  OrtValue **values; /* `samples` of them, views into `data` */
};

/* All of these return NULL, or why they failed; the text lives until the next call. */

/* Read type and shape of a tensor. Fails for a dynamic dimension or an element type of no fixed size. */
const char *tensor_type_read(const struct runtime *runtime, const OrtTensorInfo *info, struct tensor_type *type);

/* Load the file at `path` as samples of `input`, whose name and type are set; no more than `limit` of them unless it is 0. */
const char *input_load(const struct runtime *runtime, const OrtMemoryInfo *memory, struct input *input,
                       const char *path, size_t limit);

void input_release(const struct runtime *runtime, struct input *input);

/* Append one output's bytes to `file`; `type` is set by the first call and every later one must equal it. */
const char *output_append(const struct runtime *runtime, OrtValue *value, FILE *file, struct tensor_type *type);

/* Write "name", "dtype" (the ONNX name) and "shape" into the open object. */
void tensor_type_write(struct json *json, const char *name, const struct tensor_type *type);

#endif
