#include "runtime.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *runtime_open(struct runtime *runtime, const char *path) {
  static char reason[512];
  /* Releases from 1.29 on report the process to their makers, from threads of their own and with files in the user's
   * home: nothing that belongs into a measurement, or happens unasked. */
  setenv("ORT_DISABLE_TELEMETRY", "1", 1);
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    return dlerror();
  }
  const OrtApiBase *(*get_base)(void);
  void *symbol = dlsym(library, "OrtGetApiBase");
  if (symbol == NULL) {
    snprintf(reason, sizeof reason, "%s does not export OrtGetApiBase", path);
    return reason;
  }
  memcpy(&get_base, &symbol, sizeof get_base); /* ISO C has no cast from object to function pointer */
  const OrtApiBase *base = get_base();
  const ort_function *api = base->GetApi(ORT_OLDEST_API_VERSION);
  if (api == NULL) {
    snprintf(reason, sizeof reason, "ONNX Runtime %s is older than 1.%d", base->GetVersionString(),
             ORT_OLDEST_API_VERSION);
    return reason;
  }
#define BIND_FUNCTION(position, name, result, parameters) runtime->name = (result(*) parameters)api[position];
  ORT_FUNCTIONS(BIND_FUNCTION)

  /* A release "1.N" offers API versions up to N and complains on stderr about a newer one: read N, don't probe. */
  runtime->version = base->GetVersionString();
  unsigned int minor = ORT_OLDEST_API_VERSION;
  if (sscanf(runtime->version, "1.%u", &minor) != 1 || minor < ORT_OLDEST_API_VERSION) {
    minor = ORT_OLDEST_API_VERSION;
  }
  runtime->api_version = minor;
  runtime->build_info = NULL;
  if (minor >= ORT_BUILD_INFO_API_VERSION) {
    const char *(*get_build_info)(void) = (const char *(*)(void))api[ORT_GET_BUILD_INFO_STRING];
    runtime->build_info = get_build_info();
  }
  runtime->get_kernels = NULL;
  void *kernels = dlsym(library, "EdgetoolKernels"); /* in the runtimes that edgetool builds */
  if (kernels != NULL) {
    memcpy(&runtime->get_kernels, &kernels, sizeof runtime->get_kernels);
  }
  return NULL;
}
