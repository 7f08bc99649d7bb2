"""The test suites of ONNX and of ONNX Runtime's makers, as a board without their packages runs them by a wheel.

A suite is packed here and run there by a script that needs the wheel and no pytest: `python RUNNER PACKED RESULTS`.
RESULTS maps each test to "", to "skipped: " with the makers' reason, or to why it failed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from onnxruntime.datasets import get_example

from edgetool.platform.documents import read_document
from edgetool.platform.values import Name, Text, value
from edgetool.runtimes.onnxruntime.sources import SourceTree
from tests.support import onnx_cases_runner, ort_cases_runner
from tests.support.onnx_cases import pack_cases

TOOLCHAIN = Path(__file__).parents[2] / "toolchain" / "onnxruntime"


@value
class KnownFailure:
    tests: tuple[Name, ...]
    reason: Text


@value
class KnownFailures:
    failure: tuple[KnownFailure, ...]


@dataclass(frozen=True)
class Suite:
    pack: Callable[[SourceTree, Path], object]
    runner: Path
    known: Path  # the tests that are known to fail, with the reasons

    def check(self, results: Path, where: str) -> None:
        """Check that what fails is what is known to, neither more nor less."""
        said: dict[str, str] = json.loads(results.read_text())
        skipped = {name for name, reason in said.items() if reason.startswith("skipped: ")}
        failed = {name: reason for name, reason in said.items() if reason and name not in skipped}
        print(f"{where}: {len(said) - len(failed) - len(skipped)} of {len(said) - len(skipped)} pass")
        known = {name for one in read_document(self.known, KnownFailures).failure for name in one.tests}
        assert {name: reason for name, reason in failed.items() if name not in known} == {}
        assert known - set(failed) == set()


def pack_python_tests(tree: SourceTree, destination: Path) -> None:
    """Copy the makers' Python tests with the one model that comes with their wheel: Debian's archive has none."""
    tests = tree.onnxruntime / "onnxruntime" / "test"
    shutil.copytree(tests / "python", destination / "python")
    shutil.copytree(tests / "testdata", destination / "testdata")
    shutil.copy(get_example("mul_1.onnx"), destination / "testdata")


SUITES = {
    "onnx": Suite(pack_cases, Path(onnx_cases_runner.__file__), TOOLCHAIN / "known-onnx-failures.toml"),
    "onnxruntime": Suite(pack_python_tests, Path(ort_cases_runner.__file__), TOOLCHAIN / "known-python-failures.toml"),
}
