"""Toolchains and runtimes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgetool.platform.debian.pins import Packages
from edgetool.platform.files import FileEntry
from edgetool.platform.licences import PLATFORM, project_of
from edgetool.platform.values import Name, NonNegative, Sha256, Text, value

TITLES = {"onnxruntime": "ONNX Runtime", "tflite": "TensorFlow Lite", "ncnn": "ncnn"}


@value
class CrossBuild:
    """The properties that a runtime built by edgetool for a triple must have."""

    processor: Name  # as in `uname -m` on the target
    needed: tuple[Name, ...]  # the only libraries it may need from the target
    elf_flags: NonNegative = 0  # e_flags; on RISC-V 0x4 is the double-float ABI, 0x1 compressed instructions
    isa: Name | None = None  # RISC-V architecture attribute without version numbers
    kernels: Name | None = None  # folder of toolchain/onnxruntime with kernels that are chosen at run time


@value
class Wheel:
    """A wheel of a Python package that contains a runtime's library, identified by its SHA-256."""

    platform: Name  # PyPI's platform tag
    version: Name
    python: Name  # any Python version: the library is the same in each wheel
    sha256: Sha256


@value
class Archive:
    """A tarball outside Debian, identified by its SHA-256. Its publisher states no size."""

    mirror: Name  # URL of the folder
    path: Name  # in that folder
    sha256: Sha256
    size_bytes: None = None

    @property
    def file_name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


@value
class Python:
    """A release of CPython that a wheel is made for. Its headers are in packages, or in a build of that Python."""

    version: Name  # "3.13"
    headers: Packages | Archive

    @property
    def digests(self) -> dict[str, str]:
        """The SHA-256 of each file that the headers are taken of."""
        if isinstance(self.headers, Archive):
            return {self.headers.file_name: self.headers.sha256}
        return self.headers.digests()


@value
class Toolchain:
    """The toolchain for one triple, defined in `toolchain/<triple>.toml`."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    triple: Name
    elf_machine: Name  # e_machine by name: "EM_RISCV"
    zig_target: Name  # includes the oldest glibc of the supported boards
    zig_cpu: Name | None = None
    cflags: tuple[Name, ...] = ()
    loader: Name  # file name of the dynamic loader
    wheel: Wheel | None = None  # set when PyPI has onnxruntime for the triple
    debian: Packages | None = None  # packages with a runtime, or with the libraries that one needs
    litert: Packages | None = None  # packages with TensorFlow Lite
    litert_wheel: Wheel | None = None  # set when PyPI has ai-edge-litert for the triple
    crossbuild: CrossBuild | None = None
    bindings: Packages | None = None  # that hold the headers of pybind11 and NumPy
    python: tuple[Python, ...] = ()

    @property
    def glibc(self) -> str:
        """The oldest glibc of the supported boards."""
        return self.zig_target.partition("-gnu.")[2]


@value
class Installed:
    """Where a runtime was found on a board."""

    path: Text  # of its library
    build_id: Text | None
    ours: bool  # edgetool's record of the build lies beside it and has this library's hash


@value
class RuntimeBuild:
    """A runtime for one triple: a folder `lib/` of libraries described by `runtime.json`."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    name: Name  # "onnxruntime", "tflite", "ncnn": the harness's name of its kind
    version: Name
    provider: Name  # "debian", "wheel", "crossbuild", "installed"
    variant: Name  # the build: a package version or a wheel's tag
    triple: Name
    library: Name  # path of the runtime's own library, relative to the root
    loader: Name | None  # path of the dynamic loader if libc is included
    glibc: Name | None  # the oldest glibc it runs on if libc isn't included
    files: tuple[FileEntry, ...]
    flags: tuple[Text, ...] = ()  # how edgetool built it
    reduced: bool = False  # has only the operators of some models
    installed: Installed | None = None  # None for a runtime that edgetool brings to the board
    chooses_kernels: bool = False  # at run time, so its ELF attributes list more than a processor must have
    key: Sha256  # hash of the files

    @property
    def size_bytes(self) -> int:
        """Size of the files a board needs, without the C and C++ libraries that it has itself."""
        return sum(
            file.size_bytes
            for file in self.files
            if file.path.startswith("lib/") and project_of(file.file_name)[0] not in PLATFORM
        )

    @property
    def title(self) -> str:
        return f"{TITLES.get(self.name, self.name)} {self.version} ({self.provider})"


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """A runtime build and its location."""

    root: Path
    build: RuntimeBuild
