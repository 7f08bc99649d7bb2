/* edgetool's timing harness: load a model in a runtime, time it, keep every sample, write JSON.
 *
 * Results go to the file given by --result, since libraries may print to stdout. Statistics are computed elsewhere.
 * Exit codes: 0 success; 1 failure, with its stage in the result; 2 invalid command line; 3 the result can't be
 * written. */
#include <stdlib.h>

#include "facts.h"
#include "harness.h"

static bool run(struct harness *harness) {
  const struct options *options = &harness->options;
  harness->stage = "cpus";
  if (options->cpus != NULL && !facts_set_cpus(options->cpus)) {
    return fail(harness, "cannot restrict the process to the processors asked for");
  }
  bool timed = options->min_repetitions > 0;
  bool runs = timed || options->outputs != NULL;
  return session_open(harness) && (!runs || session_load_inputs(harness)) && (!timed || measure_times(harness)) &&
         (options->outputs == NULL || measure_outputs(harness)) &&
         (options->profile == NULL || session_end_profile(harness));
}

int main(int argc, char **argv) {
  struct harness *harness = calloc(1, sizeof *harness);
  if (harness == NULL || !options_parse(&harness->options, argc, argv)) {
    free(harness);
    return 2;
  }
  bool done = run(harness);
  bool written = result_write(harness, done);
  if (!written) {
    fprintf(stderr, "edgetool-harness: cannot write %s\n", harness->options.result);
  }
  session_release(harness);
  free(harness);
  return !written ? 3 : done ? 0 : 1;
}
