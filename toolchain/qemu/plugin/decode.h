/* What an instruction word of RV64GCV is and what it costs: the one place that knows the encodings. */
#ifndef EDGETOOL_DECODE_H
#define EDGETOOL_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every instruction is of exactly one operation: those that processors charge alike, named after a member. What an
 * instruction widens is part of the operation. The names for the result are in the same order in decode.c. */
enum op {
  OP_ADD, /* and all other integer instructions that take a cycle */
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
  OP_AMO,    /* atomic read-modify-write */
  OP_SYSTEM, /* fences, control registers, calls of the kernel */

  OP_VSET,
  SHAPELESS_OPS, /* those above cost the same whatever vtype is */

  OP_VADD = SHAPELESS_OPS, /* subtraction, logic, minimum */
  OP_VMERGE, /* moves into all elements, integer or float; additions with a carry */
  OP_VSLL,   /* shifts */
  OP_VMSEQ,  /* comparisons, carries */
  OP_VSADD,  /* saturating and averaging */
  OP_VSSRA,  /* shifts that round */
  OP_VNSRL,  /* narrowing shifts; SEW is the narrow one, as in the widening ones below */
  OP_VNCLIP,
  OP_VSEXT,  /* and zero extension; SEW is the wide one */
  OP_VMUL,   /* high halves */
  OP_VSMUL,
  OP_VDIV,
  OP_VMACC,
  OP_VWADD,
  OP_VWADD_W, /* one operand is wide already */
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
  OP_VLSE,   /* strided, segments too */
  OP_VSSE,
  OP_VLUXEI, /* indexed, segments too */
  OP_VSUXEI,

  OP_VREDSUM,  /* integer reductions, widening too */
  OP_VFREDUSUM,
  OP_VFREDOSUM, /* in order */
  OP_VSLIDE,
  OP_VSLIDE1,
  OP_VRGATHER,
  OP_VCOMPRESS,
  OP_VMAND,  /* mask logic */
  OP_VCPOP,  /* other instructions on masks */
  OP_VIOTA,  /* indices */
  OP_VMV_X,  /* between a scalar register and the first element */
  OP_VMVR,   /* whole registers */
  OPS,
};

extern const char *const OP_NAMES[OPS];

static inline bool is_vector(enum op op) { return op >= OP_VSET; }

/* How an instruction's weight follows from vl, SEW and VLEN. */
enum weight {
  WEIGHT_ONE,       /* scalar; configuration; one element; mask registers, whose bits never exceed VLEN */
  WEIGHT_SPAN,      /* max(1, ceil(vl * widest operand's element / VLEN)), for each field of a segment */
  WEIGHT_ELEMENTS,  /* max(1, vl), for each field */
  WEIGHT_REGISTERS, /* whole registers: as many as there are */
};

/* How many bytes an instruction moves. */
enum bytes {
  BYTES_FIXED,     /* `width_bits` / 8, known from the word */
  BYTES_ELEMENTS,  /* vl elements, for each field; those that are masked off count too */
  BYTES_MASK,      /* ceil(vl / 8) */
  BYTES_REGISTERS, /* VLEN / 8, for each field */
};

struct instruction {
  enum op op;
  enum weight weight;
  enum bytes bytes;
  uint8_t fields;       /* of a segment, or registers; at least 1 */
  uint8_t sew_shift;    /* the widest operand is SEW << sew_shift bits wide, */
  uint16_t least_width; /* but at least so many: an index, or an element width that the word itself gives */
  uint16_t width_bits;  /* of the elements in memory; 0 for SEW */
  bool uses_sew;        /* false: `least_width` is all there is */
  bool loads, stores;
  bool changes_vl;      /* vset*, and loads that stop at the first fault */
};

struct instruction decode(uint32_t word);

/* vl, SEW, LMUL and VLEN at a moment; vl in elements, the others in bits, LMUL in eighths. */
struct vector_state {
  uint64_t vl;
  uint64_t sew; /* 0 where vtype is illegal: then no instruction that depends on it can run */
  uint64_t lmul_eighths;
  uint64_t vlen;
};

uint64_t weigh(const struct instruction *instruction, const struct vector_state *state);
uint64_t bytes_moved(const struct instruction *instruction, const struct vector_state *state);

/* An instruction's shape: SEW and the registers of its group, each from a short list. That of a load or store is of
 * the elements in memory; a segment's group holds all of its fields. */
enum { SEWS = 4, GROUPS = 11, SHAPES = SEWS * GROUPS };

extern const char *const GROUP_NAMES[GROUPS]; /* as numbers */

size_t shape_of(const struct instruction *instruction, const struct vector_state *state);
static inline unsigned sew_of(size_t shape) { return 8u << (shape / GROUPS); }
static inline size_t group_of(size_t shape) { return shape % GROUPS; }

#endif
