/* The JSON that the harness writes: whatever a text holds, what is written is UTF-8 without control characters. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "../../../toolchain/harness/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  setlocale(LC_ALL, "C.UTF-8");
  char *text = malloc(size + 1), *written;
  size_t length;
  memcpy(text, data, size);
  text[size] = '\0';
  FILE *file = open_memstream(&written, &length);
  struct json json = {.file = file};
  json_open(&json, NULL, '{');
  json_string(&json, text, text);
  json_integer(&json, text, (int64_t)size);
  json_close(&json, '}');
  fclose(file);
  size_t quotes = 0;
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)written[i];
    if ((byte < 0x20 && byte != '\n') || byte == 0x7f) {
      abort();
    }
    if (byte == '\\') {
      i++;
    } else {
      quotes += byte == '"';
    }
  }
  if (quotes != 6 || mbstowcs(NULL, written, 0) == (size_t)-1) {
    abort();
  }
  free(written);
  free(text);
  return 0;
}
