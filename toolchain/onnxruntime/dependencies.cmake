# Answers ONNX Runtime's FetchContent names from $EDGETOOL_SOURCES, a folder for each name; nothing is downloaded and
# nothing installed on the building machine is looked for.
include(FetchContent)

file(TO_CMAKE_PATH "$ENV{EDGETOOL_SOURCES}" edgetool_sources)
if(NOT IS_DIRECTORY "${edgetool_sources}")
  message(FATAL_ERROR "EDGETOOL_SOURCES is not a folder: this file is meant to be used by `edgetool runtime build`")
endif()

set(FETCHCONTENT_FULLY_DISCONNECTED ON CACHE BOOL "" FORCE)
set(FETCHCONTENT_TRY_FIND_PACKAGE_MODE NEVER CACHE STRING "" FORCE)

# Built by their own CMakeLists.
foreach(name IN ITEMS abseil_cpp date eigen flatbuffers nlohmann_json onnx protobuf re2)
  string(TOUPPER "${name}" upper)
  set(FETCHCONTENT_SOURCE_DIR_${upper} "${edgetool_sources}/${name}" CACHE PATH "" FORCE)
endforeach()
set(FETCHCONTENT_SOURCE_DIR_GOOGLETEST "${edgetool_sources}/googletest/usr/src/googletest" CACHE PATH "" FORCE)

# It would run on the target, and what it makes is in ORT's sources.
set(FLATBUFFERS_BUILD_FLATC OFF CACHE BOOL "" FORCE)

# Looked for by its header, before FetchContent is asked.
set(safeint_SOURCE_DIR "${edgetool_sources}/safeint/usr/include/safeint" CACHE PATH "" FORCE)

# Header-only, from packages that carry no CMakeLists: a target for each.
function(edgetool_headers target alias folder)
  if(NOT TARGET ${target})
    add_library(${target} INTERFACE IMPORTED GLOBAL)
    target_include_directories(${target} SYSTEM INTERFACE "${edgetool_sources}/${folder}")
  endif()
  if(NOT alias STREQUAL "" AND NOT TARGET ${alias})
    add_library(${alias} ALIAS ${target})
  endif()
endfunction()

macro(edgetool_provide_dependency method name)
  string(TOLOWER "${name}" edgetool_name)
  if(edgetool_name STREQUAL "utf8_range")
    # Protobuf before 22 has none.
    FetchContent_SetPopulated(${name})
  elseif(edgetool_name STREQUAL "mp11")
    edgetool_headers(Boost::headers Boost::mp11 boost/usr/include)
    FetchContent_SetPopulated(${name} SOURCE_DIR "${edgetool_sources}/boost")
  elseif(edgetool_name STREQUAL "gsl")
    edgetool_headers(Microsoft.GSL::GSL "" gsl/usr/include)
    FetchContent_SetPopulated(${name} SOURCE_DIR "${edgetool_sources}/gsl")
  endif()
endmacro()

cmake_language(
  SET_DEPENDENCY_PROVIDER edgetool_provide_dependency
  SUPPORTED_METHODS FETCHCONTENT_MAKEAVAILABLE_SERIAL
)
