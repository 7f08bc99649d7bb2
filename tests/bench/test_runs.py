"""A run's folder: what is written is read back, and what was tampered with is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetool.bench.measure import Measurement
from edgetool.bench.pairs import compare_paths
from edgetool.bench.record import Fallback
from edgetool.bench.runs import read_measurement, read_run, write_run
from edgetool.errors import CompareError, ConfigError
from tests.support import emulated_record, measurement, model_spec, record

FALLBACK = Fallback(asked="dynamic", reason="no kernel", instead="static")


def write(root: Path, *measurements: Measurement) -> Path:
    return write_run(
        root,
        target="qemu-riscv64",
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        models=[model_spec()],
        measurements=measurements,
        fallbacks=[FALLBACK],
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write(tmp_path / "runs", measurement(record()), measurement(emulated_record()))


def change(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_what_is_written_is_read_back(run: Path) -> None:
    stored = read_run(run)
    assert [entry.record for entry in stored.measurements] == [record(), emulated_record()]
    assert np.array_equal(stored.measurements[0].outputs["logits"], measurement(record()).outputs["logits"])
    assert stored.run.fallbacks == (FALLBACK,)
    assert run.name.startswith("20260102T030405Z-")


def test_two_runs_of_one_second_have_two_folders(tmp_path: Path) -> None:
    assert write(tmp_path, measurement(record())) != write(tmp_path, measurement(record()))


def test_nothing_but_the_run_is_left_in_the_folder_of_runs(run: Path) -> None:
    assert list(run.parent.iterdir()) == [run]


def test_a_run_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    broken = measurement(record(outputs_file="absent/folder.npz"))
    with pytest.raises(OSError, match="absent"):
        write(tmp_path, broken)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot write to"):
        write(tmp_path / "file", measurement(record()))


@pytest.mark.parametrize("name", ["../outside.npz", "/etc/passwd", "sub/file.npz", "..", ""])
def test_an_outputs_file_elsewhere_is_refused(run: Path, name: str) -> None:
    path = run / "records" / "host-tiny-fp32.json"
    change(path, outputs_file=name)
    with pytest.raises(CompareError, match="outputs_file"):
        read_measurement(path)


@pytest.mark.parametrize("name", ["../outside.json", "/etc/passwd", "a/../../b"])
def test_a_record_elsewhere_is_refused(run: Path, name: str) -> None:
    change(run / "run.json", records=[name])
    with pytest.raises(CompareError, match="records"):
        read_run(run)


@pytest.mark.parametrize("changes", [{"schema": 2}, {"samples_ns": []}, {"samples_ns": ["1"]}, {"colour": "red"}])
def test_a_record_that_does_not_fit_names_file_and_key(run: Path, changes: dict[str, object]) -> None:
    path = run / "records" / "host-tiny-fp32.json"
    change(path, **changes)
    with pytest.raises(CompareError, match=f"{path}: {next(iter(changes))}"):
        read_run(run)


def test_a_run_of_another_schema_is_refused(run: Path) -> None:
    change(run / "run.json", schema=2)
    with pytest.raises(CompareError, match="schema: 2, this edgetool reads 1"):
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
    path = run / "records" / "host-tiny-fp32.npz"
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
    np.savez(run / "records" / "host-tiny-fp32.npz", **arrays)
    with pytest.raises(CompareError, match=r"host-tiny-fp32\.npz"):
        read_run(run)


def test_a_single_array_is_no_set_of_outputs(run: Path) -> None:
    with (run / "records" / "host-tiny-fp32.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(CompareError, match=r"host-tiny-fp32\.npz"):
        read_run(run)


def test_a_record_that_was_copied_alone_has_no_outputs(run: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.json"
    alone.write_bytes((run / "records" / "host-tiny-fp32.json").read_bytes())
    assert read_measurement(alone).outputs == {}


def test_a_run_compared_with_itself_pairs_host_and_target(run: Path) -> None:
    (pair,) = compare_paths(run, run)
    assert {pair.baseline, pair.candidate} == {"tiny fp32 on host", "tiny fp32 on qemu-riscv64"}


def test_two_runs_are_compared_place_by_place(run: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", measurement(record()), measurement(emulated_record()))
    assert [pair.candidate for pair in compare_paths(run, other)] == ["tiny fp32 on host", "tiny fp32 on qemu-riscv64"]


def test_runs_that_share_no_place_are_refused(run: Path, tmp_path: Path) -> None:
    elsewhere = [measurement(record(target=name, outputs_file=f"{name}.npz")) for name in ("a", "b")]
    with pytest.raises(CompareError, match="share no place and precision"):
        compare_paths(run, write(tmp_path / "other", *elsewhere))


def test_two_records_are_compared_whatever_their_places(run: Path) -> None:
    records = run / "records"
    (pair,) = compare_paths(records / "host-tiny-fp32.json", records / "qemu-riscv64-tiny-fp32.json")
    assert pair.difference is not None
    assert pair.difference.max_abs == 0
