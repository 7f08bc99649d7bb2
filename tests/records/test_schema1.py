"""Runs that the first release wrote: today's report says what that release's own summary said."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from edgetool.errors import CompareError
from edgetool.records.compare import compare_paths
from edgetool.records.results import read_run
from edgetool.reports.exporters import write_report
from edgetool.reports.report import Report

WRITTEN = Path(__file__).parent / "schema1"  # by its `deploy --profile` and `sweep`, with the summaries of both
NAMES = {"place": "target"}  # columns that have another name today
REWORDED = {"emulated", "runtime", "caveats", "ratio_low", "ratio_high"}  # or computed in another way


def summary(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def same(then: str, now: str) -> bool:
    try:
        return float(then) == pytest.approx(float(now), rel=1e-3)
    except ValueError:
        return then == now


@pytest.mark.parametrize("name", ["run", "sweep"])
def test_the_numbers_are_those_of_its_summary(name: str) -> None:
    report = Report(stored=read_run(WRITTEN / name))
    now = summary(report.cases.csv())
    then = summary((WRITTEN / name / "summary.csv").read_text())
    assert len(now) == len(then)
    for old, new in zip(then, now, strict=True):
        kept = (set(old) & set(new)) - REWORDED
        assert kept > {"precision", "p50_ns", "ratio_to_fp32", "size_bytes", "correct"}
        assert {key: (old[key], new[key]) for key in kept if not same(old[key], new[key])} == {}
        assert all(old[before] == new[after] for before, after in NAMES.items())
        assert bool(old.get("failure")) == new["outcome"].startswith("failed: HarnessError")


def test_a_report_is_written_anew(tmp_path: Path) -> None:
    folder = shutil.copytree(WRITTEN / "run", tmp_path / "run")
    write_report(folder)
    assert "| conv |" in (folder / "report.md").read_text().lower()  # its profile by operator


def test_its_places_are_compared() -> None:
    comparisons = compare_paths(WRITTEN / "run", WRITTEN / "run")
    assert len(comparisons) == 2
    assert all(comparison.latency is not None and comparison.size == 1 for comparison in comparisons)


@pytest.mark.parametrize("name", ["../../../outside.json", "/etc/passwd"])
def test_a_record_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(WRITTEN / "run", tmp_path / "run")
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**run, "records": [name]}))
    with pytest.raises(CompareError, match="not inside the run"):
        read_run(folder)


def test_a_sweep_that_lost_a_record_says_which(tmp_path: Path) -> None:
    folder = shutil.copytree(WRITTEN / "sweep", tmp_path / "sweep")
    lost = min((folder / "records").iterdir())
    shutil.rmtree(lost)
    with pytest.raises(CompareError, match=lost.name):
        read_run(folder)
