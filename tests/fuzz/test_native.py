"""The harness's C and the plugin's decoder on what was once kept and on random bytes, with both sanitizers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgetool.platform.process import run_process
from tests.fuzz.native import HERE, SOURCES, build


@pytest.mark.parametrize("name", SOURCES)
def test_no_bytes_break_it(name: str, tmp_path: Path) -> None:
    if (compiler := shutil.which("gcc")) is None:
        pytest.skip("needs gcc, whose sanitizers are used")
    program = build(name, tmp_path / name, compiler=compiler, fuzzer=False)
    done = run_process([program, *sorted((HERE / "corpus" / name).glob("*"))], timeout_s=120)
    assert done.exit_code == 0, done.stderr.decode(errors="replace")[-3000:]
