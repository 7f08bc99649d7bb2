/* Encodings: The RISC-V Instruction Set Manual, Volume I, version 20240411. Chapters 24 (opcode map), 16 (C) and 30
 * (vectors), whose sections 7 (loads and stores), 10 to 16 and 19 (instruction listing) list funct6. */
#include "decode.h"

const char *const OP_NAMES[OPS] = {
    [OP_ADD] = "add",
    [OP_MUL] = "mul",
    [OP_DIV] = "div",
    [OP_FADD] = "fadd",
    [OP_FMUL] = "fmul",
    [OP_FMADD] = "fmadd",
    [OP_FDIV] = "fdiv",
    [OP_FCVT] = "fcvt",
    [OP_BRANCH] = "branch",
    [OP_LOAD] = "load",
    [OP_STORE] = "store",
    [OP_AMO] = "amo",
    [OP_SYSTEM] = "system",
    [OP_VSET] = "vset",
    [OP_VADD] = "vadd",
    [OP_VMERGE] = "vmerge",
    [OP_VSLL] = "vsll",
    [OP_VMSEQ] = "vmseq",
    [OP_VSADD] = "vsadd",
    [OP_VSSRA] = "vssra",
    [OP_VNSRL] = "vnsrl",
    [OP_VNCLIP] = "vnclip",
    [OP_VSEXT] = "vsext",
    [OP_VMUL] = "vmul",
    [OP_VSMUL] = "vsmul",
    [OP_VDIV] = "vdiv",
    [OP_VMACC] = "vmacc",
    [OP_VWADD] = "vwadd",
    [OP_VWADD_W] = "vwadd.w",
    [OP_VWMUL] = "vwmul",
    [OP_VWMACC] = "vwmacc",
    [OP_VFADD] = "vfadd",
    [OP_VFMUL] = "vfmul",
    [OP_VFDIV] = "vfdiv",
    [OP_VFCVT] = "vfcvt",
    [OP_VFNCVT] = "vfncvt",
    [OP_VFWCVT] = "vfwcvt",
    [OP_VMFEQ] = "vmfeq",
    [OP_VFMACC] = "vfmacc",
    [OP_VFWADD] = "vfwadd",
    [OP_VFWADD_W] = "vfwadd.w",
    [OP_VFWMUL] = "vfwmul",
    [OP_VFWMACC] = "vfwmacc",
    [OP_VLE] = "vle",
    [OP_VSE] = "vse",
    [OP_VLSEG] = "vlseg",
    [OP_VSSEG] = "vsseg",
    [OP_VLSE] = "vlse",
    [OP_VSSE] = "vsse",
    [OP_VLUXEI] = "vluxei",
    [OP_VSUXEI] = "vsuxei",
    [OP_VREDSUM] = "vredsum",
    [OP_VFREDUSUM] = "vfredusum",
    [OP_VFREDOSUM] = "vfredosum",
    [OP_VSLIDE] = "vslide",
    [OP_VSLIDE1] = "vslide1",
    [OP_VRGATHER] = "vrgather",
    [OP_VCOMPRESS] = "vcompress",
    [OP_VMAND] = "vmand",
    [OP_VCPOP] = "vcpop",
    [OP_VIOTA] = "viota",
    [OP_VMV_X] = "vmv.x",
    [OP_VMVR] = "vmvr",
};

const char *const GROUP_NAMES[GROUPS] = {"0.125", "0.25", "0.5", "1", "2", "3", "4", "5", "6", "7", "8"};

enum { OPIVV, OPFVV, OPMVV, OPIVI, OPIVX, OPFVF, OPMVX, OPCFG }; /* funct3 of OP-V */

static uint32_t field(uint32_t word, unsigned low, unsigned width) { return (word >> low) & ((1u << width) - 1); }

static struct instruction plain(enum op op) {
  return (struct instruction){.op = op, .weight = WEIGHT_ONE, .fields = 1};
}

static struct instruction memory(bool loads, uint16_t width_bits) {
  struct instruction found = plain(loads ? OP_LOAD : OP_STORE);
  found.loads = loads;
  found.stores = !loads;
  found.width_bits = width_bits;
  return found;
}

static struct instruction arithmetic(enum op op, uint8_t sew_shift) {
  struct instruction found = plain(op);
  found.weight = WEIGHT_SPAN;
  found.sew_shift = sew_shift;
  found.uses_sew = true;
  return found;
}

static struct instruction decode_compressed(uint32_t word) {
  static const uint16_t SUBWORD[4] = {8, 16, 8, 16}; /* Zcb: lbu, lhu or lh, sb, sh */
  enum { MISC_ALU_REGISTERS = 3, C_MUL = 2 };        /* Zcb's multiplication lies among c.sub to c.addw */
  bool high = field(word, 12, 1) != 0;
  bool no_rs2 = field(word, 2, 5) == 0;
  switch (field(word, 0, 2) << 3 | field(word, 13, 3)) {
  case 001: /* fld */
  case 003: /* ld */
  case 021: /* fldsp */
  case 023: /* ldsp */
    return memory(true, 64);
  case 002: /* lw */
  case 022: /* lwsp */
    return memory(true, 32);
  case 004:
    return memory(field(word, 11, 1) == 0, SUBWORD[field(word, 10, 2)]);
  case 005: /* fsd */
  case 007: /* sd */
  case 025: /* fsdsp */
  case 027: /* sdsp */
    return memory(false, 64);
  case 006: /* sw */
  case 026: /* swsp */
    return memory(false, 32);
  case 014:
    return plain(field(word, 10, 2) == MISC_ALU_REGISTERS && high && field(word, 5, 2) == C_MUL ? OP_MUL : OP_ADD);
  case 015: /* j */
  case 016: /* beqz */
  case 017: /* bnez */
    return plain(OP_BRANCH);
  case 024:
    if (no_rs2) {
      return plain(high && field(word, 7, 5) == 0 ? OP_SYSTEM : OP_BRANCH); /* ebreak; jr, jalr */
    }
    return plain(OP_ADD); /* mv, add */
  default:
    return plain(OP_ADD);
  }
}

static struct instruction decode_vector_memory(uint32_t word, bool loads) {
  static const uint16_t WIDTHS[8] = {[0] = 8, [5] = 16, [6] = 32, [7] = 64};
  enum { UNIT, INDEXED_UNORDERED, STRIDED, INDEXED_ORDERED };
  enum { WHOLE = 8, MASK = 11, FAULT_FIRST = 16 }; /* lumop */
  uint32_t mode = field(word, 26, 2), unit_mode = field(word, 20, 5);
  uint16_t width = WIDTHS[field(word, 12, 3)];
  struct instruction found = memory(loads, width);
  found.op = loads ? OP_VLE : OP_VSE;
  found.weight = mode == UNIT ? WEIGHT_SPAN : WEIGHT_ELEMENTS;
  found.bytes = BYTES_ELEMENTS;
  found.fields = (uint8_t)(field(word, 29, 3) + 1);
  found.least_width = width;
  if (mode == INDEXED_UNORDERED || mode == INDEXED_ORDERED) {
    found.op = loads ? OP_VLUXEI : OP_VSUXEI;
    found.width_bits = 0; /* the word has the width of the indices, vtype that of the elements */
  } else if (mode == STRIDED) {
    found.op = loads ? OP_VLSE : OP_VSSE;
  } else if (unit_mode == WHOLE) {
    found.weight = WEIGHT_REGISTERS;
    found.bytes = BYTES_REGISTERS;
  } else if (unit_mode == MASK) {
    found.weight = WEIGHT_ONE;
    found.bytes = BYTES_MASK;
  } else {
    found.op = found.fields == 1 ? found.op : loads ? OP_VLSEG : OP_VSSEG;
    found.changes_vl = unit_mode == FAULT_FIRST && loads;
  }
  return found;
}

static struct instruction decode_integer_vector(uint32_t funct6, uint32_t form, uint32_t word) {
  switch (funct6) {
  case 0x0c: /* vrgather */
    return arithmetic(OP_VRGATHER, 0);
  case 0x0f: /* vslidedown */
    return arithmetic(OP_VSLIDE, 0);
  case 0x0e: { /* vslideup; .vv: vrgatherei16 with 16-bit indices */
    struct instruction found = arithmetic(form == OPIVV ? OP_VRGATHER : OP_VSLIDE, 0);
    found.least_width = form == OPIVV ? 16 : 0;
    return found;
  }
  case 0x10: /* vadc, vsbc, vmerge and vmv.v */
  case 0x12:
  case 0x17:
    return arithmetic(OP_VMERGE, 0);
  case 0x11: /* vmadc */
  case 0x13: /* vmsbc */
    return arithmetic(OP_VMSEQ, 0);
  case 0x20: /* vsaddu to vssub */
  case 0x21:
  case 0x22:
  case 0x23:
    return arithmetic(OP_VSADD, 0);
  case 0x25: /* vsll, vsrl, vsra */
  case 0x28:
  case 0x29:
    return arithmetic(OP_VSLL, 0);
  case 0x27: { /* vsmul; .vi: vmv<nr>r */
    struct instruction found = arithmetic(form == OPIVI ? OP_VMVR : OP_VSMUL, 0);
    if (form == OPIVI) {
      found.weight = WEIGHT_REGISTERS;
      found.fields = (uint8_t)(field(word, 15, 3) + 1);
    }
    return found;
  }
  case 0x2a: /* vssrl, vssra */
  case 0x2b:
    return arithmetic(OP_VSSRA, 0);
  case 0x2c: /* vnsrl, vnsra */
  case 0x2d:
    return arithmetic(OP_VNSRL, 1);
  case 0x2e: /* vnclipu, vnclip */
  case 0x2f:
    return arithmetic(OP_VNCLIP, 1);
  case 0x30: /* vwredsumu, vwredsum */
  case 0x31:
    return arithmetic(OP_VREDSUM, 1);
  case 0x35: /* vwsll from Zvbb */
    return arithmetic(OP_VWADD, 1);
  default: /* 0x18 to 0x1f: vmseq to vmsgt */
    return arithmetic(funct6 >= 0x18 && funct6 <= 0x1f ? OP_VMSEQ : OP_VADD, 0);
  }
}

static struct instruction decode_multiply_vector(uint32_t funct6, uint32_t form, uint32_t word) {
  if (funct6 <= 0x07) { /* vredsum to vredmax */
    return arithmetic(OP_VREDSUM, 0);
  }
  if (funct6 >= 0x30) { /* vwaddu to vwsub, the same with .wv, vwmulu to vwmul, vwmaccu to vwmaccsu */
    enum op op = funct6 < 0x34 ? OP_VWADD : funct6 < 0x38 ? OP_VWADD_W : funct6 < 0x3c ? OP_VWMUL : OP_VWMACC;
    return arithmetic(op, 1);
  }
  switch (funct6) {
  case 0x08: /* vaaddu to vasub */
  case 0x09:
  case 0x0a:
  case 0x0b:
    return arithmetic(OP_VSADD, 0);
  case 0x0e: /* vslide1up, vslide1down */
  case 0x0f:
    return arithmetic(OP_VSLIDE1, 0);
  case 0x10: /* vmv.x.s; vcpop, vfirst; vmv.s.x */
    return plain(form == OPMVV && field(word, 15, 5) >= 0x10 ? OP_VCPOP : OP_VMV_X);
  case 0x12: /* vzext, vsext; of Zvbb vbrev8 and the like */
    return arithmetic(field(word, 15, 5) < 0x08 ? OP_VSEXT : OP_VADD, 0);
  case 0x14: /* vmsbf, vmsof, vmsif; viota, vid */
    return field(word, 15, 5) < 0x10 ? plain(OP_VCPOP) : arithmetic(OP_VIOTA, 0);
  case 0x17: /* vcompress; as .vv only */
    return arithmetic(OP_VCOMPRESS, 0);
  case 0x29: /* vmadd */
  case 0x2b: /* vnmsub */
  case 0x2d: /* vmacc */
  case 0x2f: /* vnmsac */
    return arithmetic(OP_VMACC, 0);
  default:
    if (form == OPMVV && funct6 >= 0x18 && funct6 <= 0x1f) { /* vmandn to vmxnor */
      return plain(OP_VMAND);
    }
    if (funct6 >= 0x20 && funct6 <= 0x23) { /* vdivu to vrem */
      return arithmetic(OP_VDIV, 0);
    }
    return arithmetic(funct6 >= 0x24 && funct6 <= 0x27 ? OP_VMUL : OP_VADD, 0); /* vmulhu to vmulh */
  }
}

static struct instruction decode_float_vector(uint32_t funct6, uint32_t form, uint32_t word) {
  bool vectors = form == OPFVV;
  switch (funct6) {
  case 0x01: /* vfredusum */
  case 0x05: /* vfredmin */
  case 0x07: /* vfredmax */
    return arithmetic(OP_VFREDUSUM, 0);
  case 0x03: /* vfredosum */
    return arithmetic(OP_VFREDOSUM, 0);
  case 0x0e: /* vfslide1up, vfslide1down */
  case 0x0f:
    return arithmetic(OP_VSLIDE1, 0);
  case 0x10: /* vfmv.f.s, vfmv.s.f */
    return plain(OP_VMV_X);
  case 0x12: { /* conversions: same width, widening, narrowing */
    static const enum op OPS_BY_KIND[4] = {OP_VFCVT, OP_VFWCVT, OP_VFNCVT, OP_VFCVT};
    uint32_t kind = vectors ? field(word, 18, 2) : 0;
    return arithmetic(OPS_BY_KIND[kind], kind == 0 ? 0 : 1);
  }
  case 0x13: /* vfsqrt; vfrsqrt7, vfrec7, vfclass */
    return arithmetic(field(word, 15, 5) == 0 ? OP_VFDIV : OP_VFCVT, 0);
  case 0x17: /* vfmerge, vfmv.v.f */
    return arithmetic(OP_VMERGE, 0);
  case 0x20: /* vfdiv, vfrdiv */
  case 0x21:
    return arithmetic(OP_VFDIV, 0);
  case 0x24: /* vfmul */
    return arithmetic(OP_VFMUL, 0);
  case 0x31: /* vfwredusum */
    return arithmetic(OP_VFREDUSUM, 1);
  case 0x33: /* vfwredosum */
    return arithmetic(OP_VFREDOSUM, 1);
  default:
    if (funct6 >= 0x30) { /* vfwadd, vfwsub; the same with .wv; vfwmul; vfwmacc to vfwnmsac */
      enum op op = funct6 < 0x34 ? OP_VFWADD : funct6 < 0x38 ? OP_VFWADD_W : funct6 < 0x3b ? OP_VFWMUL : OP_VFWMACC;
      return arithmetic(op, 1);
    }
    if (funct6 >= 0x28) { /* vfmadd to vfnmsac */
      return arithmetic(OP_VFMACC, 0);
    }
    return arithmetic(funct6 >= 0x18 && funct6 <= 0x1f ? OP_VMFEQ : OP_VFADD, 0); /* vmfeq to vmfge */
  }
}

static struct instruction decode_vector(uint32_t word) {
  uint32_t form = field(word, 12, 3), funct6 = field(word, 26, 6);
  switch (form) {
  case OPCFG: {
    struct instruction found = plain(OP_VSET);
    found.changes_vl = true;
    return found;
  }
  case OPIVV:
  case OPIVX:
  case OPIVI:
    return decode_integer_vector(funct6, form, word);
  case OPMVV:
  case OPMVX:
    return decode_multiply_vector(funct6, form, word);
  default:
    return decode_float_vector(funct6, form, word);
  }
}

/* OP and OP-32: multiplications and divisions of M; all others take a cycle. */
static enum op decode_register(uint32_t word) {
  enum { MULDIV = 1 };
  if (field(word, 25, 7) != MULDIV) {
    return OP_ADD;
  }
  return field(word, 14, 1) == 0 ? OP_MUL : OP_DIV;
}

static enum op decode_float(uint32_t word) {
  switch (field(word, 27, 5)) {
  case 0x00: /* fadd */
  case 0x01: /* fsub */
  case 0x04: /* fsgnj */
  case 0x05: /* fmin */
  case 0x14: /* feq */
    return OP_FADD;
  case 0x02:
    return OP_FMUL;
  case 0x03: /* fdiv */
  case 0x0b: /* fsqrt */
    return OP_FDIV;
  default:
    return OP_FCVT;
  }
}

static struct instruction decode_atomic(uint32_t word) {
  enum { LR = 2, SC = 3 };
  uint32_t kind = field(word, 27, 5);
  struct instruction found = memory(kind == LR, (uint16_t)(8u << field(word, 12, 3)));
  found.op = kind == LR ? OP_LOAD : OP_AMO;
  found.loads = kind != SC;
  return found;
}

struct instruction decode(uint32_t word) {
  if (field(word, 0, 2) != 3) {
    return decode_compressed(word & 0xffff);
  }
  uint32_t width = field(word, 12, 3);
  switch (field(word, 0, 7)) {
  case 0x03: /* LOAD */
    return memory(true, (uint16_t)(8u << (width & 3)));
  case 0x23: /* STORE */
    return memory(false, (uint16_t)(8u << (width & 3)));
  case 0x07: /* LOAD-FP: widths 1 to 4 are scalar */
  case 0x27: /* STORE-FP */
    if (width >= 1 && width <= 4) {
      return memory(field(word, 5, 1) == 0, (uint16_t)(8u << width));
    }
    return decode_vector_memory(word, field(word, 5, 1) == 0);
  case 0x63: /* BRANCH */
  case 0x67: /* JALR */
  case 0x6f: /* JAL */
    return plain(OP_BRANCH);
  case 0x2f: /* AMO */
    return decode_atomic(word);
  case 0x43: /* MADD */
  case 0x47: /* MSUB */
  case 0x4b: /* NMSUB */
  case 0x4f: /* NMADD */
    return plain(OP_FMADD);
  case 0x53: /* OP-FP */
    return plain(decode_float(word));
  case 0x33: /* OP */
  case 0x3b: /* OP-32 */
    return plain(decode_register(word));
  case 0x57: /* OP-V */
    return decode_vector(word);
  case 0x77: /* OP-VE: Zvk */
    return arithmetic(OP_VADD, 0);
  case 0x0f: /* MISC-MEM */
  case 0x73: /* SYSTEM */
    return plain(OP_SYSTEM);
  default:
    return plain(OP_ADD);
  }
}

static uint64_t at_least(uint64_t least, uint64_t number) { return number < least ? least : number; }

uint64_t weigh(const struct instruction *instruction, const struct vector_state *state) {
  switch (instruction->weight) {
  case WEIGHT_SPAN: {
    uint64_t width = instruction->uses_sew ? state->sew << instruction->sew_shift : 0;
    uint64_t bits = state->vl * at_least(instruction->least_width, width);
    return instruction->fields * at_least(1, (bits + state->vlen - 1) / state->vlen);
  }
  case WEIGHT_ELEMENTS:
    return instruction->fields * at_least(1, state->vl);
  case WEIGHT_REGISTERS:
    return instruction->fields;
  default:
    return 1;
  }
}

uint64_t bytes_moved(const struct instruction *instruction, const struct vector_state *state) {
  uint64_t width = instruction->width_bits == 0 ? state->sew : instruction->width_bits;
  switch (instruction->bytes) {
  case BYTES_ELEMENTS:
    return instruction->fields * state->vl * width / 8;
  case BYTES_MASK:
    return (state->vl + 7) / 8;
  case BYTES_REGISTERS:
    return instruction->fields * state->vlen / 8;
  default:
    return instruction->width_bits / 8;
  }
}

size_t shape_of(const struct instruction *instruction, const struct vector_state *state) {
  uint64_t sew = at_least(8, state->sew), eighths = state->lmul_eighths;
  if (instruction->width_bits != 0) { /* EMUL is LMUL * EEW / SEW */
    eighths = eighths * instruction->width_bits / sew;
    sew = instruction->width_bits;
  }
  switch (instruction->weight) {
  case WEIGHT_ONE:
    eighths = 8;
    break;
  case WEIGHT_REGISTERS:
    eighths = 8u * instruction->fields;
    break;
  default:
    eighths = instruction->fields == 1 ? eighths : at_least(8, eighths) * instruction->fields;
  }
  size_t wide = sew >= 64 ? 3 : sew >= 32 ? 2 : sew >= 16 ? 1 : 0;
  size_t group = eighths >= 64 ? GROUPS - 1 : eighths >= 8 ? 2 + eighths / 8 : eighths >= 4 ? 2 : eighths >= 2 ? 1 : 0;
  return wide * GROUPS + group;
}
