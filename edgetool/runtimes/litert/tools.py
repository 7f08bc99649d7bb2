"""The virtual environment with the tools that make TensorFlow Lite models.

The tools are large and need other package versions than edgetool. The environment is created on the first conversion
and falls back to the packages of the edgetool that runs it, so PyTorch isn't installed twice, and every installation of
edgetool with the same cache uses the same environment.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path

from filelock import FileLock

import edgetool
from edgetool.platform.context import StepContext
from edgetool.platform.process import run_tool
from edgetool.platform.python import PYTHON
from edgetool.platform.store import key_of

WHOLE = {"litert-torch": "0.10.0"}  # which brings LiteRT's quantizer
# onnx2tf pins releases of NumPy, ONNX, ONNX Runtime and LiteRT for its other back ends, and asks for Python 3.12. What
# is used of it runs on 3.11 with the releases that are there.
ALONE = {"onnx2tf": "2.6.9", "sng4onnx": "2.0.1"}
COST = "about 30 packages of PyPI, 1 GB on disk, 1 to 4 minutes the first time"
TIMEOUT_S = 3600
BESIDE = "EDGETOOL_BESIDE"  # the folders that are searched after the environment's own
FALL_BACK = f'import os, sys; sys.path += filter(None, os.environ.get("{BESIDE}", "").split(os.pathsep))\n'


def tool_versions() -> Mapping[str, str]:
    return WHOLE | ALONE


def run_python(words: Sequence[str | Path], context: StepContext, *, log: Path) -> None:
    """Run the environment's Python, creating the environment on first use. Raises BuildError with the log."""
    store = context.store
    folder = store.root / "litert-tools" / key_of({"tools": tool_versions(), "python": sys.version})
    found = sorted(f"{package.name} {package.version}" for package in distributions())
    complete = folder / f"with-{key_of({'packages': found})}"  # pip has added what these packages lack
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not complete.is_file():
            with context.progress.step(f"LiteRT's tools: {COST}"):
                _install(folder, store.root / "logs" / "litert-tools.log")
            complete.touch()
    _run(folder, words, log)


def _install(folder: Path, log: Path) -> None:
    run_tool([*PYTHON, "-m", "venv", "--without-pip", folder], log=log, timeout_s=300)
    packages = next(path for path in sorted(folder.glob("lib/python*/site-packages")))
    (packages / "beside.pth").write_text(FALL_BACK)
    pip = ["-m", "pip", "install", "--quiet"]
    _run(folder, [*pip, *_pinned(WHOLE)], log)
    _run(folder, [*pip, "--no-deps", "--ignore-requires-python", *_pinned(ALONE)], log)


def _pinned(packages: Mapping[str, str]) -> list[str]:
    return [f"{name}=={version}" for name, version in packages.items()]


def _run(folder: Path, words: Sequence[str | Path], log: Path) -> None:
    beside = [path for path in sys.path if Path(path).is_dir() and path.endswith("site-packages")]
    beside.append(str(Path(edgetool.__file__).parents[1]))
    run_tool(
        [folder / "bin" / "python", "-P", *words],
        env={BESIDE: os.pathsep.join(beside)},
        log=log,
        timeout_s=TIMEOUT_S,
    )
