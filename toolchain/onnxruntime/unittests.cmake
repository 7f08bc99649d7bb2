# ORT's own unit tests as targets of every configuration, built only when they are asked for: its
# onnxruntime_BUILD_UNIT_TESTS would configure, and so compile, a good deal anew.
function(edgetool_add_unit_tests)
  if(TARGET onnxruntime_mlas_test OR NOT TARGET onnxruntime_mlas)
    return()
  endif()
  set(googletest "$ENV{EDGETOOL_SOURCES}/googletest/usr/src/googletest")
  add_library(edgetool_googletest STATIC EXCLUDE_FROM_ALL
    "${googletest}/googletest/src/gtest-all.cc"
    "${googletest}/googlemock/src/gmock-all.cc"
  )
  target_include_directories(edgetool_googletest SYSTEM
    PUBLIC "${googletest}/googletest/include" "${googletest}/googlemock/include"
    PRIVATE "${googletest}/googletest" "${googletest}/googlemock"
  )
  edgetool_add_mlas_test("${ONNXRUNTIME_ROOT}/test")
  edgetool_add_provider_test("${ONNXRUNTIME_ROOT}/test")
endfunction()

function(edgetool_add_mlas_test tests)
  file(GLOB sources CONFIGURE_DEPENDS "${tests}/mlas/unittest/*.cpp")
  onnxruntime_add_executable(onnxruntime_mlas_test EXCLUDE_FROM_ALL ${sources})
  target_include_directories(onnxruntime_mlas_test PRIVATE
    "${ONNXRUNTIME_ROOT}/core/mlas/inc" "${ONNXRUNTIME_ROOT}" "${CMAKE_CURRENT_BINARY_DIR}"
  )
  target_link_libraries(onnxruntime_mlas_test PRIVATE
    edgetool_googletest ${ONNXRUNTIME_MLAS_LIBS} onnxruntime_common Threads::Threads ${CMAKE_DL_LIBS}
  )
  target_link_options(onnxruntime_mlas_test PRIVATE -s)
endfunction()

# The CPU provider's part of ORT's onnxruntime_test_all, and what it has on the transformations that choose our kernels.
function(edgetool_add_provider_test tests)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${tests}/providers/cpu/*.cc")
  # The one wants models that have to be downloaded, the other an OrtDevice::CPU that ORT declares and does not define.
  list(FILTER sources EXCLUDE REGEX "/(model_tests|cpu_execution_provider_test)\\.cc$")
  # All of them patterns: a tree of the user's may lack some, and must still configure.
  file(GLOB more CONFIGURE_DEPENDS
    "${tests}/contrib_ops/dynamic_quantize_matmul_test.cc"
    "${tests}/contrib_ops/fused_conv_test.cc"
    "${tests}/contrib_ops/matmul_integer_to_float_test.cc"
    "${tests}/contrib_ops/nhwc_*.cc"
    "${tests}/contrib_ops/qlinear_*.cc"
    "${tests}/contrib_ops/quantize_ops_test.cc"
    "${tests}/optimizer/nchwc_optimizer_test.cc"
    "${tests}/optimizer/nhwc_transformer_test.cc"
    "${tests}/optimizer/qdq_transformer_test.cc"
    # What they are written with.
    "${tests}/common/*_op_test_utils.cc"
    "${tests}/framework/TestAllocatorManager.cc"
    "${tests}/framework/dummy_allocator.cc"
    "${tests}/framework/test_utils.cc"
    "${tests}/optimizer/graph_transform_test_builder.cc"
    "${tests}/optimizer/qdq_test_utils.cc"
    "${tests}/providers/base_tester.cc"
    "${tests}/providers/checkers.cc"
    "${tests}/providers/compare_provider_test_utils.cc"
    "${tests}/providers/kernel_compute_test_utils.cc"
    "${tests}/providers/op_tester.cc"
    "${tests}/unittest_main/test_main.cc"
    "${tests}/util/*.cc"
  )
  edgetool_expect_own_random_numbers(sources "${tests}/providers/cpu/generator/random_test.cc")
  onnxruntime_add_executable(onnxruntime_provider_test EXCLUDE_FROM_ALL ${sources} ${more})
  target_include_directories(onnxruntime_provider_test PRIVATE
    "${tests}/util/include" "${ONNXRUNTIME_ROOT}" "${ONNXRUNTIME_ROOT}/core/flatbuffers/schema"
  )
  # These need not be fast: what they test is compiled as ever.
  target_compile_options(onnxruntime_provider_test PRIVATE -O1 -w)
  target_link_libraries(onnxruntime_provider_test PRIVATE
    edgetool_googletest ${onnxruntime_INTERNAL_LIBRARIES} ${onnxruntime_EXTERNAL_LIBRARIES}
  )
  target_link_options(onnxruntime_provider_test PRIVATE -s)
endfunction()

# What std::default_random_engine draws is the C++ library's choice. The test knows what LLVM's and GNU's draw, and takes
# GNU's for every Linux: a copy of it asks for the library.
function(edgetool_expect_own_random_numbers listed test)
  if(NOT EXISTS "${test}")
    return()
  endif()
  file(READ "${test}" text)
  string(REPLACE "defined(__FreeBSD__)" "defined(_LIBCPP_VERSION)" text "${text}")
  file(CONFIGURE OUTPUT random_test.cc CONTENT "${text}" @ONLY)
  list(FILTER ${listed} EXCLUDE REGEX "/generator/random_test\\.cc$")
  set(${listed} ${${listed}} "${CMAKE_CURRENT_BINARY_DIR}/random_test.cc" PARENT_SCOPE)
endfunction()

cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL edgetool_add_unit_tests)
