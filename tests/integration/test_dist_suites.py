"""ONNX's and ONNX Runtime's own tests, run by the wheel on an emulated Debian: part of `make test-dist`."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetool.platform.progress import Silent
from edgetool.platform.store import Store
from edgetool.runtimes.onnxruntime.sources import source_tree
from tests.integration.packaged import CPUS, PYTHON, Emulated
from tests.integration.suites import SUITES


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("name", SUITES)
def test_the_wheel_fails_what_is_known_to_fail_and_nothing_else(
    name: str, cpu: str, site: Path, emulated: Emulated, debian: Path, store: Store, tmp_path: Path
) -> None:
    suite = SUITES[name]
    suite.pack(source_tree(store, Silent()), tmp_path / "packed")
    words = (suite.runner, tmp_path / "packed", tmp_path / "results.json")
    done = emulated(debian / f"usr/bin/python{PYTHON}", *words, cpu=CPUS[cpu], python_path=str(site))
    assert done.exit_code == 0, done.stderr.decode()
    suite.check(tmp_path / "results.json", f"{name}, {cpu}")
