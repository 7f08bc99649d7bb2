"""A folder of runs as histories."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from edgetool.models.tasks.base import Score
from tests.support.commands import run_cli
from tests.support.records import emulated_record, record, recorded, stored_run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Ten runs whose latency rises by half in the middle, on a board; and an emulator's beside it."""
    for i in range(10):
        base = 1_000_000 if i < 5 else 1_500_000
        samples = tuple(base + (i * 7 + j * 31) % 1000 for j in range(40))
        started = record().started_at + timedelta(days=i)
        board = record(target="board", triple="riscv64-linux-gnu", samples_ns=samples, started_at=started)
        stored_run(tmp_path / "runs" / f"run-{i}", recorded(board), recorded(emulated_record(started_at=started)))
    return tmp_path / "runs"


def test_a_step_is_found_and_named_by_its_run(runs: Path, tmp_path: Path) -> None:
    done = run_cli("history", "--runs", runs, "--metric", "p50_ms", "--json", "--chart", tmp_path / "history.svg")
    (history,) = json.loads(done.stdout)["histories"]
    assert history["target"] == "board"  # an emulator's time is none
    assert len(history["points"]) == 10
    (step,) = history["steps"]
    assert step["after"] == 5
    assert step["ratio"] == pytest.approx(1.5, rel=0.01)
    assert "1.5× from run-5 on" in (tmp_path / "history.svg").read_text()


def test_each_score_has_a_history_of_its_own(tmp_path: Path) -> None:
    for i in range(10):
        values = {"mAP": 0.3 if i < 5 else 0.2, "mAP50": 0.5}
        scores = tuple(Score(name=name, value=value, samples=40) for name, value in values.items())
        started = record().started_at + timedelta(days=i)
        of_run = record(target="board", accuracy=None, scores=scores, started_at=started)
        stored_run(tmp_path / "runs" / f"run-{i}", recorded(of_run))
    done = run_cli("history", "--runs", tmp_path / "runs", "--metric", "score", "--json")
    found = {history["score"]: history["steps"] for history in json.loads(done.stdout)["histories"]}
    assert [step["after"] for step in found["mAP"]] == [5]
    assert found["mAP50"] == []


def test_a_damaged_run_is_named_and_the_others_are_shown(runs: Path) -> None:
    (runs / "run-3" / "run.json").write_text("{")
    (runs / "run-3").rename(runs / "run-3\x1b[2J")
    told = run_cli("history", "--runs", runs).stdout.decode()
    assert "run-3\\x1b[2J: not read" in told
    assert "from run-5 on" in told


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--metric", "weight"), "no metric 'weight'"),
        (("--runs", "nowhere"), "nowhere contains no runs"),
    ],
)
def test_what_cannot_be_shown_is_an_error(runs: Path, words: tuple[str, str], error: str) -> None:
    done = run_cli("history", "--runs", runs, *words, cwd=runs)
    assert done.exit_code == 2
    assert error in done.stderr.decode()
