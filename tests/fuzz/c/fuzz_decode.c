/* What the counting plugin makes of instruction words, at any vl, SEW, LMUL and VLEN that a processor may have. */
#include <stdlib.h>
#include <string.h>

#include "../../../toolchain/qemu/plugin/counts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_word(uint32_t word, uint64_t choice) {
  struct instruction found = decode(word);
  struct vector_state state = {
      .sew = (choice & 7) == 7 ? 0 : 8u << (choice & 3),
      .lmul_eighths = 1u << ((choice >> 3) % 7),
      .vlen = 128u << ((choice >> 6) & 7),
  };
  uint64_t longest = state.sew == 0 ? 0 : state.vlen * state.lmul_eighths / 8 / state.sew;
  state.vl = (choice >> 9) % (longest + 1);
  if (found.op >= OPS || found.fields < 1 || found.fields > 8 || shape_of(&found, &state) >= SHAPES ||
      cell_of(found.op, shape_of(&found, &state)) >= CELLS || OP_NAMES[found.op] == NULL) {
    abort();
  }
  uint64_t weight = weigh(&found, &state), moved = bytes_moved(&found, &state);
  if (weight < 1 || weight > 8 * 65536 || moved > 8 * 65536 * 8 || (!is_vector(found.op) && weight != 1)) {
    abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  for (size_t at = 0; at + 12 <= size; at += 12) {
    uint32_t word;
    uint64_t choice;
    memcpy(&word, data + at, sizeof word);
    memcpy(&choice, data + at + sizeof word, sizeof choice);
    check_word(word, choice);
  }
  return 0;
}
