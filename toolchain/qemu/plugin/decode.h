/* What an instruction word of RV64GCV is and what it costs: the one place that knows the encodings. */
#ifndef EDGETOOL_DECODE_H
#define EDGETOOL_DECODE_H

#include <stdbool.h>
#include <stdint.h>

/* Every instruction is of exactly one class. The names for the result are in the same order in decode.c. */
enum class {
  SCALAR_INTEGER,
  SCALAR_FLOAT,
  BRANCH, /* and jumps */
  LOAD,   /* scalar, integer and float */
  STORE,  /* and atomic read-modify-write */
  SYSTEM, /* fences, control registers, calls of the kernel */
  VECTOR_CONFIG,
  VECTOR_INTEGER,
  VECTOR_FLOAT,
  VECTOR_WIDENING, /* widening, and multiply-accumulate */
  VECTOR_UNIT,     /* unit-stride, whole-register and mask loads and stores */
  VECTOR_STRIDED,  /* strided and indexed loads and stores */
  VECTOR_PERMUTE,  /* masks, permutations, reductions */
  CLASSES,
};

extern const char *const CLASS_NAMES[CLASSES];

static inline bool is_vector(enum class class) { return class >= VECTOR_CONFIG; }

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
  enum class class;
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

/* vl, SEW and VLEN at a moment; all in elements or bits. */
struct vector_state {
  uint64_t vl;
  uint64_t sew; /* 0 where vtype is illegal: then no instruction that depends on it can run */
  uint64_t vlen;
};

uint64_t weigh(const struct instruction *instruction, const struct vector_state *state);
uint64_t bytes_moved(const struct instruction *instruction, const struct vector_state *state);

#endif
