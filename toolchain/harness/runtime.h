/* ONNX Runtime, opened by path. */
#ifndef EDGETOOL_RUNTIME_H
#define EDGETOOL_RUNTIME_H

#include "ort_abi.h"

#define DECLARE_FUNCTION(position, name, result, parameters) result(*name) parameters;

struct runtime {
  ORT_FUNCTIONS(DECLARE_FUNCTION)
  const char *version;    /* "1.21.0" */
  const char *build_info; /* the runtime's own description of its build, or NULL before API version 15 */
  uint32_t api_version;   /* the newest API version it offers */
  const char *(*get_kernels)(void); /* which kernels it chose, once a session exists; NULL where it does not tell */
};

/* Open the library. Returns NULL, or why it can't be used; the text lives until the next call. */
const char *runtime_open(struct runtime *runtime, const char *path);

#endif
