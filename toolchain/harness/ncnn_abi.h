/* The part of ncnn's C API that the harness calls, declared as in c_api.h of release 1.0.20261020. A test compares
 * them. */
#ifndef EDGETOOL_NCNN_ABI_H
#define EDGETOOL_NCNN_ABI_H

#include <stddef.h>
#include <stdio.h>

typedef struct __ncnn_allocator_t *ncnn_allocator_t;
typedef struct __ncnn_option_t *ncnn_option_t;
typedef struct __ncnn_mat_t *ncnn_mat_t;
typedef struct __ncnn_net_t *ncnn_net_t;
typedef struct __ncnn_datareader_t *ncnn_datareader_t;
typedef struct __ncnn_extractor_t *ncnn_extractor_t;

/* X(name, result, parameters) */
#define NCNN_FUNCTIONS(X)                                                              \
  X(ncnn_version, const char *, (void))                                                \
  X(ncnn_option_create, ncnn_option_t, (void))                                         \
  X(ncnn_option_destroy, void, (ncnn_option_t))                                        \
  X(ncnn_option_set_num_threads, void, (ncnn_option_t, int))                           \
  X(ncnn_option_set_use_fp16_packed, void, (ncnn_option_t, int))                       \
  X(ncnn_option_set_use_fp16_storage, void, (ncnn_option_t, int))                      \
  X(ncnn_option_set_use_fp16_arithmetic, void, (ncnn_option_t, int))                   \
  X(ncnn_option_set_use_bf16_storage, void, (ncnn_option_t, int))                      \
  X(ncnn_option_set_use_local_pool_allocator, void, (ncnn_option_t, int))              \
  X(ncnn_net_create, ncnn_net_t, (void))                                               \
  X(ncnn_net_destroy, void, (ncnn_net_t))                                              \
  X(ncnn_net_set_option, void, (ncnn_net_t, ncnn_option_t))                            \
  X(ncnn_net_load_param, int, (ncnn_net_t, const char *path))                          \
  X(ncnn_net_load_model_datareader, int, (ncnn_net_t, const ncnn_datareader_t))        \
  X(ncnn_datareader_create_from_stdio, ncnn_datareader_t, (FILE *))                    \
  X(ncnn_datareader_destroy, void, (ncnn_datareader_t))                                \
  X(ncnn_net_get_input_count, int, (const ncnn_net_t))                                 \
  X(ncnn_net_get_output_count, int, (const ncnn_net_t))                                \
  X(ncnn_net_get_input_name, const char *, (const ncnn_net_t, int))                    \
  X(ncnn_net_get_output_name, const char *, (const ncnn_net_t, int))                   \
  X(ncnn_net_get_input_index, int, (const ncnn_net_t, int))                            \
  X(ncnn_net_get_output_index, int, (const ncnn_net_t, int))                           \
  X(ncnn_extractor_create, ncnn_extractor_t, (ncnn_net_t))                             \
  X(ncnn_extractor_destroy, void, (ncnn_extractor_t))                                  \
  X(ncnn_extractor_input_index, int, (ncnn_extractor_t, int index, const ncnn_mat_t))  \
  X(ncnn_extractor_extract_index, int, (ncnn_extractor_t, int index, ncnn_mat_t *))    \
  X(ncnn_mat_create, ncnn_mat_t, (void))                                               \
  X(ncnn_mat_create_1d, ncnn_mat_t, (int w, ncnn_allocator_t))                         \
  X(ncnn_mat_create_2d, ncnn_mat_t, (int w, int h, ncnn_allocator_t))                  \
  X(ncnn_mat_create_3d, ncnn_mat_t, (int w, int h, int c, ncnn_allocator_t))           \
  X(ncnn_mat_create_4d, ncnn_mat_t, (int w, int h, int d, int c, ncnn_allocator_t))    \
  X(ncnn_mat_destroy, void, (ncnn_mat_t))                                              \
  X(ncnn_mat_get_dims, int, (const ncnn_mat_t))                                        \
  X(ncnn_mat_get_w, int, (const ncnn_mat_t))                                           \
  X(ncnn_mat_get_h, int, (const ncnn_mat_t))                                           \
  X(ncnn_mat_get_d, int, (const ncnn_mat_t))                                           \
  X(ncnn_mat_get_c, int, (const ncnn_mat_t))                                           \
  X(ncnn_mat_get_elemsize, size_t, (const ncnn_mat_t))                                 \
  X(ncnn_mat_get_elempack, int, (const ncnn_mat_t))                                    \
  X(ncnn_mat_get_data, void *, (const ncnn_mat_t))                                     \
  X(ncnn_mat_get_channel_data, void *, (const ncnn_mat_t, int c))

#endif
