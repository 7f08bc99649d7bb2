"""What a cross build runs on this machine: CMake, Ninja, and the protocol compiler of the sources' own release."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from edgetool.errors import ConfigError
from edgetool.platform.process import run_process, run_tool
from edgetool.platform.progress import Progress, Step
from edgetool.platform.store import Store
from edgetool.runtimes.compilers import Compiler, cache_environment
from edgetool.runtimes.onnxruntime.sources import SourceTree, find_source

PROTOC_RECIPE = 1
POLICY_MINIMUM = "3.5"  # some of the dependencies ask for less than CMake 4 still knows
# CMake would add what the user's shell says to what the recipe says.
UNTOUCHED = dict.fromkeys(("CFLAGS", "CXXFLAGS", "CPPFLAGS", "ASMFLAGS", "LDFLAGS"), "")
NINJA_STATUS = re.compile(r"\[(\d+)/(\d+)\]")


def build_protoc(tree: SourceTree, compiler: Compiler, store: Store, progress: Progress) -> Path:
    """The protocol compiler of the sources' own release, built once to run here. Raises BuildError."""
    source = find_source("protobuf")
    inputs = {"recipe": PROTOC_RECIPE, "protobuf": source.sha256, "compiler": compiler.title}

    def make(folder: Path) -> None:
        build = folder / "build"
        environment = {**UNTOUCHED, **cache_environment(store.root)}
        wrappers = compiler.write_wrappers(folder / "bin")
        definitions: Mapping[str, str] = {
            "CMAKE_BUILD_TYPE": "Release",
            "CMAKE_CXX_FLAGS_RELEASE": "-O1",
            "CMAKE_CXX_FLAGS": "-g0",
            "CMAKE_C_COMPILER": wrappers["EDGETOOL_CC"],
            "CMAKE_MAKE_PROGRAM": str(find_tool("ninja")),
            "CMAKE_CXX_COMPILER": wrappers["EDGETOOL_CXX"],
            "CMAKE_AR": wrappers["EDGETOOL_AR"],
            "CMAKE_RANLIB": wrappers["EDGETOOL_RANLIB"],
            "CMAKE_POLICY_VERSION_MINIMUM": POLICY_MINIMUM,
            "protobuf_BUILD_TESTS": "OFF",
            "protobuf_WITH_ZLIB": "OFF",
        }
        words: list[str | Path] = ["-G", "Ninja", "-S", tree.dependencies / source.name, "-B", build]
        run_tool(
            [find_tool("cmake"), *words, *(f"-D{name}={setting}" for name, setting in definitions.items())],
            log=store.root / "logs" / "protoc-configure.log",
            env=environment,
            timeout_s=3600,
        )
        run_tool(
            [find_tool("ninja"), "-C", build, "protoc"],
            log=store.root / "logs" / "protoc-build.log",
            env=environment,
            on_line=progress_note(step),
        )
        shutil.copy2((build / "protoc").resolve(), folder / "protoc")
        shutil.rmtree(build)
        step.note("")

    with progress.step(f"protocol compiler {source.version}") as step:
        return store.entry("protoc", inputs, make).path / "protoc"


def find_tool(name: str) -> Path:
    """CMake or Ninja: out of its PyPI package, the same on every machine, or else what is installed."""
    try:
        module = import_module(name)
    except ImportError:
        found = shutil.which(name)
        if found is None:
            raise ConfigError(f"{name} is not installed", hint=f"pip install {name}") from None
        return Path(found)
    folder: str = module.CMAKE_BIN_DIR if name == "cmake" else module.BIN_DIR
    return Path(folder) / name


def check_patch() -> None:
    """Raises ConfigError where the pinned sources can't be patched."""
    if shutil.which("patch") is None:
        raise ConfigError("patch is not installed", hint="as root: apt-get install patch")


def cmake_version() -> str:
    printed = run_process([find_tool("cmake"), "--version"], timeout_s=60).stdout.decode(errors="replace")
    return printed.partition("\n")[0].removeprefix("cmake version ").strip()


def progress_note(step: Step) -> Callable[[str], None]:
    """What takes Ninja's lines and notes how far it is."""

    def note(line: str) -> None:
        if found := NINJA_STATUS.match(line):
            step.note(f"{found[1]} of {found[2]} objects")

    return note
