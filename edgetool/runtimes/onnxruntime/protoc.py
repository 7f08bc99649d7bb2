"""Build the protocol compiler for ONNX Runtime's build, in the release that its sources use."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from edgetool.platform.process import run_tool
from edgetool.platform.progress import Progress
from edgetool.platform.store import Store
from edgetool.runtimes.buildtools import POLICY_MINIMUM, UNTOUCHED, find_tool, progress_note
from edgetool.runtimes.compilers import Compiler, cache_environment
from edgetool.runtimes.onnxruntime.sources import SourceTree, find_source

PROTOC_RECIPE = 1


def build_protoc(tree: SourceTree, compiler: Compiler, store: Store, progress: Progress) -> Path:
    """Build protoc once, to run on this machine. Raises BuildError."""
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
