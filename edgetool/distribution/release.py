"""A release: a cross-built runtime with all operators, its sources, licences and version."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetool import __version__
from edgetool.bill import BILL, bill, kernels_component
from edgetool.distribution.members import Member
from edgetool.errors import ConfigError
from edgetool.platform.elf import read_elf
from edgetool.platform.store import INPUTS
from edgetool.runtimes.cache import runs_on_all
from edgetool.runtimes.onnxruntime.recipe import PROVIDER
from edgetool.runtimes.onnxruntime.sources import SourceTree, read_sources
from edgetool.runtimes.spec import Runtime, Toolchain

REVISION = 1  # raised whenever packages with other contents are released
HOMEPAGE = "https://onnxruntime.ai"
LLVM = "Apache-2.0 WITH LLVM-exception"
# Linked into what zig builds, by licence and its text in ziglang's folder. compiler_rt is zig's own: `long double` has
# 128 bits on RISC-V and Arm, and no instructions.
ZIG_LIBRARIES = {
    "libcxx": (LLVM, "lib/libcxx/LICENSE.TXT"),
    "libcxxabi": (LLVM, "lib/libcxxabi/LICENSE.TXT"),
    "libunwind": (LLVM, "lib/libunwind/LICENSE.TXT"),
    "compiler_rt": ("MIT", "LICENSE"),
}
GCC = "GPL-3.0-or-later WITH GCC-exception-3.1"
APACHE = "Apache-2.0"
KERNELS_NOTICE = """\
The kernels for RISC-V vectors and the patches that call them are edgetool's.
SPDX-License-Identifier: Apache-2.0
The text of the licence is in onnx-LICENSE.
"""
RECORD = "runtime.json"  # how the library was built
# Compiled into a wheel's extension, by the Debian package that brings the headers; the texts are in ORT's notices.
BINDINGS = {"pybind11-dev": ("pybind11", "BSD-3-Clause"), "python3-numpy-dev": ("numpy", "BSD-3-Clause")}


@dataclass(frozen=True, kw_only=True)
class Part:
    """A project whose code is compiled into the library."""

    name: str
    version: str
    licence: str  # SPDX expression
    notices: tuple[Path, ...]
    archive: tuple[str, str] | None = None  # path in a Debian archive, and sha256


@dataclass(frozen=True, kw_only=True)
class Release:
    """A runtime and what its packages are made from."""

    runtime: Runtime
    toolchain: Toolchain
    tree: SourceTree

    def __post_init__(self) -> None:
        """Raises ConfigError when the runtime is not for every board and model, or not of the pinned sources."""
        build = self.runtime.build
        if (build.name, build.provider) != ("onnxruntime", PROVIDER):
            raise ConfigError(f"{build.title} is not cross-built", hint="leave KEY out to build one")
        if build.reduced:
            raise ConfigError(
                f"{build.title}, {build.variant}, runs its own models only", hint="name a runtime with all operators"
            )
        if not runs_on_all(self.runtime, self.toolchain):
            raise ConfigError(
                f"{build.title}, {build.variant}, needs {read_elf(self.library).isa}, which some boards lack",
                hint=f"packages are for every {self.toolchain.triple} board: leave KEY out to build such a runtime",
            )
        inputs = self.runtime.root / INPUTS
        if inputs.is_file() and json.loads(inputs.read_text()).get("sources") != self.tree.key:
            raise ConfigError(
                f"{build.title} was built from other sources than those that edgetool pins",
                hint="build one without --source",
            )

    @property
    def version(self) -> str:
        """The packages' version, such as "1.21.0+edgetool.1"."""
        return f"{self.runtime.build.version}+edgetool.{REVISION}"

    @property
    def processor(self) -> str:
        """The processor as in `uname -m`."""
        return self.toolchain.triple.partition("-")[0]

    @property
    def library(self) -> Path:
        return self.runtime.root / self.runtime.build.library

    @property
    def glibc(self) -> str:
        """The oldest glibc that the library runs on."""
        return self.runtime.build.glibc or self.toolchain.glibc

    @property
    def kernels(self) -> str | None:
        return None if self.toolchain.crossbuild is None else self.toolchain.crossbuild.kernels

    def parts(self) -> Iterator[Part]:
        """Yield every project in the library. Raises ConfigError when the compiler is not installed."""
        for source in read_sources():
            if source.licence is not None:
                folder = self.tree.dependencies / source.name
                yield Part(
                    name=source.name,
                    version=source.version,
                    licence=source.licence,
                    notices=tuple(folder / notice for notice in source.notices),
                    archive=(source.path, source.sha256),
                )
        compiler, _, version = self.runtime.build.flags[0].partition(" ")
        if compiler == "zig":
            root = _zig_folder()
            for name, (licence, text) in ZIG_LIBRARIES.items():
                yield Part(name=name, version=version, licence=licence, notices=(root / text,))
        else:
            yield Part(name="libstdc++", version=version, licence=GCC, notices=())

    def bindings(self) -> Iterator[Part]:
        """Yield the projects whose headers are compiled into a wheel's extension."""
        pinned = () if self.toolchain.bindings is None else self.toolchain.bindings.pinned()
        for package in pinned:
            if package.name in BINDINGS:
                name, licence = BINDINGS[package.name]
                archive = (package.path, package.sha256)
                yield Part(name=name, version=package.version, licence=licence, notices=(), archive=archive)

    def licences(self) -> tuple[str, ...]:
        """Return the SPDX expressions of all parts, each once."""
        found = dict.fromkeys(term for part in self.parts() for term in part.licence.split(" AND "))
        return tuple(dict.fromkeys([*found, *([APACHE] if self.kernels else [])]))

    def notices(self) -> tuple[Member, ...]:
        """Return the texts of the licences as `licenses/<project>-<file>`."""
        texts = [
            Member(path=f"licenses/{part.name}-{notice.name}", content=notice)
            for part in self.parts()
            for notice in part.notices
            if part.name != "onnxruntime"
        ]
        own = Member(path="licenses/edgetool-kernels-LICENSE", content=KERNELS_NOTICE.encode())
        return (*texts, *([own] if self.kernels else []))

    def records(self, libraries: Sequence[Member] = (), more: Sequence[Part] = ()) -> tuple[Member, ...]:
        """Return the build's record and the bill of materials.

        `libraries` are those of the package, by default the runtime's; `more` are parts of theirs.
        """
        own = libraries or (Member(path=self.runtime.build.library, content=self.library),)
        return (
            Member(path=RECORD, content=self.runtime.root / "runtime.json"),
            Member(path=BILL, content=self._bill(own, (*self.parts(), *more))),
        )

    def readme(self) -> str:
        """Describe the packages in Markdown."""
        build, elf = self.runtime.build, read_elf(self.library)
        kernels = " and kernels for vectors (RVV 1.0), chosen when it is loaded" if self.kernels else ""
        return (
            f"# ONNX Runtime {build.version} for {self.toolchain.triple}\n\n"
            f"Built by edgetool {__version__} from the public sources with edgetool's patches{kernels}. It is no build "
            "of ONNX Runtime's makers: report what fails here to edgetool.\n\n"
            f"- needs glibc {self.glibc} or newer, and nothing else\n"
            f"- instruction set: {elf.isa or self.processor}\n"
            f"- build id: {elf.build_id}\n"
            f"- compiler: {build.flags[0]}\n\n"
            f"`{RECORD}` says how it was built, `{BILL}` (CycloneDX) of what, `licenses/` and `ThirdPartyNotices.txt` "
            "under which licences.\n"
        )

    def _bill(self, libraries: Sequence[Member], parts: Sequence[Part]) -> bytes:
        build = self.runtime.build
        components: list[dict[str, object]] = [
            {
                "type": "file",
                "bom-ref": library.path,
                "name": library.path,
                "hashes": [{"alg": "SHA-256", "content": library.sha256}],
            }
            for library in libraries
        ]
        for part in parts:
            component: dict[str, object] = {
                "type": "library",
                "bom-ref": part.name,
                "name": part.name,
                "version": part.version,
                "licenses": [{"expression": part.licence}],
            }
            if part.archive is not None:
                path, sha256 = part.archive
                hashes = [{"alg": "SHA-256", "content": sha256}]
                component["externalReferences"] = [{"type": "source-distribution", "url": path, "hashes": hashes}]
            components.append(component)
        if self.kernels is not None:
            components.append(kernels_component(self.kernels, build))
        subject = {"type": "library", "bom-ref": "package", "name": "onnxruntime", "version": self.version}
        files = "".join(f"{library.path}\0{library.sha256}\n" for library in libraries)
        return bill(subject, components, whole=f"{self.version}\0{build.key}\n{files}")


def _zig_folder() -> Path:
    found = importlib.util.find_spec("ziglang")
    if found is None or found.origin is None:
        raise ConfigError(
            "ziglang, whose licences belong to the packages, is not installed", hint="pip install ziglang"
        )
    return Path(found.origin).parent
