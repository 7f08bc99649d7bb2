# Compiles $EDGETOOL_KERNELS, a folder of kernels for this processor, into ORT's onnxruntime_mlas. Which of them run is
# decided when the library is loaded.
set(edgetool_kernels "$ENV{EDGETOOL_KERNELS}")

function(edgetool_add_kernels)
  if(edgetool_kernels STREQUAL "" OR NOT TARGET onnxruntime_mlas)
    return()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS "${edgetool_kernels}/*.cpp")
  set(options -Wall -Wextra -Werror -ffp-contract=off)
  target_sources(onnxruntime_mlas PRIVATE ${sources})
  # ORT compiles these for Arm only.
  foreach(file activate_fp16 dwconv pooling_fp16)
    target_sources(onnxruntime_mlas PRIVATE "${PROJECT_SOURCE_DIR}/../onnxruntime/core/mlas/lib/${file}.cpp")
  endforeach()
  set_source_files_properties(${sources} TARGET_DIRECTORY onnxruntime_mlas PROPERTIES
    COMPILE_OPTIONS "${options}"
    INCLUDE_DIRECTORIES "${PROJECT_SOURCE_DIR}/../onnxruntime/core/mlas/lib"
  )
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_SYSTEM_PROCESSOR STREQUAL "riscv64")
    # Clang is told in the source, for each function. What runs on every processor is compiled for it, and the library
    # must not say that every board needs vectors.
    set(vector_sources ${sources})
    list(FILTER vector_sources EXCLUDE REGEX "/(scalar[a-z_]*|detect[a-z_]*|platform|selection)\\.cpp$")
    list(APPEND options -march=rv64gcv -mno-riscv-attribute -Wa,-mno-arch-attr)
    set_source_files_properties(${vector_sources} TARGET_DIRECTORY onnxruntime_mlas PROPERTIES
      COMPILE_OPTIONS "${options}"
    )
    set(half_sources ${sources})
    list(FILTER half_sources INCLUDE REGEX "/half[a-z_]*\\.cpp$")
    list(TRANSFORM options REPLACE "^-march=rv64gcv$" "-march=rv64gcv_zvfh")
    set_source_files_properties(${half_sources} TARGET_DIRECTORY onnxruntime_mlas PROPERTIES
      COMPILE_OPTIONS "${options}"
    )
  endif()
  # What calls memcpy, memmove or memset in this library calls memory.cpp's. There, no loop may become such a call.
  target_link_options(onnxruntime_mlas INTERFACE "LINKER:--wrap=memcpy,--wrap=memmove,--wrap=memset")
  set_property(SOURCE "${edgetool_kernels}/memory.cpp" "${edgetool_kernels}/scalar_memory.cpp"
    TARGET_DIRECTORY onnxruntime_mlas APPEND PROPERTY COMPILE_OPTIONS -fno-builtin -fomit-frame-pointer
  )
  # ORT's list of exported symbols and one more. Zig's linker heeds only the last of several lists.
  configure_file("${edgetool_kernels}/exports.map.in" "${CMAKE_BINARY_DIR}/exports.map" @ONLY)
  get_target_property(link_options onnxruntime LINK_OPTIONS)
  list(FILTER link_options EXCLUDE REGEX "--version-script=")
  list(APPEND link_options "LINKER:--version-script=${CMAKE_BINARY_DIR}/exports.map")
  set_target_properties(onnxruntime PROPERTIES LINK_OPTIONS "${link_options}")
endfunction()

# At the end of ORT's own CMakeLists.txt, when its targets are there.
cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL edgetool_add_kernels)
