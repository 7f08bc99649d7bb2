#include "backend.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

static const struct backend *const BACKENDS[] = {&onnxruntime_backend, &ncnn_backend, &tflite_backend, &litert_backend};
enum { BACKEND_COUNT = sizeof BACKENDS / sizeof BACKENDS[0] };

static const struct backend *find_backend(void *library) {
  for (size_t i = 0; i < BACKEND_COUNT; i++) {
    if (dlsym(library, BACKENDS[i]->symbol) != NULL) {
      return BACKENDS[i];
    }
  }
  return NULL;
}

static bool refuse(struct harness *harness, const char *option) {
  char text[256];
  harness->stage = "options";
  snprintf(text, sizeof text, "%s is not possible with %s", option, harness->backend->name);
  return fail(harness, text);
}

static bool check_options(struct harness *harness) {
  const struct options *options = &harness->options;
  const struct backend *backend = harness->backend;
  if (options->profile != NULL && !backend->profiles) {
    return refuse(harness, "--profile");
  }
  if (options->optimized_model != NULL && !backend->writes_model) {
    return refuse(harness, "--optimized-model");
  }
  if (options->half != 0 && !backend->halves) {
    return refuse(harness, "--half");
  }
  return true;
}

bool backend_open(struct harness *harness) {
  harness->stage = "runtime";
  /* ONNX Runtime from 1.29 on sends telemetry, using its own threads and files in the user's home. This would disturb
   * measurements and needs consent. */
  setenv("ORT_DISABLE_TELEMETRY", "1", 1);
  void *library = dlopen(harness->options.runtime, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    return fail(harness, dlerror());
  }
  const struct backend *backend = find_backend(library);
  if (backend == NULL) {
    char text[1024];
    int used = snprintf(text, sizeof text, "%.512s is no runtime that the harness knows: it exports none of",
                        harness->options.runtime);
    for (size_t i = 0; i < BACKEND_COUNT && used < (int)sizeof text; i++) {
      used += snprintf(text + used, sizeof text - (size_t)used, "%s %s", i == 0 ? "" : ",", BACKENDS[i]->symbol);
    }
    return fail(harness, text);
  }
  harness->backend = backend;
  harness->runtime.name = backend->name;
  if (!backend->open(harness, library)) {
    return false;
  }
  harness->runtime.address = dlsym(library, backend->symbol);
  void *kernels = dlsym(library, "EdgetoolKernels"); /* in runtimes built by edgetool */
  if (kernels != NULL) {
    memcpy(&harness->runtime.get_kernels, &kernels, sizeof kernels);
  }
  return check_options(harness);
}

bool backend_keep_name(struct harness *harness, const char *name, char **copy) {
  *copy = strdup(name == NULL ? "" : name);
  return *copy != NULL || fail(harness, "out of memory");
}

bool backend_bind(struct harness *harness, void *library, const char *name, void *function) {
  void *symbol = dlsym(library, name);
  if (symbol == NULL) {
    char text[1024];
    snprintf(text, sizeof text, "%.512s does not export %s", harness->options.runtime, name);
    return fail(harness, text);
  }
  memcpy(function, &symbol, sizeof symbol); /* ISO C has no cast from object to function pointer */
  return true;
}
