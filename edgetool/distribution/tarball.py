"""Write ONNX Runtime as a tarball laid out like its makers'."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

from edgetool.distribution.members import Member, moved, write_tar
from edgetool.distribution.release import HOMEPAGE, Release
from edgetool.platform.files import staged_file

SONAME = "libonnxruntime.so.1"
# What ORT's own installation has, in one folder; the tarballs keep two of them in theirs.
HEADERS = (
    "core/framework/provider_options.h",
    "core/providers/cpu/cpu_provider_factory.h",
    "core/session/onnxruntime_*.h",
)
NESTED_HEADERS = ("core/providers/custom_op_context.h", "core/providers/resource.h")
CMAKE = "lib/cmake/onnxruntime"
TEXTS = {"LICENSE": "LICENSE", "ThirdPartyNotices.txt": "ThirdPartyNotices.txt", "docs/Privacy.md": "Privacy.md"}

PKG_CONFIG = """\
prefix={prefix}
libdir=${{prefix}}/lib
includedir=${{prefix}}/include

Name: onnxruntime
Description: ONNX Runtime, built by edgetool
URL: {homepage}
Version: {version}
Libs: -L${{libdir}} -lonnxruntime
Cflags: -I${{includedir}}
"""
CONFIG = """\
# find_package(onnxruntime) gives the target onnxruntime::onnxruntime.
get_filename_component(_onnxruntime "${{CMAKE_CURRENT_LIST_DIR}}/../../.." ABSOLUTE)
if(NOT TARGET onnxruntime::onnxruntime)
  add_library(onnxruntime::onnxruntime SHARED IMPORTED)
  set_target_properties(onnxruntime::onnxruntime PROPERTIES
    IMPORTED_LOCATION "${{_onnxruntime}}/lib/libonnxruntime.so.{version}"
    IMPORTED_SONAME "{soname}"
    INTERFACE_INCLUDE_DIRECTORIES "${{_onnxruntime}}/include"
  )
endif()
unset(_onnxruntime)
"""
CONFIG_VERSION = """\
set(PACKAGE_VERSION "{version}")
if(PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION OR NOT PACKAGE_FIND_VERSION_MAJOR STREQUAL "{major}")
  set(PACKAGE_VERSION_COMPATIBLE FALSE)
else()
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
  if(PACKAGE_FIND_VERSION STREQUAL PACKAGE_VERSION)
    set(PACKAGE_VERSION_EXACT TRUE)
  endif()
endif()
"""


def write_tarball(release: Release, folder: Path) -> Path:
    """Write `onnxruntime-linux-<processor>-<version>.tgz` and return its path."""
    name = f"onnxruntime-linux-{release.processor}-{release.version}"
    path = folder / f"{name}.tgz"
    with (
        staged_file(path) as beside,
        beside.open("wb") as file,
        gzip.GzipFile("", "wb", 9, file, mtime=0) as stream,
    ):
        write_tar(stream, moved(runtime_tree(release), name))
    return path


def runtime_tree(release: Release) -> tuple[Member, ...]:
    """Return the tarball's files without its top folder."""
    return (
        *_headers(release.tree.onnxruntime / "include" / "onnxruntime"),
        *_libraries(release),
        Member(path="lib/pkgconfig/libonnxruntime.pc", content=pkg_config(release, "${pcfiledir}/../..")),
        *_cmake(release),
        *(Member(path=to, content=release.tree.onnxruntime / name) for name, to in TEXTS.items()),
        Member(path="VERSION_NUMBER", content=f"{release.runtime.build.version}\n".encode()),
        Member(path="README.md", content=release.readme().encode()),
        *release.notices(),
        *release.records(),
    )


def pkg_config(release: Release, prefix: str) -> bytes:
    """Return the .pc file of a library installed in `prefix`."""
    return PKG_CONFIG.format(prefix=prefix, homepage=HOMEPAGE, version=release.runtime.build.version).encode()


def _headers(root: Path) -> Iterator[Member]:
    for pattern in HEADERS:
        for path in sorted(root.glob(pattern)):
            yield Member(path=f"include/{path.name}", content=path)
    for name in NESTED_HEADERS:
        yield Member(path=f"include/{name}", content=root / name)


def _libraries(release: Release) -> Iterator[Member]:
    name = release.library.name
    yield Member(path=f"lib/{name}", content=release.library)
    yield Member(path=f"lib/{SONAME}", link=name)
    yield Member(path="lib/libonnxruntime.so", link=SONAME)


def _cmake(release: Release) -> Iterator[Member]:
    version = release.runtime.build.version
    config = CONFIG.format(version=version, soname=SONAME)
    yield Member(path=f"{CMAKE}/onnxruntimeConfig.cmake", content=config.encode())
    config_version = CONFIG_VERSION.format(version=version, major=version.partition(".")[0])
    yield Member(path=f"{CMAKE}/onnxruntimeConfigVersion.cmake", content=config_version.encode())
