"""Licences of the libraries that edgetool packages, found by file name."""

from __future__ import annotations

import re
from collections.abc import Iterable

# TensorFlow Lite's own, and those of XNNPACK, cpuinfo, FarmHash and Eigen, which are inside of the library.
STATIC = "Apache-2.0 AND BSD-3-Clause AND BSD-2-Clause AND MIT AND MPL-2.0"
# File name pattern, project, SPDX expression.
LIBRARIES = (
    (r"libonnxruntime\.so.*", "ONNX Runtime", "MIT"),
    (r"libtensorflowlite_c\.so", "TensorFlow Lite with XNNPACK", STATIC),
    (r"libtensorflow-lite.*\.so.*", "TensorFlow Lite", "Apache-2.0"),
    (r"libLiteRt\.so", "LiteRT", "Apache-2.0"),
    (r"libncnn\.so.*", "ncnn", "BSD-3-Clause"),
    (r"libonnx(_proto)?\.so.*", "ONNX", "Apache-2.0"),
    (r"libabsl_.*", "Abseil", "Apache-2.0"),
    (r"libprotobuf\.so.*", "Protocol Buffers", "BSD-3-Clause"),
    (r"libflatbuffers\.so.*", "FlatBuffers", "Apache-2.0"),
    (r"libre2\.so.*", "RE2", "BSD-3-Clause"),
    (r"libcpuinfo\.so.*", "cpuinfo", "BSD-2-Clause"),
    (r"libpthreadpool\.so.*", "pthreadpool", "BSD-2-Clause"),
    (r"libfarmhash\.so.*", "FarmHash", "MIT"),
    (r"libz\.so.*", "zlib", "Zlib"),
    (r"lib(stdc\+\+|gcc_s|gomp|atomic)\.so.*", "GCC's runtime libraries", "GPL-3.0-or-later WITH GCC-exception-3.1"),
    (r"(ld-linux.*|lib(c|m|dl|pthread|rt|mvec|resolv))\.so\.\d+", "The GNU C Library", "LGPL-2.1-or-later"),
    (r"edgetool-harness", "edgetool", "Apache-2.0"),
)
PLATFORM = ("The GNU C Library", "GCC's runtime libraries")  # provided by the board itself
UNKNOWN = "licence not known to edgetool"


def project_of(file_name: str) -> tuple[str, str]:
    """Return the project and SPDX expression of a library.

    >>> project_of("libncnn.so.1"), project_of("libm.so.6")[0]
    (('ncnn', 'BSD-3-Clause'), 'The GNU C Library')
    """
    for pattern, project, licence in LIBRARIES:
        if re.fullmatch(pattern, file_name):
            return project, licence
    return file_name, UNKNOWN


def notice(file_names: Iterable[str]) -> str:
    """Return a licence notice for these files, with a paragraph for each project."""
    projects: dict[tuple[str, str], list[str]] = {}
    for name in sorted(file_names):
        projects.setdefault(project_of(name), []).append(name)
    head = "This bundle carries programs and libraries of these projects. Models keep the licences of their authors.\n"
    parts = [
        f"{project}\n  {licence}\n  {', '.join(names)}\n" for (project, licence), names in sorted(projects.items())
    ]
    return "\n".join([head, *parts])
