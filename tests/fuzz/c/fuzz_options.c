/* The harness's command line: one word a line. */
#include <stdlib.h>
#include <string.h>

#include "../../../toolchain/harness/options.h"

enum { WORDS_MAX = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1), *words[WORDS_MAX + 1] = {"harness"};
  memcpy(text, data, size);
  text[size] = '\0';
  int count = 1;
  for (char *rest = text, *word; count < WORDS_MAX && (word = strsep(&rest, "\n")) != NULL;) {
    words[count++] = word;
  }
  struct options options;
  if (options_parse(&options, count, words) &&
      (options.runtime == NULL || options.threads < 0 || options.input_count > MAX_INPUTS)) {
    abort();
  }
  free(text);
  return 0;
}
