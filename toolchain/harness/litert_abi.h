/* The part of LiteRT's C API that the harness calls, as libLiteRt.so of release 2.3.0 exports it. No package brings its
 * headers; tests run all of it. */
#ifndef EDGETOOL_LITERT_ABI_H
#define EDGETOOL_LITERT_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct LiteRtEnvironmentT *LiteRtEnvironment;
typedef struct LiteRtModelT *LiteRtModel;
typedef struct LiteRtOptionsT *LiteRtOptions;
typedef struct LiteRtOpaqueOptionsT *LiteRtOpaqueOptions;
typedef struct LiteRtCompiledModelT *LiteRtCompiledModel;
typedef struct LiteRtSignatureT *LiteRtSignature;
typedef struct LiteRtTensorT *LiteRtTensor;
typedef struct LiteRtTensorBufferT *LiteRtTensorBuffer;
typedef struct LiteRtTensorBufferRequirementsT *LiteRtTensorBufferRequirements;

typedef struct LiteRtProfilerT *LiteRtProfiler;

/* ProfiledEventData, with two records of memory that are left out of a profile. */
struct litert_event {
  const char *name;
  int32_t type; /* bits */
  uint64_t start_us;
  uint64_t elapsed_us;
  size_t memory[6];
  uint64_t index; /* of the operator */
  uint64_t subgraph;
  int32_t source;
};

enum { LITERT_OPERATOR = 1 << 1, LITERT_XNNPACK_OPERATOR = 1 << 3 };
enum { LITERT_OK = 0, LITERT_CPU = 1, LITERT_LOCK_READ = 0, LITERT_LOCK_WRITE = 1, LITERT_MAX_RANK = 8 };

/* A tensor's type. Dynamic dimensions are negative; those from `rank` on are undefined. */
struct litert_type {
  int32_t element; /* numbered as in TensorFlow Lite */
  uint32_t rank : 7;
  uint32_t has_strides : 1;
  int32_t dimensions[LITERT_MAX_RANK];
  uint32_t strides[LITERT_MAX_RANK];
};

/* X(name, result, parameters). Enumerations are passed as int. */
#define LITERT_FUNCTIONS(X)                                                                                         \
  X(LiteRtCreateEnvironment, int, (int options, const void *, LiteRtEnvironment *))                                 \
  X(LiteRtDestroyEnvironment, void, (LiteRtEnvironment))                                                            \
  X(LiteRtCreateModelFromFile, int, (LiteRtEnvironment, const char *path, LiteRtModel *))                           \
  X(LiteRtDestroyModel, void, (LiteRtModel))                                                                        \
  X(LiteRtCreateOptions, int, (LiteRtOptions *))                                                                    \
  X(LiteRtDestroyOptions, void, (LiteRtOptions))                                                                    \
  X(LiteRtSetOptionsHardwareAccelerators, int, (LiteRtOptions, int accelerators))                                   \
  X(LiteRtCreateOpaqueOptions, int,                                                                                 \
    (const char *name, void *toml, void (*release)(void *), LiteRtOpaqueOptions *))                                 \
  X(LiteRtAddOpaqueOptions, int, (LiteRtOptions, LiteRtOpaqueOptions))                                              \
  X(LiteRtCreateCompiledModel, int, (LiteRtEnvironment, LiteRtModel, LiteRtOptions, LiteRtCompiledModel *))         \
  X(LiteRtDestroyCompiledModel, void, (LiteRtCompiledModel))                                                        \
  X(LiteRtCompiledModelGetProfiler, int, (LiteRtCompiledModel, LiteRtProfiler *))                                   \
  X(LiteRtStartProfiler, int, (LiteRtProfiler))                                                                     \
  X(LiteRtStopProfiler, int, (LiteRtProfiler))                                                                      \
  X(LiteRtResetProfiler, int, (LiteRtProfiler))                                                                     \
  X(LiteRtGetNumProfilerEvents, int, (LiteRtProfiler, int *))                                                       \
  X(LiteRtGetProfilerEvents, int, (LiteRtProfiler, int count, struct litert_event *))                               \
  X(LiteRtGetModelSignature, int, (LiteRtModel, size_t index, LiteRtSignature *))                                   \
  X(LiteRtGetNumSignatureInputs, int, (LiteRtSignature, size_t *))                                                  \
  X(LiteRtGetNumSignatureOutputs, int, (LiteRtSignature, size_t *))                                                 \
  X(LiteRtGetSignatureInputTensorByIndex, int, (LiteRtSignature, size_t index, LiteRtTensor *))                     \
  X(LiteRtGetSignatureOutputTensorByIndex, int, (LiteRtSignature, size_t index, LiteRtTensor *))                    \
  X(LiteRtGetTensorName, int, (LiteRtTensor, const char **))                                                        \
  X(LiteRtGetRankedTensorType, int, (LiteRtTensor, struct litert_type *))                                           \
  X(LiteRtGetCompiledModelInputBufferRequirements, int,                                                             \
    (LiteRtCompiledModel, size_t signature, size_t index, LiteRtTensorBufferRequirements *))                        \
  X(LiteRtGetCompiledModelOutputBufferRequirements, int,                                                            \
    (LiteRtCompiledModel, size_t signature, size_t index, LiteRtTensorBufferRequirements *))                        \
  X(LiteRtCreateManagedTensorBufferFromRequirements, int,                                                           \
    (LiteRtEnvironment, const struct litert_type *, LiteRtTensorBufferRequirements, LiteRtTensorBuffer *))          \
  X(LiteRtDestroyTensorBuffer, void, (LiteRtTensorBuffer))                                                          \
  X(LiteRtGetTensorBufferPackedSize, int, (LiteRtTensorBuffer, size_t *))                                           \
  X(LiteRtLockTensorBuffer, int, (LiteRtTensorBuffer, void **data, int mode))                                       \
  X(LiteRtUnlockTensorBuffer, int, (LiteRtTensorBuffer))                                                            \
  X(LiteRtRunCompiledModel, int,                                                                                    \
    (LiteRtCompiledModel, size_t signature, size_t inputs, LiteRtTensorBuffer *, size_t outputs, LiteRtTensorBuffer *))

#endif
