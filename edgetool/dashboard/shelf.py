"""The runs of a folder, found and read: what every page of the dashboard is drawn from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetool.errors import EdgetoolError
from edgetool.platform.foreign import one_line
from edgetool.records.goals import Metric
from edgetool.records.record import Record, Recorded
from edgetool.records.results import RUN, read_run
from edgetool.records.schema1 import SWEEP
from edgetool.records.stats import Interval
from edgetool.reports.metrics import read_metric
from edgetool.reports.report import Report
from edgetool.reports.rows import Row

LABEL_LIMIT = 120


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A case of a run that has a record."""

    report: Report
    row: Row
    recorded: Recorded

    @property
    def run(self) -> str:
        return self.report.stored.folder.name

    @property
    def record(self) -> Record:
        return self.recorded.record

    def number(self, metric: Metric) -> float | None:
        """In the metric's unit; None where nothing that counts was measured."""
        entries, table = self.report.stored.entries, self.report.rows
        reading = read_metric(metric, self.row, self.recorded, entries=entries, table=table)
        return reading.value if isinstance(reading, Interval) else None

    @property
    def series(self) -> str:
        """What it has in common with the same case of other runs."""
        row = self.row
        parts = [f"{row.model} {row.precision} on {row.target}"]
        parts += [] if row.is_own_runtime else [row.runtime]
        parts += [f"{row.threads} threads"] if row.threads > 1 else []
        return label(", ".join(parts))


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What is looked at; nothing chosen is everything."""

    models: frozenset[str] = frozenset()
    precisions: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    runtimes: frozenset[str] = frozenset()

    def admits(self, row: Row) -> bool:
        pairs = (
            (self.models, row.model),
            (self.precisions, row.precision),
            (self.targets, row.target),
            (self.runtimes, row.runtime),
        )
        return all(not chosen or has in chosen for chosen, has in pairs)


def label(text: str) -> str:
    """Text of a record as a widget's."""
    return one_line(text, limit=LABEL_LIMIT)


def changed_ns(folder: Path) -> int:
    """When a run was written last."""
    return max(((folder / name).stat().st_mtime_ns for name in (RUN, SWEEP) if (folder / name).is_file()), default=0)


def read_report(folder: Path) -> Report | EdgetoolError:
    """A run, or why it can't be read."""
    try:
        return Report(read_run(folder))
    except EdgetoolError as error:
        return error


def cells(reports: Iterable[Report]) -> list[Cell]:
    """The cases that have a record, each record once: runs that kept it do not show it again."""
    found: dict[tuple[str, str], Cell] = {}
    for report in reports:
        for row, (_, recorded) in zip(report.rows, report.stored.entries, strict=True):
            if recorded is not None:
                cell = Cell(report=report, row=row, recorded=recorded)
                found.setdefault((recorded.record.id, cell.series), cell)
    return list(found.values())


def best_of(points: Sequence[tuple[float, ...]]) -> list[bool]:
    """For each point whether no other is at least as small everywhere and smaller somewhere: the Pareto front.

    >>> best_of([(1, 5), (2, 2), (3, 3), (2, 2)])
    [True, True, False, True]
    """
    return [
        not any(other != point and all(a <= b for a, b in zip(other, point, strict=True)) for other in points)
        for point in points
    ]
