/* Encodings: The RISC-V Instruction Set Manual, Volume I, version 20240411: chapters 24 (opcode map), 16 (C), and for
 * vectors 30, whose sections 7 (loads and stores), 10 to 16 and 19 (instruction listing) give funct6. */
#include "decode.h"

const char *const CLASS_NAMES[CLASSES] = {
    [SCALAR_INTEGER] = "scalar_integer",
    [SCALAR_FLOAT] = "scalar_float",
    [BRANCH] = "branch",
    [LOAD] = "load",
    [STORE] = "store",
    [SYSTEM] = "system",
    [VECTOR_CONFIG] = "vector_config",
    [VECTOR_INTEGER] = "vector_integer",
    [VECTOR_FLOAT] = "vector_float",
    [VECTOR_WIDENING] = "vector_widening",
    [VECTOR_UNIT] = "vector_unit",
    [VECTOR_STRIDED] = "vector_strided",
    [VECTOR_PERMUTE] = "vector_permute",
};

enum { OPIVV, OPFVV, OPMVV, OPIVI, OPIVX, OPFVF, OPMVX, OPCFG }; /* funct3 of OP-V */

static uint32_t field(uint32_t word, unsigned low, unsigned width) { return (word >> low) & ((1u << width) - 1); }

static struct instruction plain(enum class class) {
  return (struct instruction){.class = class, .weight = WEIGHT_ONE, .fields = 1};
}

static struct instruction memory(bool loads, uint16_t width_bits) {
  struct instruction found = plain(loads ? LOAD : STORE);
  found.loads = loads;
  found.stores = !loads;
  found.width_bits = width_bits;
  return found;
}

static struct instruction arithmetic(enum class class, uint8_t sew_shift) {
  struct instruction found = plain(class);
  found.weight = WEIGHT_SPAN;
  found.sew_shift = sew_shift;
  found.uses_sew = true;
  return found;
}

static struct instruction decode_compressed(uint32_t word) {
  static const uint16_t SUBWORD[4] = {8, 16, 8, 16}; /* Zcb: lbu, lhu or lh, sb, sh */
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
  case 015: /* j */
  case 016: /* beqz */
  case 017: /* bnez */
    return plain(BRANCH);
  case 024:
    if (no_rs2) {
      return plain(high && field(word, 7, 5) == 0 ? SYSTEM : BRANCH); /* ebreak; jr, jalr */
    }
    return plain(SCALAR_INTEGER); /* mv, add */
  default:
    return plain(SCALAR_INTEGER);
  }
}

static struct instruction decode_vector_memory(uint32_t word, bool loads) {
  static const uint16_t WIDTHS[8] = {[0] = 8, [5] = 16, [6] = 32, [7] = 64};
  enum { UNIT, INDEXED_UNORDERED, STRIDED, INDEXED_ORDERED };
  enum { WHOLE = 8, MASK = 11, FAULT_FIRST = 16 }; /* lumop */
  uint32_t mode = field(word, 26, 2), unit_mode = field(word, 20, 5);
  uint16_t width = WIDTHS[field(word, 12, 3)];
  struct instruction found = memory(loads, width);
  found.class = mode == UNIT ? VECTOR_UNIT : VECTOR_STRIDED;
  found.weight = mode == UNIT ? WEIGHT_SPAN : WEIGHT_ELEMENTS;
  found.bytes = BYTES_ELEMENTS;
  found.fields = (uint8_t)(field(word, 29, 3) + 1);
  found.least_width = width;
  if (mode == INDEXED_UNORDERED || mode == INDEXED_ORDERED) {
    found.width_bits = 0; /* the word gives the width of the indices, vtype that of the elements */
  } else if (mode == UNIT && unit_mode == WHOLE) {
    found.weight = WEIGHT_REGISTERS;
    found.bytes = BYTES_REGISTERS;
  } else if (mode == UNIT && unit_mode == MASK) {
    found.weight = WEIGHT_ONE;
    found.bytes = BYTES_MASK;
  } else if (mode == UNIT && unit_mode == FAULT_FIRST) {
    found.changes_vl = loads;
  }
  return found;
}

static struct instruction decode_integer_vector(uint32_t funct6, uint32_t form, uint32_t word) {
  switch (funct6) {
  case 0x0c: /* vrgather */
  case 0x0f: /* vslidedown */
    return arithmetic(VECTOR_PERMUTE, 0);
  case 0x0e: { /* vslideup; as .vv vrgatherei16, whose indices are 16 bits wide */
    struct instruction found = arithmetic(VECTOR_PERMUTE, 0);
    found.least_width = form == OPIVV ? 16 : 0;
    return found;
  }
  case 0x27: { /* vsmul; as .vi vmv<nr>r */
    struct instruction found = arithmetic(form == OPIVI ? VECTOR_PERMUTE : VECTOR_INTEGER, 0);
    if (form == OPIVI) {
      found.weight = WEIGHT_REGISTERS;
      found.fields = (uint8_t)(field(word, 15, 3) + 1);
    }
    return found;
  }
  case 0x2c: /* vnsrl */
  case 0x2d: /* vnsra */
  case 0x2e: /* vnclipu */
  case 0x2f: /* vnclip */
    return arithmetic(VECTOR_INTEGER, 1);
  case 0x30: /* vwredsumu */
  case 0x31: /* vwredsum */
    return arithmetic(VECTOR_PERMUTE, 1);
  case 0x35: /* vwsll of Zvbb */
    return arithmetic(VECTOR_WIDENING, 1);
  default:
    return arithmetic(VECTOR_INTEGER, 0);
  }
}

static struct instruction decode_multiply_vector(uint32_t funct6, uint32_t form, uint32_t word) {
  if (funct6 <= 0x07) { /* vredsum to vredmax */
    return arithmetic(VECTOR_PERMUTE, 0);
  }
  if (funct6 >= 0x30) { /* vwaddu to vwmaccsu */
    return arithmetic(VECTOR_WIDENING, 1);
  }
  switch (funct6) {
  case 0x0e: /* vslide1up */
  case 0x0f: /* vslide1down */
  case 0x17: /* vcompress */
    return arithmetic(VECTOR_PERMUTE, 0);
  case 0x10: /* vmv.x.s, vcpop, vfirst; vmv.s.x */
    return plain(VECTOR_PERMUTE);
  case 0x14: /* vmsbf, vmsof, vmsif; viota, vid */
    return field(word, 15, 5) < 0x10 ? plain(VECTOR_PERMUTE) : arithmetic(VECTOR_PERMUTE, 0);
  case 0x29: /* vmadd */
  case 0x2b: /* vnmsub */
  case 0x2d: /* vmacc */
  case 0x2f: /* vnmsac */
    return arithmetic(VECTOR_WIDENING, 0);
  default:
    if (form == OPMVV && funct6 >= 0x18 && funct6 <= 0x1f) { /* vmandn to vmxnor */
      return plain(VECTOR_PERMUTE);
    }
    return arithmetic(VECTOR_INTEGER, 0);
  }
}

static struct instruction decode_float_vector(uint32_t funct6, uint32_t form, uint32_t word) {
  bool vectors = form == OPFVV;
  switch (funct6) {
  case 0x01: /* vfredusum */
  case 0x03: /* vfredosum */
  case 0x05: /* vfredmin */
  case 0x07: /* vfredmax */
  case 0x0e: /* vfslide1up */
  case 0x0f: /* vfslide1down */
    return arithmetic(VECTOR_PERMUTE, 0);
  case 0x10: /* vfmv.f.s, vfmv.s.f */
    return plain(VECTOR_PERMUTE);
  case 0x12: { /* conversions: same width, widening, narrowing */
    uint32_t kind = vectors ? field(word, 18, 2) : 0;
    return arithmetic(kind == 1 ? VECTOR_WIDENING : VECTOR_FLOAT, kind == 0 ? 0 : 1);
  }
  case 0x31: /* vfwredusum */
  case 0x33: /* vfwredosum */
    return arithmetic(VECTOR_PERMUTE, 1);
  default:
    if (funct6 >= 0x30) { /* vfwadd to vfwnmsac */
      return arithmetic(VECTOR_WIDENING, 1);
    }
    return arithmetic(funct6 >= 0x28 ? VECTOR_WIDENING : VECTOR_FLOAT, 0); /* vfmadd to vfnmsac */
  }
}

static struct instruction decode_vector(uint32_t word) {
  uint32_t form = field(word, 12, 3), funct6 = field(word, 26, 6);
  switch (form) {
  case OPCFG: {
    struct instruction found = plain(VECTOR_CONFIG);
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

static struct instruction decode_atomic(uint32_t word) {
  enum { LR = 2, SC = 3 };
  uint32_t kind = field(word, 27, 5);
  struct instruction found = memory(kind == LR, (uint16_t)(8u << field(word, 12, 3)));
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
  case 0x07: /* LOAD-FP: widths 1 to 4 are the scalar ones */
  case 0x27: /* STORE-FP */
    if (width >= 1 && width <= 4) {
      return memory(field(word, 5, 1) == 0, (uint16_t)(8u << width));
    }
    return decode_vector_memory(word, field(word, 5, 1) == 0);
  case 0x63: /* BRANCH */
  case 0x67: /* JALR */
  case 0x6f: /* JAL */
    return plain(BRANCH);
  case 0x2f: /* AMO */
    return decode_atomic(word);
  case 0x43: /* MADD */
  case 0x47: /* MSUB */
  case 0x4b: /* NMSUB */
  case 0x4f: /* NMADD */
  case 0x53: /* OP-FP */
    return plain(SCALAR_FLOAT);
  case 0x57: /* OP-V */
    return decode_vector(word);
  case 0x77: /* OP-VE: Zvk */
    return arithmetic(VECTOR_INTEGER, 0);
  case 0x0f: /* MISC-MEM */
  case 0x73: /* SYSTEM */
    return plain(SYSTEM);
  default:
    return plain(SCALAR_INTEGER);
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
