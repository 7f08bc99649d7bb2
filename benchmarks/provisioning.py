"""How long a new machine's default target takes to get: pinned files, beside mmdebstrap, which they replaced."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from edgetool.errors import BuildError
from edgetool.executors.emulators import NAMES as EMULATORS
from edgetool.executors.emulators import emulator_package
from edgetool.pipeline import steps
from edgetool.pipeline.plan import load_configured
from edgetool.platform.context import StepContext
from edgetool.platform.debian.mirrors import known_mirrors
from edgetool.platform.debian.packages import unpack_packages
from edgetool.platform.debian.pins import Packages
from edgetool.platform.process import run_tool
from edgetool.platform.progress import Silent, unheard
from edgetool.platform.store import Store
from edgetool.runtimes.toolchains import load_toolchain

TRIPLE = "riscv64-linux-gnu"
RUNS = 3


def run(target: str = "qemu-riscv64") -> str:
    """From an empty cache: it is mostly the network's time and, with the harness, the compiler's."""
    debian, emulators = load_toolchain(TRIPLE).debian, emulator_package()
    assert debian is not None
    lines = [f"ONNX Runtime's packages for riscv64 {_beside_mmdebstrap(debian)}"]
    if emulators is not None:
        programs = [f"usr/bin/{name}" for name in EMULATORS]
        lines.append(f"the emulator in {_seconds(lambda cache: _pinned(emulators, cache, programs)):.1f} s")
    lines.append(f"runtime and harness of {target} in {_seconds(lambda cache: _provision(target, cache)):.1f} s")
    return "; ".join(lines)


def _seconds(do: Callable[[Path], None]) -> float:
    with tempfile.TemporaryDirectory() as cache:
        start = time.perf_counter()
        do(Path(cache))
        return time.perf_counter() - start


def _pinned(packages: Packages, cache: Path, only: Sequence[str] = ()) -> None:
    unpack_packages(packages, cache, cache / "root", note=unheard, only=only)


def _provision(target: str, cache: Path) -> None:
    steps.provision(load_configured(target, {}), StepContext(store=Store(cache), progress=Silent()))


def _beside_mmdebstrap(packages: Packages) -> str:
    """In turns, so that a busy minute of the machine or the mirror is both ways'."""
    before, pinned, failure = [], [], ""
    installed = shutil.which("mmdebstrap") is not None
    for _ in range(RUNS):
        pinned.append(_seconds(lambda cache: _pinned(packages, cache)))
        try:
            before += [_seconds(lambda folder: _by_mmdebstrap(packages, folder))] if installed else []
        except BuildError as failed:
            failure = failed.message.partition("\n")[0]
    if failure or not before:
        return f"in {_range(pinned)}; mmdebstrap: {failure or 'not installed'}"
    ratio = statistics.median(before) / statistics.median(pinned)
    return f"in {_range(pinned)}, by mmdebstrap in {_range(before)}, {ratio:.1f} times as long"


def _range(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.1f} s ({min(seconds):.1f} to {max(seconds):.1f})"


def _by_mmdebstrap(packages: Packages, folder: Path) -> None:
    """By the archive's signed index, serially, with whatever the packages depend on."""
    options = [
        "--variant=extract",
        f"--mode={'root' if os.geteuid() == 0 else 'chrootless'}",
        f"--architectures={packages.architecture}",
        f"--include={','.join(packages.packages)}",
    ]
    source = f"deb {known_mirrors()[0]} {packages.suite} main"
    run_tool(["mmdebstrap", *options, packages.suite, folder / "root", source], log=folder / "log", timeout_s=900)


if __name__ == "__main__":
    print(run())
