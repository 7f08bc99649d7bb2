"""Find and read the runs of a folder, for all pages of the dashboard."""

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
LATEST = 20  # runs that are read at first


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
        """Return the name that the same case has in other runs."""
        row = self.row
        parts = [f"{row.model} {row.precision} on {row.target}"]
        parts += [] if row.is_own_runtime else [row.runtime]
        parts += [f"{row.threads} threads"] if row.threads > 1 else []
        return label(", ".join(parts))


@dataclass(frozen=True, kw_only=True)
class Filter:
    """The chosen models, precisions, targets and runtimes. An empty choice admits all."""

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
    """Escape a record's text for a widget."""
    return one_line(text, limit=LABEL_LIMIT)


def changed_ns(folder: Path) -> int:
    """Return the time of a run's last change."""
    return max(((folder / name).stat().st_mtime_ns for name in (RUN, SWEEP) if (folder / name).is_file()), default=0)


def read_report(folder: Path) -> Report | EdgetoolError:
    """Read a run's report. Return the error when it can't be read."""
    try:
        return Report(read_run(folder))
    except EdgetoolError as error:
        return error


def cells(reports: Iterable[Report]) -> list[Cell]:
    """Return the cases with a record. A record that several runs share appears once."""
    found: dict[tuple[str, str], Cell] = {}
    for report in reports:
        for row, (_, recorded) in zip(report.rows, report.stored.entries, strict=True):
            if recorded is not None:
                cell = Cell(report=report, row=row, recorded=recorded)
                found.setdefault((recorded.record.id, cell.series), cell)
    return list(found.values())


def best_of(points: Sequence[tuple[float, ...]]) -> list[bool]:
    """Return for each point whether it is on the Pareto front: no other is at most as large and somewhere smaller.

    >>> best_of([(1, 5), (2, 2), (3, 3), (2, 2)])
    [True, True, False, True]
    """
    return [
        not any(other != point and all(a <= b for a, b in zip(other, point, strict=True)) for other in points)
        for point in points
    ]
