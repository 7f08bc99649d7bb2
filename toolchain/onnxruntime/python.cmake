# ONNX Runtime's Python extension as targets beside the library, one for each Python in $EDGETOOL_PYTHONS, a list: its own
# onnxruntime_ENABLE_PYTHON would look for a Python that runs on the building machine, and compile a good deal anew. The
# headers of Python, pybind11 and NumPy are in one folder for each version.
set(edgetool_versions $ENV{EDGETOOL_PYTHONS})

function(edgetool_add_python)
  if(NOT TARGET onnxruntime_session)
    return()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS "${ONNXRUNTIME_ROOT}/python/*.cc")
  foreach(version IN LISTS edgetool_versions)
    set(target "onnxruntime_pybind11_state-${version}")
    # pybind11 needs RTTI, which the library is built without. The extension derives one class from one of the library's:
    # compiled once more, that has a typeinfo, too.
    onnxruntime_add_shared_library_module(${target} EXCLUDE_FROM_ALL ${sources}
      "${ONNXRUNTIME_ROOT}/core/common/logging/sinks/ostream_sink.cc"
    )
    target_include_directories(${target} PRIVATE "${ONNXRUNTIME_ROOT}")
    target_include_directories(${target} SYSTEM PRIVATE "${CMAKE_BINARY_DIR}/../python/${version}")
    target_compile_options(${target} PRIVATE -fvisibility=hidden -frtti -w)
    # As for the library's own: what the extension takes of ORT is what the library is made of.
    separate_arguments(flags UNIX_COMMAND "$ENV{EDGETOOL_LDFLAGS}")
    target_link_options(${target} PRIVATE ${flags}
      "LINKER:--version-script=${ONNXRUNTIME_ROOT}/python/version_script.lds"
      "LINKER:--gc-sections" "LINKER:-rpath=\$ORIGIN"
    )
    target_link_libraries(${target} PRIVATE ${onnxruntime_INTERNAL_LIBRARIES} ${onnxruntime_EXTERNAL_LIBRARIES})
    set_target_properties(${target} PROPERTIES PREFIX "" SUFFIX ".so" UNITY_BUILD OFF)
  endforeach()
endfunction()

cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL edgetool_add_python)
