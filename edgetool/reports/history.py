"""The history of a case over several runs: each metric over time, and its lasting changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from edgetool.errors import CompareError, ConfigError
from edgetool.platform.columns import Column, Detail, Shown, Table
from edgetool.platform.foreign import one_line
from edgetool.platform.values import value
from edgetool.records.case import OWN_RUNTIME, Case
from edgetool.records.goals import Metric, score_title
from edgetool.records.results import read_run, run_folders
from edgetool.records.stats import Interval
from edgetool.records.steps import Step, find_steps
from edgetool.reports.charts.drawing import GREY, LABEL_LIMIT, PRECISIONS, Chart, Panel, draw
from edgetool.reports.metrics import metric_text, named, read_metric
from edgetool.reports.report import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEFAULT = (Metric.P50_MS, Metric.ACCURACY, Metric.SCORE, Metric.SIZE_BYTES, Metric.PEAK_RSS_BYTES, Metric.INSTRUCTIONS)
PANELS_LIMIT = 24


@value
class Series:
    """A metric of a case, and which of its scores."""

    metric: Metric
    case: Case
    score: str | None = None  # None unless the metric is a score


@value
class Point:
    run: str
    at: datetime
    measured: Interval


@value
class History:
    """One metric of one case over at least one run."""

    metric: Metric
    score: str | None  # its name; None unless the metric is a score
    model: str
    precision: str
    target: str
    runtime: str
    threads: int
    points: tuple[Point, ...]  # in time order
    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        """The name of what was measured: "p50_ms", "mAP"."""
        return score_title(self.metric, self.score) or self.metric.value

    @property
    def title(self) -> str:
        runtime = "" if self.runtime == OWN_RUNTIME else f", {self.runtime}"
        threads = f", {self.threads} threads" if self.threads > 1 else ""
        return f"{self.model} {self.precision} on {self.target}{runtime}{threads}"

    def text(self, number: float) -> str:
        return metric_text(self.metric, number)

    @property
    def levels(self) -> Iterator[tuple[Sequence[Point], float]]:
        """The points between two steps, and their median."""
        for start, end in pairwise([0, *(step.after for step in self.steps), len(self.points)]):
            yield self.points[start:end], median(point.measured.value for point in self.points[start:end])

    @property
    def change(self) -> str:
        """A description of each step, with the first run after it."""
        if self.steps:
            return "; ".join(f"{step.ratio:.3g}× from {self.points[step.after].run} on" for step in self.steps)
        return "too few runs" if len(self.points) < 4 else "no step"


def read_history(folder: Path, metrics: Sequence[Metric] = DEFAULT) -> tuple[tuple[History, ...], tuple[str, ...]]:
    """Return the histories of all runs in a folder, and the names of unreadable runs.

    Raises ConfigError when there are no runs.
    """
    reports, unreadable = [], []
    runs = run_folders(folder)
    if not runs:
        raise ConfigError(
            f"{folder} contains no runs", hint="`edgetool deploy` writes to runs/; --runs selects another folder"
        )
    for path in sorted(runs):
        try:
            reports.append(Report(read_run(path)))
        except CompareError:
            unreadable.append(path.name)
    histories = (history_of(series, points) for series, points in points_of(reports, metrics).items())
    return tuple(sorted(histories, key=lambda h: (list(Metric).index(h.metric), h.name, h.title))), tuple(unreadable)


def points_of(reports: Iterable[Report], metrics: Sequence[Metric]) -> dict[Series, list[Point]]:
    """What runs measured of each metric, case by case; a record that a later run kept is one point."""
    found: dict[Series, dict[tuple[str, datetime], Point]] = {}
    for report in reports:
        entries, table = report.stored.entries, report.rows
        for row, (_, recorded) in zip(table, entries, strict=True):
            if recorded is None:
                continue
            for metric, score in named(metrics, row):
                reading = read_metric(metric, row, recorded, entries=entries, table=table, score=score)
                if isinstance(reading, Interval):
                    point = Point(run=report.stored.folder.name, at=recorded.record.started_at, measured=reading)
                    series = Series(metric=metric, case=row.case, score=score)
                    found.setdefault(series, {}).setdefault((recorded.record.id, point.at), point)
    return {series: list(points.values()) for series, points in found.items()}


def history_of(series: Series, points: Sequence[Point]) -> History:
    """The points in order of time, with the steps found in them."""
    ordered = tuple(sorted(points, key=lambda point: point.at))
    case = series.case
    return History(
        metric=series.metric,
        score=series.score,
        model=case.model,
        precision=case.precision,
        target=case.target,
        runtime=case.runtime,
        threads=case.threads,
        points=ordered,
        steps=find_steps([point.measured for point in ordered]),
    )


COLUMNS: tuple[Column[History], ...] = (
    Column(title="metric", field="metric", value=lambda h: h.name, detail=Detail.BRIEF),
    Column(title="model", field="model", value=lambda h: h.model, shown=Shown.IF_VARIED),
    Column(title="precision", field="precision", value=lambda h: h.precision, detail=Detail.BRIEF),
    Column(title="target", field="target", value=lambda h: h.target, detail=Detail.BRIEF),
    Column(title="runtime", field="runtime", value=lambda h: h.runtime, shown=Shown.IF_VARIED),
    Column(title="threads", field="threads", value=lambda h: h.threads, format=str, shown=Shown.IF_VARIED),
    Column(title="runs", field="runs", value=lambda h: len(h.points), format=str),
    Column(title="first", field="first", value=lambda h: h.text(h.points[0].measured.value), detail=Detail.BRIEF),
    Column(title="last", field="last", value=lambda h: h.text(h.points[-1].measured.value), detail=Detail.BRIEF),
    Column(title="steps", field="steps", value=lambda h: h.change, detail=Detail.BRIEF),
)


def history_table(histories: Sequence[History]) -> Table[History]:
    return Table(caption="History", columns=COLUMNS, rows=histories)


def history_chart(histories: Sequence[History]) -> Chart | None:
    """Draw a panel for each history with more than one point. Return None if there are none or too many."""
    shown = [history for history in histories if len(history.points) > 1]
    if not 0 < len(shown) <= PANELS_LIMIT:
        return None
    return draw(
        "history",
        "Each metric over the runs; a line is the level between two steps",
        "; ".join(f"{history.name} of {history.title}: {history.change}" for history in shown),
        [
            Panel(draw=partial(_draw, history=history), height=0.85, above=0.26, below=0.26, left=0.75)
            for history in shown
        ],
    )


def _draw(axes: Axes, *, history: History) -> None:
    import numpy as np

    values = np.array([point.measured.value for point in history.points])
    low = values - np.array([point.measured.low for point in history.points])
    high = np.array([point.measured.high for point in history.points]) - values
    colour = PRECISIONS.get(history.precision, GREY)
    at = np.arange(1, len(values) + 1)
    axes.errorbar(at, values, yerr=[low.clip(0), high.clip(0)], fmt="o", markersize=3, color=colour, linewidth=1)
    start = 0
    for piece, level in history.levels:
        axes.plot([start + 0.6, start + len(piece) + 0.4], [level] * 2, color=colour, linewidth=1.2)
        start += len(piece)
    axes.set_yticks(sorted({values.min(), values.max()}))
    axes.set_yticklabels([history.text(number) for number in sorted({values.min(), values.max()})])
    axes.set_xticks([])
    axes.set_title(one_line(f"{history.name}: {history.title}", limit=LABEL_LIMIT), loc="left", fontsize=9.5)
