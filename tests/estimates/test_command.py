"""`edgetool estimate` on a run, a record, a program and lines of assembler."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgetool.harness.instructions import Cell, InstructionMix
from edgetool.measurements.instructions import InstructionCounts
from tests.reports.written import written
from tests.support.commands import run_cli
from tests.support.records import emulated_record, recorded

MIX = InstructionMix(
    cells=(Cell(op="vmacc", sew=64, registers=4.0, count=1_000_000, weight=4_000_000),), load_bytes=0, store_bytes=0
)
COUNTS = InstructionCounts(emulator="qemu", vlen_bits=256, inferences=(MIX,))

# 50 trips of a loop; 16 cycles for each multiply-accumulate on an X60.
LOOP = """
  vsetvli t1, x0, e64, m4, ta, ma
  li t0, 50
1:
  vle64.v v8, (a0)
  vmacc.vx v16, t2, v8
  addi t0, t0, -1
  bnez t0, 1b
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return written(tmp_path, [recorded(emulated_record(instructions=COUNTS))])


def test_a_runs_counts_are_estimated_for_the_cores_that_they_fit(run: Path) -> None:
    done = run_cli("estimate", run, "--json")
    lines = json.loads(done.stdout)["estimates"]
    assert [(line["core"], line["kind"]) for line in lines] == [
        ("ascalon", "estimated"),
        ("x100", "estimated"),
        ("x60", "estimated"),
    ]
    assert lines[-1]["cycles"]["low"] == 16e6
    assert lines[-1]["ms"]["low"] == 10


def test_a_record_alone_will_do(run: Path) -> None:
    (record,) = (run / "records").rglob("*.json")
    done = run_cli("estimate", record, "--core", "x60")
    assert done.exit_code == 0, done.stderr.decode()
    assert "16.00 M to 16.50 M" in " ".join(done.stdout.decode().split())
    assert b"without memory" in done.stdout


def test_counts_that_fit_no_core_are_an_error(run: Path) -> None:
    done = run_cli("estimate", run, "--core", "c908")
    assert done.exit_code == 2
    assert b"holds no counts for c908" in done.stderr


def test_assembler_is_run_on_a_processor_like_each_core(tmp_path: Path) -> None:
    (tmp_path / "loop.s").write_text(LOOP)
    done = run_cli("estimate", tmp_path / "loop.s", "--core", "x60", "--core", "c908", "--core", "u74", "--json")
    assert done.exit_code == 0, done.stderr.decode()
    parts = {line["core"]: line["parts"] for line in json.loads(done.stdout)["estimates"]}
    assert {core: found["vector"] for core, found in parts.items()} == {"c908": 800, "x60": 800}
    assert parts["x60"]["memory"] == 2 * 64 / 8 + 2 * 64 / 4  # 128 bytes are loaded again and again


def test_a_candidate_is_judged_against_another(tmp_path: Path) -> None:
    (tmp_path / "loop.s").write_text(LOOP)
    (tmp_path / "better.s").write_text(LOOP.replace("e64", "e32"))
    done = run_cli("estimate", tmp_path / "better.s", "--against", tmp_path / "loop.s", "--core", "x60", "--json")
    verdict = json.loads(done.stdout)["judgement"]
    assert verdict["worst_core"] == "x60"
    assert verdict["worst"] == verdict["geometric_mean"] < 1


def test_assembler_that_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "loop.s").write_text("  vmacc.vq v8, v8\n")
    done = run_cli("estimate", tmp_path / "loop.s", "--core", "x60")
    assert done.exit_code == 4
    assert b"vmacc.vq" in done.stderr


def test_a_subject_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    done = run_cli("estimate", tmp_path / "nothing", "--core", "x60")
    assert done.exit_code == 2
    assert b"no file" in done.stderr
