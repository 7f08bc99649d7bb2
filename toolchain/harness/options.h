/* The harness's command line. */
#ifndef EDGETOOL_OPTIONS_H
#define EDGETOOL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_INPUTS = 64 };

struct options {
  const char *runtime;         /* the runtime's library */
  const char *model;           /* in the runtime's format: .onnx, .tflite, or ncnn's .param with its .bin beside it */
  const char *result;          /* JSON file to write */
  const char *outputs;         /* folder for raw outputs of every sample; NULL runs only the first sample */
  const char *profile;         /* prefix of the runtime's profile, or NULL */
  const char *optimized_model; /* where the runtime writes its optimized graph, or NULL */
  const char *cpus;            /* "0-3,6", or NULL */
  const char *hwmon; /* folder of the kernel's sensors, or NULL: energy is not asked for */
  const char *input_names[MAX_INPUTS];
  const char *input_files[MAX_INPUTS];
  size_t input_count;
  int64_t samples; /* limit for the samples of each input; 0: all */
  int64_t threads;
  int64_t spinning; /* 0: idle threads sleep instead of spinning */
  int64_t half; /* 1: use 16-bit floats; fails if the runtime or the processor has none */
  int64_t warmup;
  int64_t min_repetitions; /* 0: no timing */
  int64_t max_repetitions;
  int64_t min_duration_ns;
  int64_t max_duration_ns;  /* for the warm-up and the repetitions, each */
  int64_t target_error_ppm; /* repeat until the median is this precise; 0: only counts and duration apply */
};

/* Parse the command line into `options`. Prints the error and returns false if it is invalid. Strings point to argv. */
bool options_parse(struct options *options, int argc, char **argv);

#endif
