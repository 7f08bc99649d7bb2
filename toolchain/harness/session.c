#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "harness.h"

static bool load_model(struct harness *harness) {
  harness->stage = "session";
  int64_t start = now_ns();
  bool done = harness->backend->load(harness);
  harness->session_load_ns = now_ns() - start;
  return done;
}

static void ask_for_kernels(struct harness *harness) {
  const char *kernels = harness->runtime.get_kernels == NULL ? NULL : harness->runtime.get_kernels();
  snprintf(harness->kernels, sizeof harness->kernels, "%s", kernels == NULL ? "" : kernels);
}

static bool describe_model(struct harness *harness) {
  harness->stage = "model";
  return harness->backend->describe(harness);
}

bool session_open(struct harness *harness) {
  if (!backend_open(harness)) {
    return false;
  }
  harness->memory.runtime = facts_rss_bytes();
  if (!load_model(harness)) {
    return false;
  }
  harness->memory.session = facts_rss_bytes();
  ask_for_kernels(harness);
  return describe_model(harness);
}

static const char *file_of_input(const struct options *options, const char *name) {
  for (size_t i = 0; i < options->input_count; i++) {
    if (strcmp(options->input_names[i], name) == 0) {
      return options->input_files[i];
    }
  }
  return NULL;
}

bool session_load_inputs(struct harness *harness) {
  harness->stage = "inputs";
  harness->sample_count = 1; /* a model without inputs still has one sample */
  for (size_t i = 0; i < harness->input_count; i++) {
    struct input *input = &harness->inputs[i];
    const char *file = file_of_input(&harness->options, input->name);
    const char *reason = file == NULL ? "an input of the model has no --input"
                                      : input_load(input, file, (size_t)harness->options.samples);
    if (reason != NULL) {
      return fail(harness, reason);
    }
    if (i > 0 && input->samples != harness->sample_count) {
      return fail(harness, "the inputs have different numbers of samples");
    }
    harness->sample_count = input->samples;
    if (!harness->backend->bind(harness, input)) {
      return false;
    }
  }
  return true;
}

bool session_end_profile(struct harness *harness) {
  harness->stage = "profile";
  return harness->backend->end_profile(harness);
}

void session_release(struct harness *harness) {
  if (harness->backend != NULL) {
    harness->backend->close(harness);
  }
  for (size_t i = 0; i < harness->input_count; i++) {
    input_release(&harness->inputs[i]);
  }
  for (size_t i = 0; i < harness->output_count; i++) {
    free(harness->output_names[i]);
    if (harness->output_files[i] != NULL) {
      fclose(harness->output_files[i]);
    }
  }
  if (harness->profile.json.file != NULL) {
    fclose(harness->profile.json.file);
  }
  free(harness->profile_file);
  free(harness->warmup_ns);
  free(harness->samples_ns);
}
