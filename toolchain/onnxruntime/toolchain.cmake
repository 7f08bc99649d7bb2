# CMake's toolchain file for every triple: all that differs comes from the environment, which edgetool sets from
# toolchain/<triple>.toml. CMake reads this file again for each of its probes, in the same environment.
foreach(variable IN ITEMS EDGETOOL_PROCESSOR EDGETOOL_CC EDGETOOL_CXX EDGETOOL_AR EDGETOOL_RANLIB)
  if("$ENV{${variable}}" STREQUAL "")
    message(FATAL_ERROR "${variable} is not set: this file is meant to be used by `edgetool runtime build`")
  endif()
endforeach()

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR "$ENV{EDGETOOL_PROCESSOR}")
set(CMAKE_C_COMPILER "$ENV{EDGETOOL_CC}")
set(CMAKE_CXX_COMPILER "$ENV{EDGETOOL_CXX}")
set(CMAKE_ASM_COMPILER "$ENV{EDGETOOL_CC}")
set(CMAKE_AR "$ENV{EDGETOOL_AR}")
set(CMAKE_RANLIB "$ENV{EDGETOOL_RANLIB}")
set(CMAKE_C_FLAGS_INIT "$ENV{EDGETOOL_CFLAGS}")
set(CMAKE_CXX_FLAGS_INIT "$ENV{EDGETOOL_CFLAGS}")
set(CMAKE_ASM_FLAGS_INIT "$ENV{EDGETOOL_CFLAGS}")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "$ENV{EDGETOOL_LDFLAGS}")

# Nothing of the building machine gets into the library: no package, header or library of its own is looked for.
set(CMAKE_FIND_ROOT_PATH "$ENV{EDGETOOL_SOURCES}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
