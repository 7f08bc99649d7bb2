"""Run ONNX Runtime's own Python tests by the onnxruntime of this Python.

    python ort_cases_runner.py TESTS RESULTS

TESTS is a folder as the makers' `onnxruntime/test`, with `python` and `testdata`, which the tests may write to. RESULTS
becomes JSON: each test's name with "" or the reason why it failed, or "skipped: " and the makers' reason. A file that
can't be imported is one test.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

Failure = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class Results(unittest.TestResult):
    """What each test has said, printed as it ends."""

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, str] = {}

    def note(self, test: str, reason: str) -> None:
        # Subtests follow each other: the first reason stands.
        self.said[test] = self.said.get(test) or reason
        print(test, reason[:200] or "passed", flush=True)

    def addSuccess(self, test: unittest.TestCase) -> None:
        self.note(test.id(), "")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self.note(test.id(), f"skipped: {reason}")

    def addError(self, test: unittest.TestCase, err: Failure) -> None:
        self.note(test.id(), reason(err[1]))

    def addFailure(self, test: unittest.TestCase, err: Failure) -> None:
        self.note(test.id(), reason(err[1]))

    def addSubTest(self, test: unittest.TestCase, _part: unittest.TestCase, err: Failure | None) -> None:
        if err is not None:
            self.note(test.id(), reason(err[1]))

    def addExpectedFailure(self, test: unittest.TestCase, _err: Failure) -> None:
        self.note(test.id(), "")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        self.note(test.id(), "passed where the makers expect a failure")


def reason(error: BaseException | None) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


def names(folder: Path) -> Iterator[str]:
    for part in ("", "quantization"):
        sys.path.insert(0, str(folder / part))
        for path in sorted((folder / part).glob("*test*.py")):
            if path.stem not in ("op_test_utils", "onnx_backend_test_series"):
                yield path.stem


def main() -> None:
    folder, written = Path(sys.argv[1]).resolve() / "python", Path(sys.argv[2]).resolve()
    os.chdir(folder)
    results = Results()
    for name in names(folder):
        try:
            module: Any = importlib.import_module(name)
        except ImportError as error:
            results.note(name, reason(error))
            continue
        unittest.defaultTestLoader.loadTestsFromModule(module).run(results)
    written.write_text(json.dumps(results.said))


if __name__ == "__main__":
    main()
