"""`edgetool sweep` on this machine: what has a record is not measured again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from edgetool.platform.process import Completed
from tests.support.commands import run_cli

PLAN = """schema = 1
targets = ["host"]
precisions = ["fp32"]
images = 4
[[models]]
source = "tiny.onnx"
calibration = "images.npz"
[benchmark]
warmup = 1
min_repetitions = 3
min_duration_s = 0
target_error = 0
"""


@pytest.fixture
def folder(tiny_path: Path, images_path: Path, tmp_path: Path) -> Path:
    (tmp_path / "tiny.onnx").write_bytes(tiny_path.read_bytes())
    (tmp_path / "images.npz").write_bytes(images_path.read_bytes())
    (tmp_path / "one.toml").write_text(PLAN)
    return tmp_path


def swept(folder: Path, *words: str) -> dict[str, Any]:
    done = run_cli("sweep", "one.toml", "--json", *words, cwd=folder)
    assert done.exit_code == 0, done.stderr.decode()
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def record_ids(folder: Path) -> dict[str, str]:
    """Precision → the id of its record."""
    paths = (folder / "sweeps/one/records").glob("*/*.json")
    records = [json.loads(path.read_text()) for path in paths]
    return {record["subject"]["model"]["precision"]: record["id"] for record in records}


def test_a_second_sweep_measures_only_what_is_new_and_force_everything(folder: Path) -> None:
    (row,) = swept(folder)["cases"]
    assert (row["kept"], row["failure"]) == (False, None)
    first = record_ids(folder)
    (folder / "one.toml").write_text(PLAN.replace('["fp32"]', '["fp32", "int8"]'))
    assert {row["case"]["precision"]: row["kept"] for row in swept(folder)["cases"]} == {"fp32": True, "int8": False}
    assert record_ids(folder)["fp32"] == first["fp32"]
    (folder / "one.toml").write_text(PLAN)
    assert [row["kept"] for row in swept(folder, "--force")["cases"]] == [False]
    assert record_ids(folder)["fp32"] != first["fp32"]


def without_dask(folder: Path, *words: str) -> Completed:
    """As where the extra is not installed."""
    (folder / "absent").mkdir()
    (folder / "absent/distributed.py").write_text("raise ModuleNotFoundError(\"No module named 'distributed'\")\n")
    path = os.pathsep.join([str(folder / "absent"), os.environ.get("PYTHONPATH", "")])
    return run_cli(*words, cwd=folder, env={"PYTHONPATH": path.rstrip(os.pathsep)})


def test_without_dask_it_says_what_to_install(folder: Path) -> None:
    done = without_dask(folder, "sweep", "one.toml")
    assert done.exit_code == 2
    assert b'pip install "edgetool[sweep]"' in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_report_is_written_anew_and_a_folder_in_use_is_refused(folder: Path) -> None:
    from filelock import FileLock

    swept(folder)
    (folder / "sweeps/one/report.md").unlink()
    assert run_cli("report", "sweeps/one", cwd=folder).exit_code == 0
    assert (folder / "sweeps/one/report.md").is_file()
    with FileLock(folder / "sweeps/one/.lock"):
        refused = run_cli("sweep", "one.toml", cwd=folder)
    assert refused.exit_code == 2
    assert b"another run is active" in refused.stderr
