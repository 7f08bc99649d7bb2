"""A release whose library is a few lines of C, so that nothing has to be built for what is written around it."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgetool.distribution.release import Release
from edgetool.platform.documents import write_document
from edgetool.platform.process import run_tool
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store
from edgetool.runtimes.description import describe_runtime
from edgetool.runtimes.onnxruntime.recipe import PROVIDER
from edgetool.runtimes.onnxruntime.sources import SourceTree, find_source, source_tree
from edgetool.runtimes.spec import Runtime
from edgetool.runtimes.toolchains import load_toolchain

RISCV = load_toolchain("riscv64-linux-gnu")
ORT = find_source("onnxruntime").version
CODE = "#include <stdlib.h>\nvoid *OrtGetApiBase(void) { return malloc(1); }\n"
Linker = Callable[..., Path]


def need(program: str) -> None:
    """Skip where one of Debian's own programs is not installed."""
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}")


@pytest.fixture(scope="session")
def tree(store: Store) -> SourceTree:
    return source_tree(store, Silent())


@pytest.fixture(scope="session")
def link(tmp_path_factory: pytest.TempPathFactory) -> Linker:
    """Links a library for riscv64 of a line of code, as old a glibc as `zig_target` says."""

    def build(path: Path, *words: str, code: str = CODE, zig_target: str = RISCV.zig_target) -> Path:
        source = tmp_path_factory.mktemp("code") / "a.c"
        source.write_text(code)
        flags = ("-target", zig_target, "-mcpu=baseline_rv64", "-shared", "-fPIC", "-g0", "-s", "-Wl,--build-id=sha1")
        path.parent.mkdir(parents=True, exist_ok=True)
        run_tool(
            [sys.executable, "-P", "-m", "ziglang", "cc", *flags, *words, "-o", path, source],
            log=source.with_suffix(".log"),
            timeout_s=300,
        )
        return path

    return build


@pytest.fixture(scope="session")
def release(tree: SourceTree, link: Linker, tmp_path_factory: pytest.TempPathFactory) -> Release:
    root = tmp_path_factory.mktemp("runtime")
    link(root / "lib" / f"libonnxruntime.so.{ORT}", "-Wl,-soname,libonnxruntime.so.1")
    described = describe_runtime(
        RISCV,
        root,
        kind="onnxruntime",
        library=re.compile(r"libonnxruntime\.so.*"),
        provider=PROVIDER,
        version=ORT,
        variant="zig, all operators",
        carries_libc=False,
    )
    build = replace(described, flags=("zig 0.17.1", "-g0"))
    write_document(root / "runtime.json", build)
    return Release(runtime=Runtime(root=root, build=build), toolchain=RISCV, tree=tree)
