"""Goals and gates: met, not met, inconclusive, and what a CI gets to read."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetool.errors import ConfigError
from edgetool.measurements.accuracy import Accuracy
from edgetool.measurements.instructions import InstructionCounts
from edgetool.measurements.timing import Turns
from edgetool.models.spec import Precision
from edgetool.models.tasks.base import Score
from edgetool.records.goals import Goal, Metric, read_gates
from edgetool.records.record import Record
from edgetool.records.results import read_run, write_run
from edgetool.records.stats import Interval
from edgetool.reports.board import Phase, Progress
from edgetool.reports.exporters import write_report
from edgetool.reports.gate import gate
from edgetool.reports.goals import State, worst
from edgetool.reports.report import Report
from tests.support.commands import run_cli
from tests.support.records import emulated_record, instruction_mix, model_spec, record, recorded, stored_run

BOARD = {"target": "board", "triple": "riscv64-linux-gnu"}
INT8 = model_spec(precision=Precision.INT8, size_bytes=1100, sha256="c" * 64)


def counted(scalar: int) -> InstructionCounts:
    return InstructionCounts(emulator="qemu", vlen_bits=256, inferences=(instruction_mix(scalar=scalar),))


def on_board(**changes: Any) -> Record:
    return record(**{**BOARD, "outputs_file": None, **changes})


def judged(root: Path, goal: Goal, *records: Record, baseline: Path | None = None) -> State | None:
    return worst(gate([goal], stored_run(root / "run", *map(recorded, records)), baseline))


@pytest.mark.parametrize(
    ("bounds", "state"),
    [
        ({"max": 5000}, State.MET),
        ({"max": 3000}, State.NOT_MET),
        ({"min": 3000}, State.MET),
        ({"min": 5000}, State.NOT_MET),
    ],
)
def test_an_exact_number_is_met_or_not(tmp_path: Path, bounds: dict[str, Any], state: State) -> None:
    assert judged(tmp_path, Goal(metric=Metric.SIZE_BYTES, **bounds), on_board()) is state


@pytest.mark.parametrize(("bound_ms", "state"), [(2.0, State.MET), (1.2, State.NOT_MET), (1.5, State.INCONCLUSIVE)])
def test_a_bound_within_the_interval_is_inconclusive(tmp_path: Path, bound_ms: float, state: State) -> None:
    samples = tuple(1_500_000 + (i * 7919 % 101 - 50) * 1000 for i in range(300))
    assert judged(tmp_path, Goal(metric=Metric.P50_MS, max=bound_ms), on_board(samples_ns=samples)) is state


def test_no_time_of_an_emulator_meets_a_goal(tmp_path: Path) -> None:
    (check,) = gate([Goal(metric=Metric.P90_MS, max=1e6)], stored_run(tmp_path / "run", recorded(emulated_record())))
    assert check.state is State.INCONCLUSIVE
    assert check.found == "emulated: no latency"


def test_too_few_repetitions_settle_nothing(tmp_path: Path) -> None:
    assert judged(tmp_path, Goal(metric=Metric.P90_MS, max=1e6), on_board(samples_ns=(1_000_000,) * 5)) is (
        State.INCONCLUSIVE
    )


def test_a_goal_about_nothing_is_not_met(tmp_path: Path) -> None:
    goal = Goal(metric=Metric.SIZE_BYTES, max=1e12, target="elsewhere")
    assert judged(tmp_path, goal, on_board()) is State.INCONCLUSIVE


def test_the_size_is_judged_beside_fp32(tmp_path: Path) -> None:
    goal = Goal(metric=Metric.SIZE_RATIO, precision=Precision.INT8, max=0.3)
    assert judged(tmp_path / "both", goal, on_board(), on_board(model=INT8)) is State.MET
    assert judged(tmp_path / "alone", goal, on_board(model=INT8)) is State.INCONCLUSIVE


@pytest.mark.parametrize(("correct", "state"), [(200, State.MET), (198, State.INCONCLUSIVE), (180, State.NOT_MET)])
def test_a_loss_of_accuracy_is_an_interval(tmp_path: Path, correct: int, state: State) -> None:
    def accuracy(right: int) -> Accuracy:
        return Accuracy(
            images=200, labels=(1,) * 200, inputs_sha256="b" * 64, predictions=(1,) * right + (2,) * (200 - right)
        )

    goal = Goal(metric=Metric.ACCURACY_LOSS, max=0.02)
    found = judged(tmp_path, goal, on_board(accuracy=accuracy(200)), on_board(model=INT8, accuracy=accuracy(correct)))
    assert found is state


SCORES = (
    Score(name="mAP", value=0.31, samples=40, higher_is_better=True),
    Score(name="mine:error", value=2.5, samples=40),
)


@pytest.mark.parametrize(
    ("score", "bounds", "state"),
    [
        ("mAP", {"min": 0.3}, State.MET),
        ("mAP", {"min": 0.32}, State.NOT_MET),
        ("mine:error", {"max": 3}, State.MET),
        ("mine:error", {"max": 2}, State.NOT_MET),
        ("mIoU", {"min": 0.0}, State.INCONCLUSIVE),
    ],
)
def test_a_score_is_bounded_by_its_name(tmp_path: Path, score: str, bounds: dict[str, Any], state: State) -> None:
    goal = Goal(metric=Metric.SCORE, score=score, **bounds)
    assert judged(tmp_path, goal, on_board(accuracy=None, scores=SCORES)) is state


@pytest.mark.parametrize(("bound", "state"), [(0.2, State.MET), (0.3, State.INCONCLUSIVE), (0.4, State.NOT_MET)])
def test_the_interval_of_a_score_is_judged(tmp_path: Path, bound: float, state: State) -> None:
    score = replace(SCORES[0], interval=Interval(value=0.31, low=0.25, high=0.38))
    goal = Goal(metric=Metric.SCORE, score="mAP", min=bound)
    assert judged(tmp_path, goal, on_board(accuracy=None, scores=(score,))) is state


def test_too_few_samples_settle_nothing(tmp_path: Path) -> None:
    goal = Goal(metric=Metric.SCORE, score="mAP", min=0.0)
    assert judged(tmp_path, goal, on_board(accuracy=None, scores=(replace(SCORES[0], samples=9),))) is (
        State.INCONCLUSIVE
    )


@pytest.mark.parametrize(("bound", "state"), [(0.1, State.MET), (0.02, State.INCONCLUSIVE), (-0.1, State.NOT_MET)])
def test_a_loss_of_a_score_is_of_the_same_draws(tmp_path: Path, bound: float, state: State) -> None:
    draws = np.array([0.2, 0.4] * 100)  # they scatter, but alike in both
    before, after = (
        Score(
            name="mAP", value=0.3 - loss, samples=100, higher_is_better=True, resampled=tuple(d - loss for d in draws)
        )
        for loss in (0.0, 0.02)
    )
    goal = Goal(metric=Metric.SCORE_LOSS, score="mAP", max=bound)
    records = on_board(accuracy=None, scores=(before,)), on_board(model=INT8, accuracy=None, scores=(after,))
    assert judged(tmp_path, goal, *records) is state


@pytest.mark.parametrize(
    ("samples", "says"),
    [(9, "too few samples for an interval"), (100, "no such score has an interval in both formats")],
)
def test_a_loss_without_draws_says_why(tmp_path: Path, samples: int, says: str) -> None:
    scores = (replace(SCORES[0], samples=samples),)
    records = on_board(accuracy=None, scores=scores), on_board(model=INT8, accuracy=None, scores=scores)
    run = stored_run(tmp_path / "run", *map(recorded, records))
    (check,) = gate([Goal(metric=Metric.SCORE_LOSS, score="mAP", max=0.1)], run)
    assert (check.state, check.found) == (State.INCONCLUSIVE, says)


def test_a_score_that_cannot_be_bounded_says_why(tmp_path: Path) -> None:
    goal = Goal(metric=Metric.SCORE, score="mIoU", min=0.3)
    random = model_spec(accuracy_means_something=False)
    records = (
        on_board(accuracy=None, scores=SCORES),
        on_board(accuracy=None),
        on_board(accuracy=None, scores=SCORES, model=random),
    )
    runs = [stored_run(tmp_path / str(i), recorded(each)) for i, each in enumerate(records)]
    assert [check.found for run in runs for check in gate([goal], run)] == [
        "it has no such score, but mAP, mine:error",
        "nothing judged its outputs",
        "random weights: scores are meaningless",
    ]


@pytest.mark.parametrize("turns", [None, Turns(id="board", blocks=(4,) * 6 + (3,) * 2)])
def test_a_ratio_of_times_that_were_not_taken_in_turn_says_so(tmp_path: Path, turns: Turns | None) -> None:
    in_run, in_baseline = (
        Goal(metric=metric, precision=Precision.INT8, max=2)
        for metric in (Metric.LATENCY_RATIO, Metric.BASELINE_LATENCY_RATIO)
    )
    faster = tuple(1_000_000 + i for i in range(30))
    before = stored_run(tmp_path / "before", recorded(on_board(model=INT8)))
    after = stored_run(
        tmp_path / "after",
        recorded(on_board(turns=turns)),
        recorded(on_board(model=INT8, turns=turns, samples_ns=faster)),
    )
    found = [check.found for check in gate([in_run, in_baseline], after, before)]
    assert ["not timed in turn" in each for each in found] == [turns is None, True]


@pytest.mark.parametrize(("scalar", "passes"), [(1000, True), (1001, True), (1002, False)])
def test_a_regression_of_a_tenth_of_a_percent_is_stopped_without_a_board(
    tmp_path: Path, scalar: int, passes: bool
) -> None:
    before = stored_run(tmp_path / "before", recorded(emulated_record(instructions=counted(scalar=1000))))
    after = stored_run(tmp_path / "after", recorded(emulated_record(instructions=counted(scalar=scalar))))
    gates = tmp_path / "gates\x1b.toml"  # which XML has no word for
    gates.write_text('schema = 1\n[[goals]]\nmetric = "baseline_instructions_ratio"\nmax = 1.001\n')
    done = run_cli("compare", before, after, "--gate", gates, "--junit", tmp_path / "junit.xml")
    assert done.exit_code == (0 if passes else 9), done.stderr
    failures = ElementTree.parse(tmp_path / "junit.xml").getroot().findall(".//failure")
    assert len(failures) == (0 if passes else 1)


def test_a_ci_gets_a_summary(tmp_path: Path) -> None:
    run = stored_run(tmp_path / "run", recorded(on_board()))
    gates = tmp_path / "gates.toml"
    gates.write_text('schema = 1\n[[goals]]\nname = "small | <b>"\nmetric = "size_bytes"\nmax = 1\n')
    page = tmp_path / "summary.md"
    page.write_text("# Before\n")
    done = run_cli("compare", run, "--gate", gates, env={"GITHUB_STEP_SUMMARY": str(page)})
    assert done.exit_code == 9
    assert "error: small | <b>: not met: 4 kB, wanted ≤ 1 B" in done.stderr.decode()
    text = page.read_text()
    assert text.startswith("# Before\n## Goals")
    assert "<b>" not in text


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('metric = "size_bytes"', "exactly one of `max` and `min`"),
        ('metric = "accuracy"\nmin = 95', "accuracy is a share, and 95 is none"),
        ('metric = "accuracy_loss"\nmax = 1.5', "accuracy_loss is a share, and 1.5 is none"),
        ('metric = "p90_ms"\nmax = -5', "p90_ms is never below 0"),
        ('metric = "size_bytes"\nmax = 1\nmin = 1', "exactly one of `max` and `min`"),
        ('metric = "weight"\nmax = 1', "goals.0.metric"),
        ('metric = "estimated_cycles"\nmax = 1', "`core` belongs to"),
        ('metric = "score"\nmin = 1', "`score` belongs to"),
        ('metric = "size_bytes"\nscore = "mAP"\nmin = 1', "`score` belongs to"),
        ('metric = "size_bytes"\nmax = 1\ncolour = "red"', "goals.0.colour: unknown key"),
    ],
)
def test_a_bad_file_of_gates_names_the_key(tmp_path: Path, text: str, key: str) -> None:
    (tmp_path / "gates.toml").write_text(f"schema = 1\n[[goals]]\n{text}\n")
    with pytest.raises(ConfigError, match=key.replace(".", r"\.")):
        read_gates(tmp_path / "gates.toml")


def test_the_board_follows_from_the_record(tmp_path: Path) -> None:
    folder = stored_run(tmp_path / "run", recorded(emulated_record()), recorded(emulated_record(model=INT8)))
    stored = read_run(folder)
    goals = (Goal(metric=Metric.SIZE_RATIO, max=0.3, owner="<i>me</i>"), Goal(metric=Metric.P90_MS, max=100))
    write_run(folder, replace(stored.run, goals=goals))
    report = write_report(folder)
    assert list(report.board) == list(Phase)
    states = {task.title: task.progress for task in report.tasks}
    assert states["Quantize"] is Progress.DONE
    assert states["Measure latency"] is Progress.OPEN
    assert states["Meet the goals"] is Progress.OPEN
    page = (folder / "report.html").read_text()
    assert "&lt;i&gt;me&lt;/i&gt;" in page
    assert "emulated: no latency" in page
    told = json.loads(run_cli("status", folder, "--json").stdout)
    assert [goal["state"] for goal in told["goals"]] == ["met", "inconclusive", "inconclusive"]


def test_a_failed_goal_fails_its_task(tmp_path: Path) -> None:
    folder = stored_run(tmp_path / "run", recorded(on_board()))
    stored = read_run(folder)
    write_run(folder, replace(stored.run, goals=(Goal(metric=Metric.SIZE_BYTES, max=1),)))
    states = {task.title: task.progress for task in Report(read_run(folder)).tasks}
    assert states["Meet the goals"] is Progress.FAILED
