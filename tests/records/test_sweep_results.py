"""The records of a sweep: kept whole or not at all, and believed only when they are what was asked for."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from edgetool.errors import CompareError, HarnessError
from edgetool.models.spec import Precision
from edgetool.records.case import Case, CaseFailure, CaseResult
from edgetool.records.results import RecordStore, Run, read_run, write_recorded, write_run
from edgetool.reports.exporters import write_report
from tests.support.records import emulated_record, model_spec, record, recorded

CASE = Case(model="tiny", precision=Precision.FP32, target="host", threads=1)
KEY, OTHER_KEY = "0" * 16, "1" * 16


def files(**changes: Any) -> dict[str, bytes]:
    """What a worker sends of a record."""
    with tempfile.TemporaryDirectory() as folder:
        write_recorded(Path(folder), recorded(record(**changes)), "host-tiny-fp32")
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def received(sent: dict[str, bytes]) -> Callable[[Path], object]:
    return lambda folder: [(folder / name).write_bytes(data) for name, data in sent.items()]


def test_a_record_is_found_again_under_its_key(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    assert not store.has(KEY)
    store.write(KEY, received(files()), CASE)
    assert store.has(KEY)
    assert store.read(KEY).record.timing is not None
    store.write(KEY, received(files(id="another")), CASE)
    assert store.read(KEY).record.id == "another"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("run.sh", b""),
        ("host-tiny-fp32.json", b"{"),
        ("host-tiny-fp32.npz", b"no archive"),
        ("second.json", b"{}"),
    ],
)
def test_what_is_no_record_is_refused_and_leaves_nothing(tmp_path: Path, name: str, data: bytes) -> None:
    sent = {**files(), name: data}
    with pytest.raises(HarnessError):
        RecordStore(tmp_path).write(KEY, received(sent), CASE)
    assert not list((tmp_path / "records").iterdir())


@pytest.mark.parametrize(
    "changes",
    [{"target": "desk"}, {"threads": 2}, {"model": model_spec(precision=Precision.INT8)}],
)
def test_a_record_of_another_point_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(HarnessError, match="the record is of"):
        RecordStore(tmp_path).write(KEY, received(files(**changes)), CASE)


def test_a_damaged_record_counts_as_none(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    path = store.write(KEY, received(files()), CASE)
    (tmp_path / path).write_bytes(b"{")
    assert not store.has(KEY)


def write_sweep(folder: Path, *results: CaseResult) -> Path:
    created_at = datetime(2026, 1, 1, tzinfo=UTC)
    run = Run(schema=2, id="s", command="sweep", title="s", created_at=created_at, edgetool="0", results=results)
    folder.mkdir(exist_ok=True)
    write_run(folder, run)
    return folder


def sweep_of_three(folder: Path) -> Path:
    """The host measured, an emulated place measured, a board lost."""
    emulated, desk = replace(CASE, target="qemu-riscv64"), replace(CASE, target="desk")
    store = RecordStore(folder)
    there = partial(write_recorded, recorded=recorded(emulated_record()), stem=emulated.stem)
    lost = CaseFailure(error="ConnectError", message="the link to desk | was lost\nsecond line", hint="is it on?")
    return write_sweep(
        folder,
        CaseResult(case=CASE, record=store.write(KEY, received(files()), CASE), kept=True),
        CaseResult(case=emulated, record=store.write(OTHER_KEY, there, emulated)),
        CaseResult(case=desk, failure=lost),
    )


def test_the_report_is_written_in_every_form(tmp_path: Path) -> None:
    folder = sweep_of_three(tmp_path)
    report = write_report(folder)
    assert [row.failure is None for row in report.rows] == [True, True, False]
    text = (folder / "report.md").read_text()
    assert "qemu-riscv64 (emulated)" in text
    assert r"ConnectError: the link to desk \| was lost" in text
    assert "ConnectError: the link to desk | was lost" in (folder / "report.html").read_text()
    assert (folder / "charts/size.svg").is_file()
    lines = list(csv.DictReader((folder / "summary.csv").read_text().splitlines()))
    outcomes = ["kept", "", "failed: ConnectError: the link to desk | was lost second line"]
    assert [line["outcome"] for line in lines] == outcomes


def test_a_sweep_of_failures_only_has_a_report(tmp_path: Path) -> None:
    write_sweep(tmp_path, CaseResult(case=CASE, failure=CaseFailure(error="ConnectError", message="gone")))
    (row,) = write_report(tmp_path).rows
    assert row.failure is not None


@pytest.mark.parametrize("path", ["records/2222222222222222/x.json", "../../../../etc/passwd", "/etc/passwd"])
def test_a_sweep_whose_record_is_gone_or_elsewhere_is_an_error(tmp_path: Path, path: str) -> None:
    folder = sweep_of_three(tmp_path)
    document = json.loads((folder / "run.json").read_text())
    document["results"][0]["record"] = path
    (folder / "run.json").write_text(json.dumps(document))
    with pytest.raises(CompareError):
        read_run(folder)
