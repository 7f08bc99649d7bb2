/* The model's inputs, read from raw files, and its outputs, written to raw files. */
#ifndef EDGETOOL_TENSORS_H
#define EDGETOOL_TENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"

enum { MAX_RANK = 8 };

/* Numbers of ONNX's element types, which every back end translates its own to. */
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

/* A tensor that somebody else owns. */
struct tensor_view {
  struct tensor_type type;
  const void *data;
};

/* One input of the model: `samples` tensors of `type`, one after the other in `data`. */
struct input {
  char *name; /* of malloc */
  struct tensor_type type;
  size_t samples;
  char *data;
  void **values; /* `samples` of them: the back end's, made of `data` */
};

/* These return NULL, or why they failed; the text lives until the next call. */

/* Set `bytes` from element, rank and shape. Fails for a dynamic dimension or an element type of no fixed size. */
const char *tensor_type_measure(struct tensor_type *type);

/* Load the file at `path` as samples of `input`, whose name and type are set; no more than `limit` of them unless it is 0. */
const char *input_load(struct input *input, const char *path, size_t limit);

/* Append one output's bytes to `file`; `type` is set by the first call and every later one must equal it. */
const char *output_append(const struct tensor_view *view, FILE *file, struct tensor_type *type);

void input_release(struct input *input);

/* Write "name", "dtype" (the ONNX name) and "shape" into the open object. */
void tensor_type_write(struct json *json, const char *name, const struct tensor_type *type);

#endif
