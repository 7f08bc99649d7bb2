"""What a toolchain and a runtime are."""

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
    """What a runtime that edgetool builds for a triple has to be like."""

    processor: Name  # as `uname -m` says it on the target
    needed: tuple[Name, ...]  # the only libraries it may ask the target for
    elf_flags: NonNegative = 0  # e_flags; on RISC-V 0x4 is the double-float ABI and 0x1 compressed instructions
    isa: Name | None = None  # RISC-V's architecture attribute without version numbers
    kernels: Name | None = None  # folder of toolchain/onnxruntime with kernels that the processor chooses at run time


@value
class Wheel:
    """A wheel of the Python package onnxruntime whose library is taken, by its content."""

    platform: Name  # PyPI's tag
    version: Name
    python: Name  # which of its wheels: the library inside is no different
    sha256: Sha256


@value
class Toolchain:
    """One triple: a file `toolchain/<triple>.toml`."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    triple: Name
    elf_machine: Name  # e_machine by name: "EM_RISCV"
    zig_target: Name  # with the oldest glibc of the boards we mean to run on
    zig_cpu: Name | None = None
    cflags: tuple[Name, ...] = ()
    loader: Name  # the dynamic loader's file name
    wheel: Wheel | None = None  # when PyPI has onnxruntime for the triple
    debian: Packages | None = None  # that hold a runtime, or the libraries one needs
    litert: Packages | None = None  # that hold TensorFlow Lite
    crossbuild: CrossBuild | None = None

    @property
    def glibc(self) -> str:
        """The oldest glibc of the boards we mean to run on."""
        return self.zig_target.partition("-gnu.")[2]


@value
class RuntimeBuild:
    """A runtime for one triple: a folder `lib/` of libraries described by `runtime.json`."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    name: Name  # "onnxruntime", "tflite", "ncnn": what the harness calls its kind
    version: Name
    provider: Name  # "debian", "wheel", "crossbuild"
    variant: Name  # which build of it: a package version, a wheel's tag
    triple: Name
    library: Name  # path of the runtime's own, relative to the root
    loader: Name | None  # path of the dynamic loader when the runtime carries libc, else None
    glibc: Name | None  # the oldest glibc it runs on when it carries none
    files: tuple[FileEntry, ...]
    flags: tuple[Text, ...] = ()  # how it was built, when edgetool built it
    reduced: bool = False  # holds the operators of some models only
    chooses_kernels: bool = False  # by the processor: instructions that its files tell of are not all needed
    key: Sha256  # hash of the files

    @property
    def size_bytes(self) -> int:
        """Of what a board must be given: without the C and C++ libraries that it has of its own."""
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
    """A runtime build and where it lies."""

    root: Path
    build: RuntimeBuild
