"""ONNX's own backend tests, run by the wheel on Debian's Python for riscv64, emulated: part of `make test-dist`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from edgetool.platform.documents import read_document
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store
from edgetool.platform.values import Name, Text, value
from edgetool.runtimes.onnxruntime.sources import source_tree
from tests.integration.packaged import CPUS, PYTHON, Emulated
from tests.support import onnx_cases_runner
from tests.support.onnx_cases import pack_cases

KNOWN = Path(__file__).parents[2] / "toolchain" / "onnxruntime" / "known-onnx-failures.toml"


@value
class KnownFailure:
    tests: tuple[Name, ...]
    reason: Text


@value
class KnownFailures:
    failure: tuple[KnownFailure, ...]


@pytest.fixture(scope="module", params=CPUS)
def failures(
    request: pytest.FixtureRequest,
    site: Path,
    emulated: Emulated,
    debian: Path,
    store: Store,
    tmp_path_factory: pytest.TempPathFactory,
) -> Mapping[str, str]:
    """The failed cases with what they said."""
    folder = tmp_path_factory.mktemp("onnx")
    names = pack_cases(source_tree(store, Silent()), folder / "cases")
    words = (str(onnx_cases_runner.__file__), folder / "cases", folder / "results.json")
    done = emulated(debian / f"usr/bin/python{PYTHON}", *words, cpu=CPUS[request.param], python_path=str(site))
    assert done.exit_code == 0, done.stderr.decode()
    results: dict[str, str] = json.loads((folder / "results.json").read_text())
    assert set(results) == set(names)
    failed = {name: reason for name, reason in results.items() if reason}
    print(f"{request.param}: {len(names) - len(failed)} of {len(names)} pass")
    return failed


def test_no_case_fails_that_is_not_known_to(failures: Mapping[str, str]) -> None:
    known = {name for one in read_document(KNOWN, KnownFailures).failure for name in one.tests}
    assert {name: reason for name, reason in failures.items() if name not in known} == {}


def test_what_is_known_to_fail_still_does(failures: Mapping[str, str]) -> None:
    known = {name for one in read_document(KNOWN, KnownFailures).failure for name in one.tests}
    assert known - set(failures) == set()
