#include "blocks.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

enum {
  HOT_RUNS = 64, /* runs after which vtype is read, once */
};

/* Kept when QEMU discards a translation, and reused when it translates the same block again. */
struct block {
  uint64_t address;
  qemu_plugin_u64 runs;
  uint64_t at_start, counted;
  uint64_t vtype;
  size_t instructions;
  GString *words; /* in hexadecimal in memory order, each followed by a space */
};

static struct qemu_plugin_register *const *vtype_handle;
static GMutex lock;
static GHashTable *blocks; /* key as below → struct block */

void blocks_init(struct qemu_plugin_register *const *vtype_register) {
  vtype_handle = vtype_register;
  blocks = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
}

static void on_hot(unsigned vcpu_index, void *data) {
  (void)vcpu_index;
  struct block *block = data;
  GByteArray *bytes = g_byte_array_new();
  if (*vtype_handle != NULL && qemu_plugin_read_register(*vtype_handle, bytes) > 0) {
    uint64_t vtype = 0;
    memcpy(&vtype, bytes->data, MIN(bytes->len, sizeof vtype));
    block->vtype = (vtype >> 63) != 0 ? 0 : vtype; /* vill: instructions that depend on vtype can't run */
  }
  g_byte_array_unref(bytes);
}

static struct block *make_block(const struct qemu_plugin_tb *tb, uint64_t address, size_t instructions) {
  struct block *block = g_new0(struct block, 1);
  block->address = address;
  block->runs = qemu_plugin_scoreboard_u64(qemu_plugin_scoreboard_new(sizeof(uint64_t)));
  block->instructions = instructions;
  block->words = g_string_new(NULL);
  for (size_t i = 0; i < instructions; i++) {
    const struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
    uint8_t bytes[4] = {0};
    size_t size = qemu_plugin_insn_data(insn, bytes, sizeof bytes);
    for (size_t j = 0; j < size; j++) {
      g_string_append_printf(block->words, "%02x", bytes[j]);
    }
    g_string_append_c(block->words, ' ');
  }
  return block;
}

void blocks_add(struct qemu_plugin_tb *tb) {
  uint64_t address = qemu_plugin_tb_vaddr(tb);
  size_t instructions = qemu_plugin_tb_n_insns(tb);
  int64_t key = (int64_t)(address << 10 | instructions); /* a block has at most 512 instructions */
  g_mutex_lock(&lock);
  struct block *block = g_hash_table_lookup(blocks, &key);
  if (block == NULL) {
    block = make_block(tb, address, instructions);
    int64_t *kept = g_new(int64_t, 1);
    *kept = key;
    g_hash_table_insert(blocks, kept, block);
  }
  g_mutex_unlock(&lock);
  qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb, QEMU_PLUGIN_INLINE_ADD_U64, block->runs, 1);
  qemu_plugin_register_vcpu_tb_exec_cond_cb(tb, on_hot, QEMU_PLUGIN_CB_R_REGS, QEMU_PLUGIN_COND_EQ, block->runs,
                                            HOT_RUNS, block);
}

static void for_each(void (*act)(struct block *)) {
  GHashTableIter iterator;
  gpointer block;
  g_mutex_lock(&lock);
  g_hash_table_iter_init(&iterator, blocks);
  while (g_hash_table_iter_next(&iterator, NULL, &block)) {
    act(block);
  }
  g_mutex_unlock(&lock);
}

static void note_start(struct block *block) {
  block->at_start = qemu_plugin_u64_sum(block->runs);
}

static void add_since_start(struct block *block) {
  block->counted += qemu_plugin_u64_sum(block->runs) - block->at_start;
}

void blocks_start(void) {
  for_each(note_start);
}

void blocks_end(void) {
  for_each(add_since_start);
}

static gint by_falling_instructions(gconstpointer a, gconstpointer b) {
  const struct block *first = a, *second = b;
  uint64_t executed = first->counted * first->instructions, other = second->counted * second->instructions;
  return executed < other ? 1 : executed > other ? -1 : first->address < second->address ? -1 : 1;
}

void blocks_write(FILE *file, size_t limit) {
  GList *sorted = g_list_sort(g_hash_table_get_values(blocks), by_falling_instructions);
  fputc('[', file);
  size_t written = 0;
  for (const GList *entry = sorted; entry != NULL && written < limit; entry = entry->next, written++) {
    const struct block *block = entry->data;
    if (block->counted == 0) {
      break;
    }
    fprintf(file,
            "%s{\"address\": %" PRIu64 ", \"runs\": %" PRIu64 ", \"vtype\": %" PRIu64 ", \"instructions\": %zu, "
            "\"words\": \"%s\"}",
            written == 0 ? "\n" : ",\n", block->address, block->counted, block->vtype, block->instructions,
            g_strchomp(block->words->str));
  }
  fputc(']', file);
  g_list_free(sorted);
}
