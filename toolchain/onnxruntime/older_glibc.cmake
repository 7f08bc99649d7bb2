# A compiler that links with the building machine's glibc, or one as new, would have the library need that. What it takes
# from there and older ones lack, $EDGETOOL_OLDER_GLIBC, a folder, puts into the library itself.
set(edgetool_older_glibc "$ENV{EDGETOOL_OLDER_GLIBC}")

function(edgetool_add_older_glibc)
  file(GLOB sources CONFIGURE_DEPENDS "${edgetool_older_glibc}/*.c")
  target_sources(onnxruntime PRIVATE ${sources})
  set_source_files_properties(${sources} TARGET_DIRECTORY onnxruntime PROPERTIES
    COMPILE_OPTIONS "-Wall;-Wextra;-Werror;-fvisibility=hidden"
  )
endfunction()

if(NOT edgetool_older_glibc STREQUAL "")
  cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL edgetool_add_older_glibc)
endif()
