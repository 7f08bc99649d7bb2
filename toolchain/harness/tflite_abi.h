/* The part of TensorFlow Lite's C API that the harness calls, declared as in c_api.h of release 2.14. A test compares
 * them. */
#ifndef EDGETOOL_TFLITE_ABI_H
#define EDGETOOL_TFLITE_ABI_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

typedef struct TfLiteModel TfLiteModel;
typedef struct TfLiteInterpreter TfLiteInterpreter;
typedef struct TfLiteInterpreterOptions TfLiteInterpreterOptions;
typedef struct TfLiteTensor TfLiteTensor;

typedef void (*tflite_reporter)(void *data, const char *format, va_list words);

enum { TFLITE_OK = 0 };

/* TfLiteTelemetryProfilerStruct of profiling/telemetry/c/profiler.h, of the experimental API, which not every library
 * has. All functions are called; indexes are those of the operator and its subgraph. */
typedef struct tflite_profiler {
  void *data;
  void (*report_event)(struct tflite_profiler *, const char *name, uint64_t status);
  void (*report_operator_event)(struct tflite_profiler *, const char *name, int64_t, int64_t, uint64_t status);
  void (*report_settings)(struct tflite_profiler *, const char *name, const void *settings);
  uint32_t (*begin_operator)(struct tflite_profiler *, const char *name, int64_t index, int64_t subgraph);
  void (*end_operator)(struct tflite_profiler *, uint32_t handle);
  void (*report_operator)(struct tflite_profiler *, const char *name, uint64_t elapsed_us, int64_t, int64_t);
} tflite_profiler;

/* X(name, result, parameters). Enumerations are passed as int. */
#define TFLITE_FUNCTIONS(X)                                                                                   \
  X(TfLiteVersion, const char *, (void))                                                                      \
  X(TfLiteModelCreateFromFileWithErrorReporter, TfLiteModel *, (const char *path, tflite_reporter, void *))   \
  X(TfLiteModelDelete, void, (TfLiteModel *))                                                                 \
  X(TfLiteInterpreterOptionsCreate, TfLiteInterpreterOptions *, (void))                                       \
  X(TfLiteInterpreterOptionsDelete, void, (TfLiteInterpreterOptions *))                                       \
  X(TfLiteInterpreterOptionsSetNumThreads, void, (TfLiteInterpreterOptions *, int32_t))                       \
  X(TfLiteInterpreterOptionsSetErrorReporter, void, (TfLiteInterpreterOptions *, tflite_reporter, void *))    \
  X(TfLiteInterpreterCreate, TfLiteInterpreter *, (const TfLiteModel *, const TfLiteInterpreterOptions *))    \
  X(TfLiteInterpreterDelete, void, (TfLiteInterpreter *))                                                     \
  X(TfLiteInterpreterAllocateTensors, int, (TfLiteInterpreter *))                                             \
  X(TfLiteInterpreterGetInputTensorCount, int32_t, (const TfLiteInterpreter *))                               \
  X(TfLiteInterpreterGetInputTensor, TfLiteTensor *, (const TfLiteInterpreter *, int32_t index))              \
  X(TfLiteInterpreterInvoke, int, (TfLiteInterpreter *))                                                      \
  X(TfLiteInterpreterGetOutputTensorCount, int32_t, (const TfLiteInterpreter *))                              \
  X(TfLiteInterpreterGetOutputTensor, const TfLiteTensor *, (const TfLiteInterpreter *, int32_t index))       \
  X(TfLiteTensorType, int, (const TfLiteTensor *))                                                            \
  X(TfLiteTensorNumDims, int32_t, (const TfLiteTensor *))                                                     \
  X(TfLiteTensorDim, int32_t, (const TfLiteTensor *, int32_t index))                                          \
  X(TfLiteTensorByteSize, size_t, (const TfLiteTensor *))                                                     \
  X(TfLiteTensorData, void *, (const TfLiteTensor *))                                                         \
  X(TfLiteTensorName, const char *, (const TfLiteTensor *))                                                   \
  X(TfLiteTensorCopyFromBuffer, int, (TfLiteTensor *, const void *data, size_t bytes))

#endif
