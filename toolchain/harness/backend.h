/* A back end for one kind of runtime: a table of functions, chosen by the symbols that the library exports.
 *
 * Functions that can fail record the reason with fail() and return false. They are called in the order of their
 * declaration. The back end owns `harness->state`. */
#ifndef EDGETOOL_BACKEND_H
#define EDGETOOL_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

struct harness;
struct input;
struct tensor_view;

struct backend {
  const char *name;   /* as written to the result */
  const char *symbol; /* exported by libraries of this kind */

  /* Options that not every runtime supports. Using an unsupported one fails at the stage "options". */
  bool profiles;     /* --profile */
  bool writes_model; /* --optimized-model */
  bool halves;       /* --half */

  bool (*open)(struct harness *harness, void *library); /* bind functions, fill harness->runtime */
  bool (*load)(struct harness *harness);                /* make the model ready to run; timed as loading */
  bool (*describe)(struct harness *harness);            /* names and types of inputs, names of outputs */
  bool (*bind)(struct harness *harness, struct input *input); /* create runtime values for the samples */
  bool (*set)(struct harness *harness, size_t sample);        /* choose the sample to run; not timed */
  bool (*run)(struct harness *harness);                       /* one inference; the only timed call */
  bool (*read)(struct harness *harness, size_t output, struct tensor_view *view); /* valid until reset */
  void (*reset)(struct harness *harness);                                         /* release the outputs of run */
  bool (*end_profile)(struct harness *harness); /* NULL without profiling */
  void (*close)(struct harness *harness);       /* also called after a failure */
};

extern const struct backend onnxruntime_backend, ncnn_backend, tflite_backend, litert_backend;

/* Open the library and choose the back end for it. */
bool backend_open(struct harness *harness);

/* Look up a function by name and store it in the pointer at `function`. */
bool backend_bind(struct harness *harness, void *library, const char *name, void *function);

/* For a list FUNCTIONS(X) of X(name, result, parameters): the members of a back end's state, and the statements that
 * bind them in open(), which fails on the first missing function. */
#define BACKEND_MEMBER(name, result, parameters) result(*name) parameters;
#define BACKEND_BIND(name, result, parameters)                   \
  if (!backend_bind(harness, library, #name, &state->name)) {    \
    return false;                                                \
  }

/* Copy a tensor's name, which may be NULL. */
bool backend_keep_name(struct harness *harness, const char *name, char **copy);

#endif
