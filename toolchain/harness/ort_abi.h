/* The part of ONNX Runtime's C ABI that the harness calls.
 *
 * OrtApi is a table of function pointers to which releases only append, so a position is valid in every runtime since
 * the release that introduced it. The positions are those of onnxruntime_c_api.h (API version 21); a test compares
 * them with that header. Declaring them here lets one binary drive any runtime that it can dlopen. */
#ifndef EDGETOOL_ORT_ABI_H
#define EDGETOOL_ORT_ABI_H

#include <stddef.h>
#include <stdint.h>

typedef struct OrtStatus OrtStatus; /* NULL means success */
typedef struct OrtEnv OrtEnv;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtValue OrtValue;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtAllocator OrtAllocator;
typedef struct OrtTypeInfo OrtTypeInfo;
typedef struct OrtTensorInfo OrtTensorInfo; /* OrtTensorTypeAndShapeInfo */

typedef void (*ort_function)(void);

typedef struct {
  const ort_function *(*GetApi)(uint32_t version);
  const char *(*GetVersionString)(void);
} OrtApiBase;

enum {
  ORT_OLDEST_API_VERSION = 11, /* GetApi(11) works in every release since 1.11 */
  ORT_BUILD_INFO_API_VERSION = 15,
  ORT_LOG_ERROR = 3,
  ORT_OPTIMIZE_ALL = 99,
  ORT_ARENA_ALLOCATOR = 1,
  ORT_MEMORY_DEFAULT = 0,
  ORT_TYPE_TENSOR = 1,
};

/* X(position, name, result, parameters) */
#define ORT_FUNCTIONS(X)                                                                                            \
  X(2, GetErrorMessage, const char *, (const OrtStatus *))                                                          \
  X(3, CreateEnv, OrtStatus *, (int severity, const char *id, OrtEnv **))                                           \
  X(7, CreateSession, OrtStatus *, (const OrtEnv *, const char *path, const OrtSessionOptions *, OrtSession **))    \
  X(9, Run, OrtStatus *,                                                                                            \
    (OrtSession *, const OrtRunOptions *, const char *const *input_names, const OrtValue *const *inputs,            \
     size_t input_count, const char *const *output_names, size_t output_count, OrtValue **outputs))                 \
  X(10, CreateSessionOptions, OrtStatus *, (OrtSessionOptions **))                                                  \
  X(11, SetOptimizedModelFilePath, OrtStatus *, (OrtSessionOptions *, const char *path))                            \
  X(14, EnableProfiling, OrtStatus *, (OrtSessionOptions *, const char *prefix))                                    \
  X(23, SetSessionGraphOptimizationLevel, OrtStatus *, (OrtSessionOptions *, int level))                            \
  X(24, SetIntraOpNumThreads, OrtStatus *, (OrtSessionOptions *, int threads))                                      \
  X(25, SetInterOpNumThreads, OrtStatus *, (OrtSessionOptions *, int threads))                                      \
  X(30, SessionGetInputCount, OrtStatus *, (const OrtSession *, size_t *))                                          \
  X(31, SessionGetOutputCount, OrtStatus *, (const OrtSession *, size_t *))                                         \
  X(33, SessionGetInputTypeInfo, OrtStatus *, (const OrtSession *, size_t index, OrtTypeInfo **))                   \
  X(36, SessionGetInputName, OrtStatus *, (const OrtSession *, size_t index, OrtAllocator *, char **))              \
  X(37, SessionGetOutputName, OrtStatus *, (const OrtSession *, size_t index, OrtAllocator *, char **))             \
  X(49, CreateTensorWithDataAsOrtValue, OrtStatus *,                                                                \
    (const OrtMemoryInfo *, void *data, size_t bytes, const int64_t *shape, size_t rank, int type, OrtValue **))    \
  X(51, GetTensorMutableData, OrtStatus *, (OrtValue *, void **))                                                   \
  X(55, CastTypeInfoToTensorInfo, OrtStatus *, (const OrtTypeInfo *, const OrtTensorInfo **))                       \
  X(56, GetOnnxTypeFromTypeInfo, OrtStatus *, (const OrtTypeInfo *, int *))                                         \
  X(60, GetTensorElementType, OrtStatus *, (const OrtTensorInfo *, int *))                                          \
  X(61, GetDimensionsCount, OrtStatus *, (const OrtTensorInfo *, size_t *))                                         \
  X(62, GetDimensions, OrtStatus *, (const OrtTensorInfo *, int64_t *, size_t))                                     \
  X(65, GetTensorTypeAndShape, OrtStatus *, (const OrtValue *, OrtTensorInfo **))                                   \
  X(69, CreateCpuMemoryInfo, OrtStatus *, (int allocator, int memory, OrtMemoryInfo **))                            \
  X(76, AllocatorFree, OrtStatus *, (OrtAllocator *, void *))                                                       \
  X(78, GetAllocatorWithDefaultOptions, OrtStatus *, (OrtAllocator **))                                             \
  X(92, ReleaseEnv, void, (OrtEnv *))                                                                               \
  X(93, ReleaseStatus, void, (OrtStatus *))                                                                         \
  X(94, ReleaseMemoryInfo, void, (OrtMemoryInfo *))                                                                 \
  X(95, ReleaseSession, void, (OrtSession *))                                                                       \
  X(96, ReleaseValue, void, (OrtValue *))                                                                           \
  X(98, ReleaseTypeInfo, void, (OrtTypeInfo *))                                                                     \
  X(99, ReleaseTensorTypeAndShapeInfo, void, (OrtTensorInfo *))                                                     \
  X(100, ReleaseSessionOptions, void, (OrtSessionOptions *))                                                        \
  X(110, SessionEndProfiling, OrtStatus *, (OrtSession *, OrtAllocator *, char **path))                             \
  X(130, AddSessionConfigEntry, OrtStatus *, (OrtSessionOptions *, const char *key, const char *value))

/* Present from API version 15. */
enum { ORT_GET_BUILD_INFO_STRING = 254 };

#endif
