#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char USAGE[] =
    "usage: edgetool-harness --runtime LIB --model FILE --result FILE [--input NAME=FILE]... [--samples N]\n"
    "         [--outputs DIR] [--warmup N] [--min-repetitions N] [--max-repetitions N] [--min-duration-ns N]\n"
    "         [--max-duration-ns N] [--target-error-ppm N] [--hwmon DIR]\n"
    "         [--threads N] [--spinning 0|1] [--half 0|1] [--cpus LIST] [--profile PREFIX] [--optimized-model FILE]\n";

static bool parse_count(const char *text, int64_t *value) {
  char *end;
  errno = 0;
  *value = strtoll(text, &end, 10);
  return errno == 0 && end != text && *end == '\0' && *value >= 0;
}

static bool parse_input(struct options *options, char *text) {
  char *equals = strrchr(text, '='); /* tensor names may contain '=', our file names never do */
  if (equals == NULL || options->input_count == MAX_INPUTS) {
    return false;
  }
  *equals = '\0';
  options->input_names[options->input_count] = text;
  options->input_files[options->input_count] = equals + 1;
  options->input_count++;
  return true;
}

bool options_parse(struct options *options, int argc, char **argv) {
  *options = (struct options){.threads = 1, .spinning = 1, .max_repetitions = 200000, .max_duration_ns = INT64_MAX};
  const struct {
    const char *flag;
    const char **text;
    int64_t *count;
  } flags[] = {
      {"--runtime", &options->runtime, NULL},
      {"--model", &options->model, NULL},
      {"--result", &options->result, NULL},
      {"--outputs", &options->outputs, NULL},
      {"--profile", &options->profile, NULL},
      {"--optimized-model", &options->optimized_model, NULL},
      {"--cpus", &options->cpus, NULL},
      {"--hwmon", &options->hwmon, NULL},
      {"--samples", NULL, &options->samples},
      {"--threads", NULL, &options->threads},
      {"--spinning", NULL, &options->spinning},
      {"--half", NULL, &options->half},
      {"--warmup", NULL, &options->warmup},
      {"--min-repetitions", NULL, &options->min_repetitions},
      {"--max-repetitions", NULL, &options->max_repetitions},
      {"--min-duration-ns", NULL, &options->min_duration_ns},
      {"--max-duration-ns", NULL, &options->max_duration_ns},
      {"--target-error-ppm", NULL, &options->target_error_ppm},
  };
  for (int i = 1; i < argc; i += 2) {
    bool known = false;
    if (i + 1 < argc && strcmp(argv[i], "--input") == 0) {
      known = parse_input(options, argv[i + 1]);
    }
    for (size_t f = 0; i + 1 < argc && f < sizeof flags / sizeof flags[0]; f++) {
      if (strcmp(argv[i], flags[f].flag) == 0) {
        known = flags[f].text != NULL || parse_count(argv[i + 1], flags[f].count);
        if (flags[f].text != NULL) {
          *flags[f].text = argv[i + 1];
        }
      }
    }
    if (!known) {
      fprintf(stderr, "edgetool-harness: bad argument %s\n%s", argv[i], USAGE);
      return false;
    }
  }
  if (options->runtime == NULL || options->model == NULL || options->result == NULL) {
    fputs(USAGE, stderr);
    return false;
  }
  return true;
}
