# A build for given models, as small as it gets. $EDGETOOL_REDUCED holds headers that register the schemas of these
# models' operators only; they go before onnx's and ORT's own. What computes is compiled for speed, all else for size.
set(edgetool_reduced "$ENV{EDGETOOL_REDUCED}")

function(edgetool_reduce)
  foreach(target IN ITEMS onnx onnxruntime_graph onnxruntime_session)
    target_include_directories(${target} BEFORE PRIVATE "${edgetool_reduced}")
  endforeach()
  foreach(target IN ITEMS onnxruntime_mlas onnxruntime_providers)
    target_compile_options(${target} PRIVATE -O3)
  endforeach()
endfunction()

if(NOT edgetool_reduced STREQUAL "")
  cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL edgetool_reduce)
endif()
