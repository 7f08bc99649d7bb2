# ORT's own unit tests of MLAS as a target of every configuration, built only when it is asked for: its
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
  file(GLOB sources CONFIGURE_DEPENDS "${ONNXRUNTIME_ROOT}/test/mlas/unittest/*.cpp")
  onnxruntime_add_executable(onnxruntime_mlas_test EXCLUDE_FROM_ALL ${sources})
  target_include_directories(onnxruntime_mlas_test PRIVATE
    "${ONNXRUNTIME_ROOT}/core/mlas/inc" "${ONNXRUNTIME_ROOT}" "${CMAKE_CURRENT_BINARY_DIR}"
  )
  target_link_libraries(onnxruntime_mlas_test PRIVATE
    edgetool_googletest ${ONNXRUNTIME_MLAS_LIBS} onnxruntime_common Threads::Threads ${CMAKE_DL_LIBS}
  )
  target_link_options(onnxruntime_mlas_test PRIVATE -s)
endfunction()

cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL edgetool_add_unit_tests)
