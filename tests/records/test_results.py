"""A run's folder: what is written is read back, and what was tampered with is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetool.errors import CompareError
from edgetool.records.case import Fallback
from edgetool.records.compare import compare_paths
from edgetool.records.record import Recorded
from edgetool.records.results import read_recorded, read_run
from tests.support.records import emulated_record, record, recorded, stored_run

FALLBACK = Fallback(asked="dynamic", reason="no kernel", instead="static")


def write(root: Path, *entries: Recorded) -> Path:
    return stored_run(root / "run", *entries, fallbacks=[FALLBACK])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write(tmp_path, recorded(record()), recorded(emulated_record()))


HOST_RECORD = "records/0000000000000000/host-tiny-fp32.json"
TARGET_RECORD = "records/0000000000000001/qemu-riscv64-tiny-fp32.json"


def change(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_what_is_written_is_read_back(run: Path) -> None:
    stored = read_run(run)
    assert [entry.record for entry in stored.recorded] == [record(), emulated_record()]
    assert np.array_equal(stored.recorded[0].outputs["logits"], recorded(record()).outputs["logits"])
    assert stored.run.fallbacks == (FALLBACK,)
    assert stored.target == "qemu-riscv64"


def test_a_record_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    broken = record(outputs_file="absent/folder.npz")
    with pytest.raises(OSError, match="absent"):
        write(tmp_path, recorded(broken))
    assert not list((tmp_path / "run" / "records").iterdir())


@pytest.mark.parametrize("name", ["../outside.npz", "/etc/passwd", "sub/file.npz", "..", ""])
def test_an_outputs_file_elsewhere_is_refused(run: Path, name: str) -> None:
    path = run / HOST_RECORD
    change(path, outputs_file=name)
    with pytest.raises(CompareError, match="outputs_file"):
        read_recorded(path)


@pytest.mark.parametrize("name", ["../outside.json", "/etc/passwd", "a/../../b"])
def test_a_record_elsewhere_is_refused(run: Path, name: str) -> None:
    (first, second) = json.loads((run / "run.json").read_text())["results"]
    change(run / "run.json", results=[{**first, "record": name}, second])
    with pytest.raises(CompareError, match="records"):
        read_run(run)


@pytest.mark.parametrize("changes", [{"schema": 3}, {"triple": "x"}, {"started_at": "soon"}, {"colour": "red"}])
def test_a_record_that_does_not_fit_names_file_and_key(run: Path, changes: dict[str, object]) -> None:
    path = run / HOST_RECORD
    change(path, **changes)
    with pytest.raises(CompareError, match=f"{path}: {next(iter(changes))}"):
        read_run(run)


def test_a_run_of_another_schema_is_refused(run: Path) -> None:
    change(run / "run.json", schema=3)
    with pytest.raises(CompareError, match="schema: 3, this edgetool reads 2"):
        read_run(run)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CompareError, match=r"run\.json"):
        read_run(tmp_path)


def damaged(path: Path) -> list[bytes]:
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:60] + bytes(255 - byte for byte in whole[60:middle]) + whole[middle:]
    return [b"", b"PK", whole[:middle], flipped, b"no archive"]


@pytest.mark.parametrize("which", range(5), ids=["empty", "start", "truncated", "damaged", "text"])
def test_damaged_outputs_are_a_clear_error(run: Path, which: int) -> None:
    path = (run / HOST_RECORD).with_suffix(".npz")
    path.write_bytes(damaged(path)[which])
    with pytest.raises(CompareError, match=r"host-tiny-fp32\.npz"):
        read_run(run)


@pytest.mark.parametrize(
    "arrays",
    [
        {"output_0": np.zeros(3)},
        {"names": np.array(["a", "b"]), "output_0": np.zeros(3)},
        {"names": np.array("a"), "output_0": np.zeros(3)},
        {"names": np.array([object()]), "output_0": np.zeros(3)},
    ],
)
def test_outputs_that_are_not_ours_are_a_clear_error(run: Path, arrays: dict[str, Any]) -> None:
    np.savez((run / HOST_RECORD).with_suffix(".npz"), **arrays)
    with pytest.raises(CompareError, match=r"host-tiny-fp32\.npz"):
        read_run(run)


def test_a_single_array_is_no_set_of_outputs(run: Path) -> None:
    with (run / HOST_RECORD).with_suffix(".npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(CompareError, match=r"host-tiny-fp32\.npz"):
        read_run(run)


def test_a_record_that_was_copied_alone_has_no_outputs(run: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.json"
    alone.write_bytes((run / HOST_RECORD).read_bytes())
    assert read_recorded(alone).outputs == {}


def test_a_run_compared_with_itself_pairs_host_and_target(run: Path) -> None:
    (pair,) = compare_paths(run, run)
    assert {pair.baseline, pair.candidate} == {"tiny fp32 on host", "tiny fp32 on qemu-riscv64"}


def test_two_runs_are_compared_place_by_place(run: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", recorded(record()), recorded(emulated_record()))
    assert [pair.candidate for pair in compare_paths(run, other)] == ["tiny fp32 on host", "tiny fp32 on qemu-riscv64"]


def test_runs_that_share_no_place_are_refused(run: Path, tmp_path: Path) -> None:
    elsewhere = [recorded(record(target=name)) for name in ("a", "b")]
    with pytest.raises(CompareError, match="have no case in common"):
        compare_paths(run, write(tmp_path / "other", *elsewhere))


def test_two_records_are_compared_whatever_their_places(run: Path) -> None:
    (pair,) = compare_paths(run / HOST_RECORD, run / TARGET_RECORD)
    assert pair.difference is not None
    assert pair.difference.max_abs == 0
