"""Compile the programs that test kernels."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from edgetool.platform.catalog import data_folder
from edgetool.platform.store import Store
from edgetool.runtimes.compilers import cache_environment
from tests.support.commands import run_checked

KERNELS = data_folder("toolchain") / "onnxruntime" / "mlas_rvv"
FLAGS = (
    *("-target", "riscv64-linux-musl", "-mcpu=baseline_rv64", "-static", "-std=c++17", "-O2", "-ffp-contract=off"),
    *("-Wall", "-Wextra", "-Werror"),
)


def compiled(built: Path, store: Store, *words: str | Path, flags: Sequence[str] = FLAGS) -> Path:
    """Built for every RV64GC processor, as the library is: the kernels alone hold vector instructions."""
    compiler = (sys.executable, "-m", "ziglang", "c++")
    run_checked([*compiler, *flags, *words, "-o", built], env=cache_environment(store.root), timeout_s=1800)
    return built
