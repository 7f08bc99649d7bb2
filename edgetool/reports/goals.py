"""Judge goals against a run: met, not met or inconclusive. A goal is never met without a measurement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from edgetool.models.spec import Precision
from edgetool.platform.values import value
from edgetool.records.case import OWN_RUNTIME
from edgetool.records.compare import HOST
from edgetool.records.goals import Goal
from edgetool.records.stats import Interval
from edgetool.reports.metrics import TO_FP32, metric_text, read_metric, timed_apart
from edgetool.reports.rows import Entry, Row

APART = "not timed in turn"


class State(StrEnum):
    MET = "met"
    INCONCLUSIVE = "inconclusive"  # the interval contains the bound, or nothing relevant was measured
    NOT_MET = "not met"


@value
class Check:
    """The result of a goal for one case."""

    goal: Goal
    model: str
    precision: str
    target: str
    measured: Interval | None  # in the metric's unit; None when nothing relevant was measured
    state: State
    reason: str = ""  # why there is no measurement
    apart: bool = False  # of a ratio of times: the two were not timed in turn, so any drift between them is in it

    @property
    def bound(self) -> str:
        goal = self.goal
        if goal.max is not None:
            return f"≤ {metric_text(goal.metric, goal.max)}"
        return f"≥ {metric_text(goal.metric, goal.min or 0.0)}"

    @property
    def found(self) -> str:
        """The value with its interval, or the reason why there is none."""
        if self.measured is None:
            return self.reason
        value, low, high = (
            metric_text(self.goal.metric, number)
            for number in (self.measured.value, self.measured.low, self.measured.high)
        )
        interval = "" if low == high else f"{low} to {high}"
        notes = [note for note in (interval, APART * self.apart) if note]
        return f"{value} ({'; '.join(notes)})" if notes else value


def judge_goals(
    goals: Sequence[Goal], entries: Sequence[Entry], table: Sequence[Row], *, baseline: Sequence[Entry] = ()
) -> tuple[Check, ...]:
    """Judge every goal for every case it applies to. `table` has the rows of `entries`.

    A goal is inconclusive if it applies to no case or its case failed.
    """
    return tuple(check for goal in goals for check in _judge(goal, entries, table, baseline))


def _judge(goal: Goal, entries: Sequence[Entry], table: Sequence[Row], baseline: Sequence[Entry]) -> Iterator[Check]:
    chosen = [
        (row, recorded)
        for row, (_, recorded) in zip(table, entries, strict=True)
        if (row.is_deployed if goal.runtime == OWN_RUNTIME else row.runtime == goal.runtime)
        and goal.model in (None, row.model)
        and goal.precision in (None, row.precision)
        and goal.target in (None, row.target)
    ]
    if goal.target is None and any(row.target != HOST for row, _ in chosen):
        chosen = [(row, recorded) for row, recorded in chosen if row.target != HOST]
    if goal.metric in TO_FP32:
        chosen = [(row, recorded) for row, recorded in chosen if row.precision != Precision.FP32]
    if not chosen:
        yield Check(
            goal=goal,
            model=goal.model or "–",
            precision=goal.precision or "–",
            target=goal.target or "–",
            measured=None,
            state=State.INCONCLUSIVE,
            reason="no case of the run matches",
        )
    for row, recorded in chosen:
        reading = read_metric(
            goal.metric,
            row,
            recorded,
            entries=entries,
            table=table,
            baseline=baseline,
            core=goal.core,
            score=goal.score,
        )
        measured = None if isinstance(reading, str) else reading
        yield Check(
            goal=goal,
            model=row.model,
            precision=row.precision,
            target=row.target,
            measured=measured,
            state=_state(goal, measured),
            reason=reading if isinstance(reading, str) else "",
            apart=measured is not None and timed_apart(goal.metric, row, recorded, baseline),
        )


def _state(goal: Goal, measured: Interval | None) -> State:
    if measured is None:
        return State.INCONCLUSIVE
    low, high = measured.low, measured.high
    if goal.min is not None:
        low, high = -high, -low
    bound = goal.max if goal.max is not None else -(goal.min or 0.0)
    if high <= bound:
        return State.MET
    return State.NOT_MET if low > bound else State.INCONCLUSIVE


def worst(checks: Sequence[Check]) -> State | None:
    """Return the worst state, or None without checks."""
    return max((check.state for check in checks), key=list(State).index, default=None)
