# Compiles the files of ORT's large targets by the dozen, as most of their time goes into the headers that they share:
# a file of the optimizer takes 11.6 s of processor time alone, twelve in one take 14 s. The graph's and ONNX's own
# files define one template anew in each and can't be together.
set(edgetool_unity onnxruntime_framework onnxruntime_optimizer onnxruntime_providers onnxruntime_session)

# Files that define what another one defines, or specialize a template that another one has used.
set(edgetool_single
  contrib_ops/cpu/attnlstm/deep_cpu_attn_lstm.cc
  contrib_ops/cpu/cpu_contrib_kernels.cc
  contrib_ops/cpu/quantization/dynamic_quantize_matmul.cc
  contrib_ops/cpu/quantization/quant_gemm.cc
  contrib_ops/cpu/transformers/greedy_search_parameters.cc
  core/optimizer/conv_add_act_fusion.cc
  core/optimizer/gelu_approximation.cc
  core/optimizer/gelu_fusion.cc
  core/providers/cpu/quantization/matmul_integer.cc
  core/providers/cpu/tensor/eye_like.cc
)

function(edgetool_unite)
  foreach(target IN LISTS edgetool_unity)
    if(TARGET ${target})
      set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
    endif()
  endforeach()
  list(TRANSFORM edgetool_single PREPEND "${PROJECT_SOURCE_DIR}/../onnxruntime/" OUTPUT_VARIABLE single)
  foreach(file IN LISTS single)
    get_filename_component(file "${file}" REALPATH)
    set_source_files_properties("${file}" TARGET_DIRECTORY onnxruntime_optimizer onnxruntime_providers
      PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endforeach()
endfunction()

cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL edgetool_unite)
