/* What a kind of runtime is to the harness: one table of functions, chosen by what the library exports.
 *
 * Functions that can fail return false and keep the reason with fail(). They are called in the order of their
 * declaration; a back end owns what `harness->state` points to. */
#ifndef EDGETOOL_BACKEND_H
#define EDGETOOL_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

struct harness;
struct input;
struct tensor_view;

struct backend {
  const char *name;   /* as the result names it */
  const char *symbol; /* what a library of this kind exports */

  /* Options that not every runtime can follow; asking for one that is false fails at the stage "options". */
  bool profiles;     /* --profile */
  bool writes_model; /* --optimized-model */
  bool halves;       /* --half */

  bool (*open)(struct harness *harness, void *library); /* bind its functions, fill harness->runtime */
  bool (*load)(struct harness *harness);                /* the model, ready to run: this is what is timed as loading */
  bool (*describe)(struct harness *harness);            /* names and types of inputs, names of outputs */
  bool (*bind)(struct harness *harness, struct input *input); /* make values of an input's samples */
  bool (*set)(struct harness *harness, size_t sample);        /* choose the sample to run, outside of what is timed */
  bool (*run)(struct harness *harness);                       /* one inference: nothing else happens between the clocks */
  bool (*read)(struct harness *harness, size_t output, struct tensor_view *view); /* valid until reset */
  void (*reset)(struct harness *harness);                                         /* release what run made */
  bool (*end_profile)(struct harness *harness); /* NULL where there is none */
  void (*close)(struct harness *harness);       /* also after a failure of any of the others */
};

extern const struct backend onnxruntime_backend, ncnn_backend, tflite_backend;

/* Open the library and choose the back end that it fits. */
bool backend_open(struct harness *harness);

/* Bind one function by its name into the pointer at `function`. */
bool backend_bind(struct harness *harness, void *library, const char *name, void *function);

/* For a list FUNCTIONS(X) of X(name, result, parameters): its pointers as members of a back end's state, and the words
 * that bind them all, of which the first that is missing ends open(). */
#define BACKEND_MEMBER(name, result, parameters) result(*name) parameters;
#define BACKEND_BIND(name, result, parameters)                   \
  if (!backend_bind(harness, library, #name, &state->name)) {    \
    return false;                                                \
  }

/* Keep a copy of a tensor's name, which may be NULL. */
bool backend_keep_name(struct harness *harness, const char *name, char **copy);

#endif
