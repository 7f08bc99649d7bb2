/* In the fuzzer's place where there is none: each file that is named, then COUNT inputs made from a seed. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIZE_MAX_BYTES = 4096, COUNT = 20000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv) {
  static uint8_t data[1 << 20];
  for (int i = 1; i < argc; i++) {
    FILE *file = fopen(argv[i], "rb");
    if (file == NULL) {
      perror(argv[i]);
      return 1;
    }
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
  }
  srand(1);
  for (int i = 0; i < COUNT; i++) {
    size_t size = (size_t)rand() % SIZE_MAX_BYTES;
    for (size_t at = 0; at < size; at++) {
      data[at] = (uint8_t)rand();
    }
    LLVMFuzzerTestOneInput(data, size);
  }
  return 0;
}
