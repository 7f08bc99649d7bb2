/* Decode RV64GCV instruction words into operations and weights. Only this module knows the encodings. */
#ifndef EDGETOOL_DECODE_H
#define EDGETOOL_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every instruction belongs to exactly one operation. An operation groups instructions that processors charge alike and
 * is named after one of them; widening is part of it. decode.c has the names for the result in the same order. */
enum op {
  OP_ADD, /* and all other single-cycle integer instructions */
  OP_MUL,
  OP_DIV,
  OP_FADD, /* minimum, comparison, sign */
  OP_FMUL,
  OP_FMADD,
  OP_FDIV, /* square root */
  OP_FCVT, /* moves between the register files */
  OP_BRANCH, /* and jumps */
  OP_LOAD,
  OP_STORE,
  OP_AMO,    /* atomic read-modify-write instructions */
  OP_SYSTEM, /* fences, control registers, system calls */

  OP_VSET,
  SHAPELESS_OPS, /* operations above cost the same for any vtype */

  OP_VADD = SHAPELESS_OPS, /* subtraction, logic, minimum */
  OP_VMERGE, /* splats of integers or floats; additions with carry */
  OP_VSLL,   /* shifts */
  OP_VMSEQ,  /* comparisons, carries */
  OP_VSADD,  /* saturating and averaging arithmetic */
  OP_VSSRA,  /* rounding shifts */
  OP_VNSRL,  /* narrowing shifts; SEW is the narrow width, as for the widening operations below */
  OP_VNCLIP,
  OP_VSEXT,  /* and zero extension; SEW is the wide width */
  OP_VMUL,   /* high halves */
  OP_VSMUL,
  OP_VDIV,
  OP_VMACC,
  OP_VWADD,
  OP_VWADD_W, /* one operand is already wide */
  OP_VWMUL,
  OP_VWMACC,

  OP_VFADD,   /* minimum, sign */
  OP_VFMUL,
  OP_VFDIV,   /* square root */
  OP_VFCVT,   /* estimates, classes */
  OP_VFNCVT,
  OP_VFWCVT,
  OP_VMFEQ,   /* comparisons */
  OP_VFMACC,
  OP_VFWADD,
  OP_VFWADD_W,
  OP_VFWMUL,
  OP_VFWMACC,

  OP_VLE,    /* unit-stride, whole-register and mask loads */
  OP_VSE,
  OP_VLSEG,  /* unit-stride segments */
  OP_VSSEG,
  OP_VLSE,   /* strided, including segments */
  OP_VSSE,
  OP_VLUXEI, /* indexed, including segments */
  OP_VSUXEI,

  OP_VREDSUM,  /* integer reductions, including widening ones */
  OP_VFREDUSUM,
  OP_VFREDOSUM, /* in order */
  OP_VSLIDE,
  OP_VSLIDE1,
  OP_VRGATHER,
  OP_VCOMPRESS,
  OP_VMAND,  /* mask logic */
  OP_VCPOP,  /* other mask instructions */
  OP_VIOTA,  /* indices */
  OP_VMV_X,  /* between a scalar register and the first element */
  OP_VMVR,   /* whole registers */
  OPS,
};

extern const char *const OP_NAMES[OPS];

static inline bool is_vector(enum op op) { return op >= OP_VSET; }

/* How to compute an instruction's weight from vl, SEW and VLEN. */
enum weight {
  WEIGHT_ONE,       /* scalar, configuration, one element, or mask registers, whose bits never exceed VLEN */
  WEIGHT_SPAN,      /* max(1, ceil(vl * element width of the widest operand / VLEN)), for each field of a segment */
  WEIGHT_ELEMENTS,  /* max(1, vl), for each field */
  WEIGHT_REGISTERS, /* the number of whole registers */
};

/* How to compute the bytes an instruction moves. */
enum bytes {
  BYTES_FIXED,     /* `width_bits` / 8, given by the word */
  BYTES_ELEMENTS,  /* vl elements for each field, including masked-off ones */
  BYTES_MASK,      /* ceil(vl / 8) */
  BYTES_REGISTERS, /* VLEN / 8, for each field */
};

struct instruction {
  enum op op;
  enum weight weight;
  enum bytes bytes;
  uint8_t fields;       /* of a segment, or registers; at least 1 */
  uint8_t sew_shift;    /* the widest operand is SEW << sew_shift bits wide */
  uint16_t least_width; /* minimum of the above: an index width, or an element width given by the word */
  uint16_t width_bits;  /* of the elements in memory; 0 for SEW */
  bool uses_sew;        /* false: only `least_width` applies */
  bool loads, stores;
  bool changes_vl;      /* vset* and fault-only-first loads */
};

struct instruction decode(uint32_t word);

/* The current vl in elements, SEW and VLEN in bits, and LMUL in eighths. */
struct vector_state {
  uint64_t vl;
  uint64_t sew; /* 0 for an illegal vtype, with which no dependent instruction can run */
  uint64_t lmul_eighths;
  uint64_t vlen;
};

uint64_t weigh(const struct instruction *instruction, const struct vector_state *state);
uint64_t bytes_moved(const struct instruction *instruction, const struct vector_state *state);

/* The shape of an instruction: SEW and the registers of its group, each from a short list. Loads and stores have the
 * shape of the elements in memory. The group of a segment includes all of its fields. */
enum { SEWS = 4, GROUPS = 11, SHAPES = SEWS * GROUPS };

extern const char *const GROUP_NAMES[GROUPS]; /* as numbers */

size_t shape_of(const struct instruction *instruction, const struct vector_state *state);
static inline unsigned sew_of(size_t shape) { return 8u << (shape / GROUPS); }
static inline size_t group_of(size_t shape) { return shape % GROUPS; }

#endif
