/* Read the model's inputs from raw files, and write its outputs to raw files. */
#ifndef EDGETOOL_TENSORS_H
#define EDGETOOL_TENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"

enum { MAX_RANK = 8 };

/* ONNX's numbers for element types, to which every back end converts its own. */
enum {
  ELEMENT_FLOAT32 = 1,
  ELEMENT_UINT8 = 2,
  ELEMENT_INT8 = 3,
  ELEMENT_INT16 = 5,
  ELEMENT_INT32 = 6,
  ELEMENT_INT64 = 7,
  ELEMENT_BOOL = 9,
  ELEMENT_FLOAT16 = 10,
  ELEMENT_FLOAT64 = 11,
};

struct tensor_type {
  int element;
  size_t rank;
  int64_t shape[MAX_RANK];
  size_t bytes;
};

/* A view of a tensor owned elsewhere. */
struct tensor_view {
  struct tensor_type type;
  const void *data;
};

/* One input of the model: `samples` tensors of `type`, concatenated in `data`. */
struct input {
  char *name; /* allocated with malloc */
  struct tensor_type type;
  size_t samples;
  char *data;
  void **values; /* `samples` of them, created from `data` by the back end */
};

/* These functions return NULL, or the reason of a failure, which is valid until the next call. */

/* Set `bytes` from element, rank and shape. Fails for a dynamic dimension or an element type without a fixed size. */
const char *tensor_type_measure(struct tensor_type *type);

/* Load samples of `input`, whose name and type are set, from the file at `path`; at most `limit` unless that is 0. */
const char *input_load(struct input *input, const char *path, size_t limit);

/* Append the bytes of one output to `file`. The first call sets `type`; later calls fail for a different type. */
const char *output_append(const struct tensor_view *view, FILE *file, struct tensor_type *type);

void input_release(struct input *input);

/* Write "name", "dtype" (ONNX's name) and "shape" to the open object. */
void tensor_type_write(struct json *json, const char *name, const struct tensor_type *type);

#endif
