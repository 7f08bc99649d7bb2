"""What determines a build of ONNX Runtime: sources, compiler, options, operators."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgetool.errors import ConfigError
from edgetool.platform.files import sha256_file
from edgetool.platform.progress import Progress
from edgetool.platform.store import Store
from edgetool.runtimes.buildtools import POLICY_MINIMUM, check_patch, find_tool
from edgetool.runtimes.compilers import Compiler, find_compiler
from edgetool.runtimes.onnxruntime.folding import FOLD
from edgetool.runtimes.onnxruntime.operators import Operators
from edgetool.runtimes.onnxruntime.sources import SourceTree, recipe_folder, source_tree
from edgetool.runtimes.spec import CrossBuild, Toolchain

RECIPE = 4  # increment when the build changes
PROVIDER = "crossbuild"
OPTIONS = {
    "CMAKE_BUILD_TYPE": "Release",
    "CMAKE_POLICY_VERSION_MINIMUM": POLICY_MINIMUM,
    "CMAKE_SKIP_RPATH": "ON",
    "onnxruntime_BUILD_SHARED_LIB": "ON",
    "onnxruntime_BUILD_UNIT_TESTS": "OFF",
    "onnxruntime_ENABLE_PYTHON": "OFF",
    "onnxruntime_ENABLE_CPUINFO": "OFF",  # cpuinfo doesn't support RISC-V, and elsewhere the kernel reports the same
}
REDUCED_OPTIONS = {"CMAKE_BUILD_TYPE": "MinSizeRel", "onnxruntime_REDUCED_OPS_BUILD": "ON"}
# No debug information: zig's default makes the library 37 times as large.
COMPILE_FLAGS = ("-g0",)
LINK_FLAGS = ("-s", "-Wl,--build-id=sha1")
BESIDE = ("unittests.cmake", "python.cmake")  # targets beside the library, so not among its inputs


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All inputs that determine the build."""

    toolchain: Toolchain
    wanted: CrossBuild
    tree: SourceTree
    compiler: Compiler
    operators: Operators | None  # None for all

    @property
    def options(self) -> dict[str, str]:
        """CMake's cache entries, without paths of this machine."""
        if self.operators is None:
            return OPTIONS
        return {**OPTIONS, **REDUCED_OPTIONS, **dict.fromkeys(self.operators.unused, "ON")}

    @property
    def link_flags(self) -> tuple[str, ...]:
        return (*LINK_FLAGS, *self.compiler.link_flags)

    @property
    def united(self) -> bool:
        """Whether files are compiled by the dozen."""
        return self.tree.pinned and self.operators is None and self.compiler.title.startswith("zig ")

    @property
    def folded(self) -> bool:
        """Whether identical functions are merged, which GNU's linker can't do."""
        return self.operators is not None and self.compiler.title.startswith("zig ")

    @property
    def patches(self) -> tuple[Path, ...]:
        """The patches, none for the user's own tree: it may contain the changes already."""
        return tuple(sorted((recipe_folder() / "patches").glob("*.patch"))) if self.tree.pinned else ()

    @property
    def kernels(self) -> Path | None:
        name = self.wanted.kernels if self.tree.pinned else None
        return None if name is None else recipe_folder() / name

    @property
    def kernel_files(self) -> tuple[Path, ...]:
        """The kernel sources, without the folder of their tests."""
        return () if self.kernels is None else tuple(sorted(path for path in self.kernels.iterdir() if path.is_file()))

    @property
    def older_glibc(self) -> Path | None:
        """A folder of functions added to the library because a board's glibc may lack them."""
        return None if self.compiler.chooses_glibc else recipe_folder() / "older_glibc"

    def inputs(self) -> dict[str, object]:
        older_glibc = () if self.older_glibc is None else sorted(self.older_glibc.iterdir())
        return {
            "provider": PROVIDER,
            "recipe": RECIPE,
            "triple": self.toolchain.triple,
            "sources": self.tree.key,
            "cmake": {
                path.name: sha256_file(path)
                for path in sorted(recipe_folder().glob("*.cmake"))
                if path.name not in BESIDE
            },
            "patches": {path.name: sha256_file(path) for path in self.patches},
            "kernels": {path.name: sha256_file(path) for path in self.kernel_files},
            "older glibc": {path.name: sha256_file(path) for path in older_glibc},
            "compiler": self.compiler.title,
            "target": self.compiler.target_flags,
            "options": self.options,
            "flags": [*COMPILE_FLAGS, *self.link_flags],
            "folded": self.folded,
            "operators": None if self.operators is None else self.operators.config,
        }

    def flags(self) -> Iterator[str]:
        """Yield the build flags stored in a record."""
        yield self.compiler.title
        yield shlex.join(
            [*self.compiler.target_flags, *COMPILE_FLAGS, *self.link_flags, *([FOLD] if self.folded else [])]
        )
        yield from (f"-D{name}={setting}" for name, setting in self.options.items())

    @property
    def variant(self) -> str:
        which = "all operators" if self.operators is None else f"reduced to {self.operators.title}"
        return f"{self.compiler.title}, {which}"


def prepare(
    toolchain: Toolchain,
    store: Store,
    progress: Progress,
    *,
    compiler: str = "zig",
    operators: Operators | None = None,
    source: Path | None = None,
    mirror: Path | None = None,
) -> Recipe:
    """Find the compiler and fetch the sources. Raises ConfigError, BuildError."""
    if toolchain.crossbuild is None:
        raise ConfigError(
            f"{toolchain.triple} has no [crossbuild] table", hint=f"add one to toolchain/{toolchain.triple}.toml"
        )
    for program in ("cmake", "ninja"):
        find_tool(program)
    if source is None:
        check_patch()
    found = find_compiler(compiler, toolchain)
    tree = source_tree(store, progress, own=source, mirror=mirror)
    return Recipe(toolchain=toolchain, wanted=toolchain.crossbuild, tree=tree, compiler=found, operators=operators)
