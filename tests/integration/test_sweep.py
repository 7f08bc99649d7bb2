"""A sweep over two emulated boards and this machine, one of the boards losing its power halfway."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgetool.boards.virtual import BoardOptions, BoardState, board_folder, start_board, stop_board
from edgetool.platform.daemons import identify
from edgetool.platform.store import Store
from tests.support.commands import command_lines, start_cli
from tests.support.waiting import within

OPTIONS = BoardOptions(cores=1, memory_mib=1024, vlen_bits=128)
BOARDS = ("left", "right")
TARGET = """schema = 1
description = "an emulated board of this test"
triple = "riscv64-linux-gnu"

[executor]
kind = "virtual"
"""
PLAN = """schema = 1
targets = ["left", "right", "host"]
images = 4

[[models]]
source = "tiny.onnx"
calibration = "images.npz"

[benchmark]
warmup = 1
min_repetitions = 3
min_duration_s = 0
target_error = 0
timeout_s = 600
"""

AXES = ("model", "precision", "target", "emulated", "runtime", "threads")

pytestmark = [
    pytest.mark.skipif(shutil.which(OPTIONS.machine.emulator) is None, reason="needs qemu-system-misc"),
    pytest.mark.xdist_group("virtual-board"),
]


@pytest.fixture
def boards(store: Store) -> Iterator[dict[str, BoardState]]:
    try:
        yield {name: start_board(board_folder(store, name), OPTIONS, store) for name in BOARDS}
    finally:
        for name in BOARDS:
            stop_board(board_folder(store, name))


def test_a_sweep_over_two_emulated_boards_and_the_host_outlives_one_of_them(
    boards: dict[str, BoardState], tiny_path: Path, images_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "tiny.onnx").write_bytes(tiny_path.read_bytes())
    (tmp_path / "images.npz").write_bytes(images_path.read_bytes())
    (tmp_path / "three.toml").write_text(PLAN)
    for name in BOARDS:
        (tmp_path / "targets").mkdir(exist_ok=True)
        (tmp_path / "targets" / f"{name}.toml").write_text(TARGET)
    lines = []
    with within(1500), start_cli("sweep", "three.toml", cwd=tmp_path, env={"EDGETOOL_TARGETS": "targets"}) as sweep:
        assert sweep.stderr is not None
        for line in sweep.stderr:
            lines.append(line.decode())
            if lines[-1] == "… left: time int8 on left\n":
                os.kill(boards["left"].process.pid, signal.SIGKILL)
        sweep.wait()
    said = "".join(lines)
    assert sweep.returncode == 8, said
    assert "error: 1 of 6 cases failed, on left" in said
    results = json.loads((tmp_path / "sweeps/three/run.json").read_text())["results"]
    failed = {(r["case"]["target"], r["case"]["precision"]): r["failure"] for r in results if r["failure"]}
    assert list(failed) == [("left", "int8")]
    assert failed["left", "int8"]["error"] == "LinkLost"
    with (tmp_path / "sweeps/three/summary.csv").open(newline="") as table:
        (row,) = [row for row in csv.DictReader(table) if row["outcome"]]
    assert (row["model"], row["precision"], row["target"], row["threads"]) == ("tiny", "int8", "left", "1")
    assert row["outcome"].startswith("failed: LinkLost")
    assert {name for name, value in row.items() if value} <= {*AXES, "outcome", "caveats"}
    report = (tmp_path / "sweeps/three/report.md").read_text()
    assert "1 of 6 cases failed" in report
    assert report.count("| right (emulated) |") == 2
    assert identify(boards["left"].process.pid) is None
    assert not [line for line in command_lines() if "pipeline.worker left" in line or "pipeline.worker right" in line]
