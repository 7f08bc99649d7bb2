/* A plugin of QEMU's user mode that counts a RISC-V program's instructions between marks, and writes JSON at its end.
 *
 * -plugin libcounts.so,out=FILE[,clock=on][,blocks=on]
 *
 * The program marks the start and the end of what is counted with two HINT instructions (mark.h of the harness). Counts
 * grow all the time; a mark only looks at them, so that a block's counting has no branch. A block is cut into segments
 * in which vl and vtype can't change: after each instruction that may change them, and at each mark. What is known from
 * the words alone is added inline at a segment's start; what depends on vl and vtype by a callback there, which reads
 * both from the machine whenever they may have changed.
 *
 * With clock=on, each reading of the clock by the program is written too, with the counts at that moment: what the
 * program itself dates can then be told apart. With blocks=on, the blocks that executed most are written (blocks.h). */
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <qemu-plugin.h>

#include "blocks.h"
#include "decode.h"

enum {
  RESULT_SCHEMA = 2,
  MARK_START = 0x5e102013, /* slti x0, x0, 0x5e1 */
  MARK_END = 0x5e202013,   /* slti x0, x0, 0x5e2 */
  SYSCALL_CLOCK_GETTIME = 113,
  SEW_SHIFT = 3, /* vtype.vsew */
  SEW_MASK = 7,
  BLOCKS_WRITTEN = 64,
};

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

struct counts {
  uint64_t raw[CLASSES];
  uint64_t weighted[CLASSES]; /* of the vector classes; a scalar instruction weighs 1 */
  uint64_t load_bytes, store_bytes;
};

/* One thread of the program. */
struct vcpu {
  struct counts counts;
  uint64_t stale; /* vl and vtype may have changed since they were read */
  struct vector_state vector;
  uint64_t clock_address; /* where the running clock_gettime will write */
};

/* The vector instructions of a segment; never freed, as a block may run as long as the program does. */
struct segment {
  size_t count;
  struct instruction instructions[];
};

struct reading {
  int64_t time_ns;
  uint64_t raw, weighted, vector; /* `vector` of `raw` are vector instructions */
};

static struct qemu_plugin_scoreboard *vcpus;
static struct qemu_plugin_register *vl_register, *vtype_register, *vlenb_register;
static char *result_path;
static GMutex lock; /* of all below */
static bool started, with_blocks;
static struct counts at_start;
static uint64_t vlen; /* 0 without vectors */
static GArray *inferences; /* struct counts */
static GArray *readings;   /* struct reading */

static struct counts total(void) {
  struct counts sum = {0};
  uint64_t *into = (uint64_t *)&sum;
  for (int i = 0; i < qemu_plugin_num_vcpus(); i++) {
    const struct vcpu *vcpu = qemu_plugin_scoreboard_find(vcpus, (unsigned)i);
    const uint64_t *from = (const uint64_t *)&vcpu->counts;
    for (size_t j = 0; j < sizeof sum / sizeof *into; j++) {
      into[j] += from[j];
    }
  }
  return sum;
}

static uint64_t weighted_of(const struct counts *counts, enum class class) {
  return is_vector(class) ? counts->weighted[class] : counts->raw[class];
}

static uint64_t read_register(struct qemu_plugin_register *handle) {
  uint64_t number = 0;
  GByteArray *bytes = g_byte_array_new();
  if (handle != NULL && qemu_plugin_read_register(handle, bytes) > 0) {
    memcpy(&number, bytes->data, MIN(bytes->len, sizeof number)); /* both machines are little-endian */
  }
  g_byte_array_unref(bytes);
  return number;
}

static void on_start(unsigned vcpu_index, void *data) {
  (void)vcpu_index, (void)data;
  g_mutex_lock(&lock);
  vlen = read_register(vlenb_register) * 8;
  at_start = total();
  started = true;
  if (with_blocks) {
    blocks_start();
  }
  g_mutex_unlock(&lock);
}

static void on_end(unsigned vcpu_index, void *data) {
  (void)vcpu_index, (void)data;
  g_mutex_lock(&lock);
  if (started) {
    if (with_blocks) {
      blocks_end();
    }
    struct counts counts = total();
    uint64_t *into = (uint64_t *)&counts;
    const uint64_t *from = (const uint64_t *)&at_start;
    for (size_t j = 0; j < sizeof counts / sizeof *into; j++) {
      into[j] -= from[j];
    }
    g_array_append_val(inferences, counts);
    started = false;
  }
  g_mutex_unlock(&lock);
}

static void read_vector_state(struct vcpu *vcpu) {
  uint64_t vtype = read_register(vtype_register);
  bool illegal = (vtype >> 63) != 0;
  if (vcpu->vector.vlen == 0) {
    vcpu->vector.vlen = read_register(vlenb_register) * 8;
  }
  vcpu->vector.vl = read_register(vl_register);
  vcpu->vector.sew = illegal ? 0 : 8u << (vtype >> SEW_SHIFT & SEW_MASK);
  vcpu->stale = 0;
}

static void on_segment(unsigned vcpu_index, void *data) {
  const struct segment *segment = data;
  struct vcpu *vcpu = qemu_plugin_scoreboard_find(vcpus, vcpu_index);
  if (vcpu->stale || vcpu->vector.vlen == 0) {
    read_vector_state(vcpu);
  }
  for (size_t i = 0; i < segment->count; i++) {
    const struct instruction *instruction = &segment->instructions[i];
    vcpu->counts.weighted[instruction->class] += weigh(instruction, &vcpu->vector);
    uint64_t bytes = bytes_moved(instruction, &vcpu->vector);
    vcpu->counts.load_bytes += instruction->loads ? bytes : 0;
    vcpu->counts.store_bytes += instruction->stores ? bytes : 0;
  }
}

static uint32_t word_of(const struct qemu_plugin_insn *insn) {
  uint32_t word = 0;
  qemu_plugin_insn_data(insn, &word, sizeof word);
  return word;
}

static void add_inline(struct qemu_plugin_insn *insn, size_t offset, uint64_t number) {
  if (number > 0) {
    qemu_plugin_u64 entry = {.score = vcpus, .offset = offset};
    qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(insn, QEMU_PLUGIN_INLINE_ADD_U64, entry, number);
  }
}

/* Count instructions `first` to `end` of a block whenever the first of them runs. */
static void count_segment(const struct qemu_plugin_tb *tb, size_t first, size_t end) {
  struct counts known = {0};
  struct segment *segment = NULL;
  for (size_t i = first; i < end; i++) {
    struct instruction instruction = decode(word_of(qemu_plugin_tb_get_insn(tb, i)));
    known.raw[instruction.class]++;
    if (is_vector(instruction.class)) {
      if (segment == NULL) {
        segment = g_malloc0(sizeof *segment + (end - first) * sizeof segment->instructions[0]);
      }
      segment->instructions[segment->count++] = instruction;
    } else {
      known.load_bytes += instruction.loads ? bytes_moved(&instruction, NULL) : 0;
      known.store_bytes += instruction.stores ? bytes_moved(&instruction, NULL) : 0;
    }
  }
  if (first == end) {
    return;
  }
  struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, first);
  for (size_t i = 0; i < CLASSES; i++) {
    add_inline(insn, offsetof(struct vcpu, counts.raw[i]), known.raw[i]);
  }
  add_inline(insn, offsetof(struct vcpu, counts.load_bytes), known.load_bytes);
  add_inline(insn, offsetof(struct vcpu, counts.store_bytes), known.store_bytes);
  if (segment != NULL) {
    qemu_plugin_register_vcpu_insn_exec_cb(insn, on_segment, QEMU_PLUGIN_CB_R_REGS, segment);
  }
}

static void on_block(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
  (void)id;
  size_t count = qemu_plugin_tb_n_insns(tb), first = 0;
  if (with_blocks) {
    blocks_add(tb);
  }
  qemu_plugin_u64 stale = {.score = vcpus, .offset = offsetof(struct vcpu, stale)};
  for (size_t i = 0; i < count; i++) {
    struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
    uint32_t word = word_of(insn);
    if (word == MARK_START || word == MARK_END) {
      count_segment(tb, first, i);
      qemu_plugin_register_vcpu_insn_exec_cb(insn, word == MARK_START ? on_start : on_end, QEMU_PLUGIN_CB_R_REGS, NULL);
      first = i + 1;
    } else if (decode(word).changes_vl) {
      count_segment(tb, first, i + 1);
      qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(insn, QEMU_PLUGIN_INLINE_STORE_U64, stale, 1);
      first = i + 1;
    }
  }
  count_segment(tb, first, count);
}

static void on_vcpu(qemu_plugin_id_t id, unsigned vcpu_index) {
  (void)id;
  struct vcpu *vcpu = qemu_plugin_scoreboard_find(vcpus, vcpu_index);
  vcpu->stale = 1;
  GArray *registers = qemu_plugin_get_registers();
  for (guint i = 0; i < registers->len; i++) {
    const qemu_plugin_reg_descriptor *found = &g_array_index(registers, qemu_plugin_reg_descriptor, i);
    if (strcmp(found->name, "vl") == 0) {
      vl_register = found->handle;
    } else if (strcmp(found->name, "vtype") == 0) {
      vtype_register = found->handle;
    } else if (strcmp(found->name, "vlenb") == 0) {
      vlenb_register = found->handle;
    }
  }
  g_array_free(registers, TRUE);
}

static void on_syscall(qemu_plugin_id_t id, unsigned vcpu_index, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3,
                       uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8) {
  (void)id, (void)a1, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
  struct vcpu *vcpu = qemu_plugin_scoreboard_find(vcpus, vcpu_index);
  vcpu->clock_address = number == SYSCALL_CLOCK_GETTIME ? a2 : 0;
}

static void on_syscall_return(qemu_plugin_id_t id, unsigned vcpu_index, int64_t number, int64_t result) {
  (void)id;
  struct vcpu *vcpu = qemu_plugin_scoreboard_find(vcpus, vcpu_index);
  vcpu->stale = 1; /* the return from a signal handler brings the interrupted state back */
  if (readings == NULL || number != SYSCALL_CLOCK_GETTIME || result != 0) {
    return;
  }
  int64_t time[2] = {0}; /* struct timespec: seconds, nanoseconds */
  GByteArray *bytes = g_byte_array_new();
  if (qemu_plugin_read_memory_vaddr(vcpu->clock_address, bytes, sizeof time)) {
    memcpy(time, bytes->data, sizeof time);
    g_mutex_lock(&lock);
    struct counts counts = total();
    struct reading reading = {.time_ns = time[0] * 1000000000 + time[1]};
    for (enum class class = 0; class < CLASSES; class ++) {
      reading.raw += counts.raw[class];
      reading.weighted += weighted_of(&counts, class);
      reading.vector += is_vector(class) ? counts.raw[class] : 0;
    }
    g_array_append_val(readings, reading);
    g_mutex_unlock(&lock);
  }
  g_byte_array_unref(bytes);
}

static void write_counts(FILE *file, const struct counts *counts) {
  fputs("{\"classes\": {", file);
  for (enum class class = 0; class < CLASSES; class ++) {
    fprintf(file, "%s\"%s\": {\"raw\": %" PRIu64 ", \"weighted\": %" PRIu64 "}", class == 0 ? "" : ", ",
            CLASS_NAMES[class], counts->raw[class], weighted_of(counts, class));
  }
  fprintf(file, "}, \"load_bytes\": %" PRIu64 ", \"store_bytes\": %" PRIu64 "}", counts->load_bytes,
          counts->store_bytes);
}

static void on_program_end(qemu_plugin_id_t id, void *data) {
  (void)id, (void)data;
  FILE *file = fopen(result_path, "w");
  if (file == NULL) {
    qemu_plugin_outs("counts: cannot write the result\n");
    return;
  }
  g_mutex_lock(&lock);
  fprintf(file, "{\"schema\": %d, \"vlen_bits\": %" PRIu64 ", \"inferences\": [", RESULT_SCHEMA, vlen);
  for (guint i = 0; i < inferences->len; i++) {
    fputs(i == 0 ? "\n" : ",\n", file);
    write_counts(file, &g_array_index(inferences, struct counts, i));
  }
  fputs("], \"clock\": [", file);
  for (guint i = 0; readings != NULL && i < readings->len; i++) {
    const struct reading *reading = &g_array_index(readings, struct reading, i);
    fprintf(file, "%s[%" PRId64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64 "]", i == 0 ? "\n" : ",\n", reading->time_ns,
            reading->raw, reading->weighted, reading->vector);
  }
  fputs("], \"blocks\": ", file);
  if (with_blocks) {
    blocks_write(file, BLOCKS_WRITTEN);
  } else {
    fputs("[]", file);
  }
  fputs("}\n", file);
  g_mutex_unlock(&lock);
  fclose(file);
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv) {
  if (strcmp(info->target_name, "riscv64") != 0) {
    qemu_plugin_outs("counts: only riscv64 is counted\n");
    return -1;
  }
  for (int i = 0; i < argc; i++) {
    if (g_str_has_prefix(argv[i], "out=")) {
      result_path = g_strdup(argv[i] + strlen("out="));
    } else if (strcmp(argv[i], "clock=on") == 0) {
      readings = g_array_new(FALSE, FALSE, sizeof(struct reading));
    } else if (strcmp(argv[i], "blocks=on") == 0) {
      with_blocks = true;
      blocks_init(&vtype_register);
    } else {
      qemu_plugin_outs("counts: unknown argument\n");
      return -1;
    }
  }
  if (result_path == NULL) {
    qemu_plugin_outs("counts: out=FILE is missing\n");
    return -1;
  }
  inferences = g_array_new(FALSE, FALSE, sizeof(struct counts));
  vcpus = qemu_plugin_scoreboard_new(sizeof(struct vcpu));
  qemu_plugin_register_vcpu_init_cb(id, on_vcpu);
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_block);
  qemu_plugin_register_vcpu_syscall_cb(id, on_syscall);
  qemu_plugin_register_vcpu_syscall_ret_cb(id, on_syscall_return);
  qemu_plugin_register_atexit_cb(id, on_program_end, NULL);
  return 0;
}
