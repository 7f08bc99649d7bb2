"""The records of a sweep: kept whole or not at all, and believed only when they are what was asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgetool.bench.points import Point, PointFailure, PointResult, RecordStore, read_sweep, record_store, write_sweep
from edgetool.bench.runs import write_measurement
from edgetool.errors import CompareError, HarnessError
from edgetool.models.spec import Precision
from edgetool.reports.sweeps import brief_table, point_rows, sweep_table, write_sweep_report
from tests.support import QUICK, emulated_record, measurement, model_spec, record

POINT = Point(model="tiny", precision=Precision.FP32, target="host", threads=1)
KEY, OTHER_KEY = "0" * 16, "1" * 16


def files(folder: Path, **changes: object) -> dict[str, bytes]:
    """What a worker sends of a measurement."""
    write_measurement(folder, measurement(record(**changes)))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_record_is_found_again_under_its_key(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "records")
    assert not store.has(KEY)
    store.write(KEY, files(tmp_path / "sent"), POINT)
    assert store.has(KEY)
    assert store.read(KEY).record.samples_ns
    store.write(KEY, files(tmp_path / "sent", id="another"), POINT)
    assert store.read(KEY).record.id == "another"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("../escape.json", b"{}"),
        ("a/b.json", b"{}"),
        ("run.sh", b""),
        ("host-tiny-fp32.json", b"{"),
        ("host-tiny-fp32.npz", b"no archive"),
        ("second.json", b"{}"),
    ],
)
def test_what_is_no_record_is_refused_and_leaves_nothing(tmp_path: Path, name: str, data: bytes) -> None:
    sent = {**files(tmp_path / "sent"), name: data}
    with pytest.raises(HarnessError):
        RecordStore(tmp_path / "records").write(KEY, sent, POINT)
    assert not list((tmp_path / "records").iterdir())
    assert not (tmp_path / "escape.json").exists()


@pytest.mark.parametrize(
    "changes",
    [{"target": "desk"}, {"spec": replace(QUICK, threads=2)}, {"model": model_spec(precision=Precision.INT8)}],
)
def test_a_record_of_another_point_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(HarnessError, match="the record is of"):
        RecordStore(tmp_path / "records").write(KEY, files(tmp_path / "sent", **changes), POINT)


def test_a_damaged_record_counts_as_none(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    store.write(KEY, files(tmp_path / "sent"), POINT)
    (tmp_path / KEY / "host-tiny-fp32.json").write_bytes(b"{")
    assert not store.has(KEY)


def sweep_of_three(folder: Path) -> Path:
    """The host measured, an emulated place measured, a board lost."""
    emulated = replace(POINT, target="qemu-riscv64")
    store = record_store(folder)
    store.write(KEY, files(folder / "host"), POINT)
    write_measurement(folder / "emulated", measurement(emulated_record()))
    store.write(OTHER_KEY, {path.name: path.read_bytes() for path in (folder / "emulated").iterdir()}, emulated)
    lost = PointFailure(error="ConnectError", message="the link to desk | was lost\nsecond line", hint="is it on?")
    results = [
        PointResult(point=POINT, key=KEY, kept=True),
        PointResult(point=emulated, key=OTHER_KEY),
        PointResult(point=replace(POINT, target="desk"), failure=lost),
    ]
    write_sweep(folder, "three", datetime(2026, 1, 1, tzinfo=UTC), results)
    return folder


def test_a_failed_point_has_its_reason_and_no_number(tmp_path: Path) -> None:
    headings, cells = sweep_table(point_rows(read_sweep(sweep_of_three(tmp_path))))
    by_place = {line[headings.index("place")]: dict(zip(headings, line, strict=True)) for line in cells}
    assert by_place["host"]["what came of it"] == "kept"
    assert by_place["qemu-riscv64 (emulated)"]["÷ fp32"] == "–"
    failed = by_place["desk"]
    assert failed["what came of it"] == "failed: ConnectError: the link to desk | was lost"
    assert {failed[heading] for heading in headings[4:-1]} == {"–"}
    _, brief = brief_table(point_rows(read_sweep(tmp_path)))
    assert brief[2] == ("tiny fp32, 1 thread", "desk", "–", "–", "–", "failed")


def test_the_report_is_written_in_every_form_and_can_be_written_anew(tmp_path: Path) -> None:
    folder = sweep_of_three(tmp_path)
    table = write_sweep_report(folder)
    assert [row.row is None for row in table] == [False, False, True]
    text = (folder / "report.md").read_text()
    assert "1 measured, 1 kept from an earlier sweep, 1 failed" in text
    assert "qemu-riscv64 (emulated)" in text
    assert "the link to desk | was lost (is it on?)" in text
    assert "data:image/png;base64," in (folder / "report.html").read_text()
    assert (folder / "charts/points.png").read_bytes().startswith(b"\x89PNG")
    lines = (folder / "summary.csv").read_text().splitlines()
    assert len({line.count(",") for line in lines}) == 1
    assert lines[3].startswith("tiny,fp32,desk,1,ConnectError: the link to desk | was lost,,")


def test_a_sweep_of_failures_only_has_a_report(tmp_path: Path) -> None:
    lost = PointResult(point=POINT, failure=PointFailure(error="ConnectError", message="gone"))
    write_sweep(tmp_path, "none", datetime(2026, 1, 1, tzinfo=UTC), [lost])
    (row,) = write_sweep_report(tmp_path)
    assert row.row is None


def test_a_sweep_whose_record_is_gone_or_whose_key_is_a_path_is_an_error(tmp_path: Path) -> None:
    folder = sweep_of_three(tmp_path)
    document = json.loads((folder / "sweep.json").read_text())
    for key in ("2" * 16, "../../../../etc/x"[:16]):
        document["results"][0]["key"] = key
        (folder / "sweep.json").write_text(json.dumps(document))
        with pytest.raises(CompareError):
            read_sweep(folder)
