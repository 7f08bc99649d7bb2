"""The harness compiled with sanitizers, and the runtime it drives."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from edgetool.pipeline.steps import Kit
from edgetool.platform.catalog import data_folder
from edgetool.platform.files import sha256_file
from edgetool.platform.store import Store
from tests.harness.bench import Bench
from tests.support.commands import run_checked


@pytest.fixture(scope="session")
def checked_harness(store: Store) -> Path:
    """The harness for this machine: with both sanitizers of the system's compiler, or with zig's one."""
    sources = sorted(data_folder("toolchain").glob("harness/*.[ch]"))
    compiler = [shutil.which("cc") or ""]
    sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    if not compiler[0]:
        compiler, sanitizers = [sys.executable, "-m", "ziglang", "cc"], ["-fsanitize=undefined"]
    flags = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", *sanitizers]

    def make(folder: Path) -> None:
        programs = [source for source in sources if source.suffix == ".c"]
        command: list[str | Path] = [*compiler, *flags, "-o", folder / "harness", *programs, "-ldl", "-lm"]
        run_checked(command)

    inputs = {"sources": {source.name: sha256_file(source) for source in sources}, "flags": [*compiler, *flags]}
    return store.entry("test-harness", inputs, make).path / "harness"


@pytest.fixture(scope="session")
def library(host: Kit) -> Path:
    return host.runtime.root / host.runtime.build.library


@pytest.fixture
def bench(tmp_path: Path, checked_harness: Path, library: Path) -> Bench:
    return Bench(tmp_path, checked_harness, library)
