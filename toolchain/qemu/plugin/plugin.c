/* A QEMU user-mode plugin that counts the instructions of a RISC-V program between marks and writes JSON at its end.
 *
 * -plugin libcounts.so,out=FILE[,clock=on][,blocks=on][,steps=on][,cache=NAME:LINE:L1:WAYS:L2:WAYS]…
 *
 * The program marks the start and the end of the counted code with two HINT instructions (mark.h of the harness).
 * Counters always run and marks only read them, so that counting needs no branch. A block is split into segments in
 * which vl and vtype can't change: after each instruction that may change them, and at each mark. Counts that depend
 * only on the instruction words are added inline at the start of a segment. Counts that depend on vl and vtype are
 * added by a callback, which reads both registers whenever they may have changed.
 *
 * clock=on also writes each clock reading of the program with the counts since the previous one, so that counts can be
 * assigned to events the program timestamps. blocks=on writes the blocks that executed the most instructions
 * (blocks.h). steps=on keeps the program's threads in step (steps.h) and also writes how far the marking thread's clock
 * advanced between marks, with the counts of each thread. Each cache= adds a cache model (cache.h) for every memory
 * access, one for each thread, and counts the traffic beyond it. */
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <qemu-plugin.h>

#include "blocks.h"
#include "counts.h"
#include "inferences.h"
#include "readings.h"
#include "steps.h"

enum {
  RESULT_SCHEMA = 4,
  MARK_START = 0x5e102013, /* slti x0, x0, 0x5e1 */
  MARK_END = 0x5e202013,   /* slti x0, x0, 0x5e2 */
  SYSCALL_CLOCK_GETTIME = 113,
  SEW_SHIFT = 3, /* vtype.vsew */
  SEW_MASK = 7,
  LMUL_MASK = 7, /* vtype.vlmul */
  BLOCKS_WRITTEN = 64,
};

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

/* A thread of the program. */
struct vcpu {
  struct counts counts;
  struct counts at_start;
  uint64_t weight; /* executed since the thread's clock was advanced */
  uint64_t stale; /* vl and vtype may have changed since they were last read */
  struct vector_state vector;
  uint64_t clock_address; /* where the current clock_gettime will write */
  uint64_t last_line, last_dirty; /* memory line; touching it again changes no cache */
  struct cache *caches[CACHES_MAX];
};

/* The vector instructions of a segment. Never freed, since a block may run as long as the program. */
struct segment {
  size_t count;
  struct instruction instructions[];
};

static struct qemu_plugin_scoreboard *vcpus;
static struct qemu_plugin_register *vl_register, *vtype_register, *vlenb_register;
static char *result_path;
static GMutex lock; /* protects all variables below */
static bool started;
static uint64_t vlen; /* 0 without vectors */
static uint64_t clock_at_start;
/* Constant after startup. */
static bool with_blocks, with_steps;
static struct cache_plan plans[CACHES_MAX];
static size_t caches;
static unsigned line_shift; /* of the shortest cache line */

static struct counts total(void) {
  struct counts sum = {0};
  for (int i = 0; i < qemu_plugin_num_vcpus(); i++) {
    const struct vcpu *vcpu = qemu_plugin_scoreboard_find(vcpus, (unsigned)i);
    counts_add(&sum, &vcpu->counts);
  }
  return sum;
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

static void advance(unsigned vcpu_index) {
  struct vcpu *vcpu = qemu_plugin_scoreboard_find(vcpus, vcpu_index);
  uint64_t weight = vcpu->weight;
  vcpu->weight = 0;
  steps_advance(vcpu_index, weight);
}

static void on_step(unsigned vcpu_index, void *data) {
  (void)data;
  advance(vcpu_index);
}

static void on_start(unsigned vcpu_index, void *data) {
  (void)data;
  if (with_steps) {
    advance(vcpu_index);
  }
  g_mutex_lock(&lock);
  vlen = read_register(vlenb_register) * 8;
  clock_at_start = with_steps ? steps_clock(vcpu_index) : 0;
  for (int i = 0; i < qemu_plugin_num_vcpus(); i++) {
    struct vcpu *vcpu = qemu_plugin_scoreboard_find(vcpus, (unsigned)i);
    vcpu->at_start = vcpu->counts;
  }
  started = true;
  if (with_blocks) {
    blocks_start();
  }
  g_mutex_unlock(&lock);
}

static void on_end(unsigned vcpu_index, void *data) {
  (void)data;
  if (with_steps) {
    advance(vcpu_index);
  }
  g_mutex_lock(&lock);
  if (started) {
    if (with_blocks) {
      blocks_end();
    }
    inferences_begin(with_steps ? steps_clock(vcpu_index) - clock_at_start : 0);
    for (int i = 0; i < qemu_plugin_num_vcpus(); i++) {
      const struct vcpu *vcpu = qemu_plugin_scoreboard_find(vcpus, (unsigned)i);
      struct counts counts = vcpu->counts;
      counts_subtract(&counts, &vcpu->at_start);
      inferences_add(&counts);
    }
    started = false;
  }
  g_mutex_unlock(&lock);
}

static void read_vector_state(struct vcpu *vcpu) {
  static const uint8_t LMUL_EIGHTHS[8] = {8, 16, 32, 64, 0, 1, 2, 4};
  uint64_t vtype = read_register(vtype_register);
  bool illegal = (vtype >> 63) != 0;
  if (vcpu->vector.vlen == 0) {
    vcpu->vector.vlen = read_register(vlenb_register) * 8;
  }
  vcpu->vector.vl = read_register(vl_register);
  vcpu->vector.sew = illegal ? 0 : 8u << (vtype >> SEW_SHIFT & SEW_MASK);
  vcpu->vector.lmul_eighths = LMUL_EIGHTHS[vtype & LMUL_MASK];
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
    struct cell *cell = &vcpu->counts.cells[cell_of(instruction->op, shape_of(instruction, &vcpu->vector))];
    uint64_t weight = weigh(instruction, &vcpu->vector);
    cell->count++;
    cell->weight += weight;
    vcpu->weight += weight;
    uint64_t bytes = bytes_moved(instruction, &vcpu->vector);
    vcpu->counts.load_bytes += instruction->loads ? bytes : 0;
    vcpu->counts.store_bytes += instruction->stores ? bytes : 0;
  }
}

static void on_memory(unsigned vcpu_index, qemu_plugin_meminfo_t info, uint64_t address, void *data) {
  (void)data;
  struct vcpu *vcpu = qemu_plugin_scoreboard_find(vcpus, vcpu_index);
  bool store = qemu_plugin_mem_is_store(info);
  uint64_t last = address + (UINT64_C(1) << qemu_plugin_mem_size_shift(info)) - 1;
  for (uint64_t line = address >> line_shift; line <= last >> line_shift; line++) {
    if (line == vcpu->last_line && (!store || vcpu->last_dirty)) {
      continue;
    }
    for (size_t i = 0; i < caches; i++) {
      cache_access(vcpu->caches[i], line << line_shift, store, &vcpu->counts.traffic[i]);
    }
    vcpu->last_dirty = store || (line == vcpu->last_line && vcpu->last_dirty);
    vcpu->last_line = line;
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

/* Count the instructions `first` to `end` of a block whenever the first of them runs. */
static void count_segment(const struct qemu_plugin_tb *tb, size_t first, size_t end) {
  uint64_t shapeless[SHAPELESS_OPS] = {0}, weight = 0, load_bytes = 0, store_bytes = 0;
  struct segment *segment = NULL;
  for (size_t i = first; i < end; i++) {
    struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
    struct instruction instruction = decode(word_of(insn));
    if (caches > 0 && (instruction.loads || instruction.stores)) {
      qemu_plugin_register_vcpu_mem_cb(insn, on_memory, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, NULL);
    }
    if (instruction.op < SHAPELESS_OPS) {
      shapeless[instruction.op]++;
      weight++;
      load_bytes += instruction.loads ? bytes_moved(&instruction, NULL) : 0;
      store_bytes += instruction.stores ? bytes_moved(&instruction, NULL) : 0;
      continue;
    }
    if (segment == NULL) {
      segment = g_malloc0(sizeof *segment + (end - first) * sizeof segment->instructions[0]);
    }
    segment->instructions[segment->count++] = instruction;
  }
  if (first == end) {
    return;
  }
  struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, first);
  for (size_t i = 0; i < SHAPELESS_OPS; i++) {
    add_inline(insn, offsetof(struct vcpu, counts.cells[i].count), shapeless[i]);
  }
  if (with_steps) {
    add_inline(insn, offsetof(struct vcpu, weight), weight);
  }
  add_inline(insn, offsetof(struct vcpu, counts.load_bytes), load_bytes);
  add_inline(insn, offsetof(struct vcpu, counts.store_bytes), store_bytes);
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
  if (with_steps) {
    qemu_plugin_u64 weight = {.score = vcpus, .offset = offsetof(struct vcpu, weight)};
    qemu_plugin_register_vcpu_tb_exec_cond_cb(tb, on_step, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_COND_GE, weight, STEP,
                                              NULL);
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
  vcpu->last_line = UINT64_MAX;
  if (with_steps) {
    steps_begin(vcpu_index);
  }
  for (size_t i = 0; i < caches; i++) {
    vcpu->caches[i] = cache_new(&plans[i]);
  }
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

static void on_vcpu_end(qemu_plugin_id_t id, unsigned vcpu_index) {
  (void)id;
  steps_end(vcpu_index);
}

static void on_syscall(qemu_plugin_id_t id, unsigned vcpu_index, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3,
                       uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8) {
  (void)id, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
  if (with_steps) {
    advance(vcpu_index);
    steps_syscall(vcpu_index, number, a1, a2, a3);
  }
  struct vcpu *vcpu = qemu_plugin_scoreboard_find(vcpus, vcpu_index);
  vcpu->clock_address = number == SYSCALL_CLOCK_GETTIME ? a2 : 0;
}

static void on_syscall_return(qemu_plugin_id_t id, unsigned vcpu_index, int64_t number, int64_t result) {
  (void)id;
  if (with_steps) {
    steps_return(vcpu_index, result);
  }
  struct vcpu *vcpu = qemu_plugin_scoreboard_find(vcpus, vcpu_index);
  vcpu->stale = 1; /* returning from a signal handler restores the interrupted state */
  if (!readings_kept() || number != SYSCALL_CLOCK_GETTIME || result != 0) {
    return;
  }
  int64_t time[2] = {0}; /* struct timespec: seconds, nanoseconds */
  GByteArray *bytes = g_byte_array_new();
  if (qemu_plugin_read_memory_vaddr(vcpu->clock_address, bytes, sizeof time)) {
    memcpy(time, bytes->data, sizeof time);
    g_mutex_lock(&lock);
    struct counts now = total();
    readings_add(time[0] * 1000000000 + time[1], &now, plans, caches);
    g_mutex_unlock(&lock);
  }
  g_byte_array_unref(bytes);
}

static void on_program_end(qemu_plugin_id_t id, void *data) {
  (void)id, (void)data;
  FILE *file = fopen(result_path, "w");
  if (file == NULL) {
    fprintf(stderr, "counts: cannot write %s\n", result_path);
    return;
  }
  g_mutex_lock(&lock);
  fprintf(file, "{\"schema\": %d, \"vlen_bits\": %" PRIu64 ", \"inferences\": [", RESULT_SCHEMA, vlen);
  inferences_write_sums(file, plans, caches);
  fputs("], \"stepped\": [", file);
  if (with_steps && !steps_lost()) {
    inferences_write_steps(file, plans, caches);
  }
  fputs("], \"clock\": [", file);
  bool whole = readings_write(file);
  fprintf(file, "], \"clock_cut\": %s, \"blocks\": ", whole ? "false" : "true");
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
    fputs("counts: only riscv64 is counted\n", stderr);
    return -1;
  }
  for (int i = 0; i < argc; i++) {
    if (g_str_has_prefix(argv[i], "out=")) {
      result_path = g_strdup(argv[i] + strlen("out="));
    } else if (strcmp(argv[i], "clock=on") == 0) {
      readings_open();
    } else if (strcmp(argv[i], "blocks=on") == 0) {
      with_blocks = true;
      blocks_init(&vtype_register);
    } else if (strcmp(argv[i], "steps=on") == 0) {
      with_steps = true;
    } else if (g_str_has_prefix(argv[i], "cache=") && caches < CACHES_MAX &&
               cache_parse(argv[i] + strlen("cache="), &plans[caches])) {
      unsigned shift = (unsigned)__builtin_ctzll(plans[caches].line_bytes);
      line_shift = caches == 0 ? shift : MIN(line_shift, shift);
      caches++;
    } else {
      fprintf(stderr, "counts: cannot make sense of %s\n", argv[i]);
      return -1;
    }
  }
  if (result_path == NULL) {
    fputs("counts: out=FILE is missing\n", stderr);
    return -1;
  }
  vcpus = qemu_plugin_scoreboard_new(sizeof(struct vcpu));
  qemu_plugin_register_vcpu_init_cb(id, on_vcpu);
  if (with_steps) {
    qemu_plugin_register_vcpu_exit_cb(id, on_vcpu_end);
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_block);
  qemu_plugin_register_vcpu_syscall_cb(id, on_syscall);
  qemu_plugin_register_vcpu_syscall_ret_cb(id, on_syscall_return);
  qemu_plugin_register_atexit_cb(id, on_program_end, NULL);
  return 0;
}
