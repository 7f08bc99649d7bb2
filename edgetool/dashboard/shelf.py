"""The runs of a folder, found and read: what every page of the dashboard is drawn from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetool.errors import EdgetoolError
from edgetool.platform.foreign import one_line
from edgetool.records.record import Record, Recorded
from edgetool.records.results import RUN, read_run
from edgetool.records.schema1 import SWEEP
from edgetool.reports.report import Report
from edgetool.reports.rows import Row

LABEL_LIMIT = 120


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A case of a run that has a record."""

    run: str
    row: Row
    recorded: Recorded

    @property
    def record(self) -> Record:
        return self.recorded.record

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


def run_folders(root: Path) -> list[Path]:
    """The run that `root` is, or those that lie in it, the latest name first; one that is unfinished is none."""
    if _is_run(root):
        return [root]
    try:
        with os.scandir(root) as entries:
            found = [Path(entry.path) for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    except OSError:
        return []
    return sorted((folder for folder in found if _is_run(folder)), key=lambda folder: folder.name, reverse=True)


def _is_run(folder: Path) -> bool:
    return (folder / RUN).is_file() or (folder / SWEEP).is_file()


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
                cell = Cell(run=report.stored.folder.name, row=row, recorded=recorded)
                found.setdefault((recorded.record.id, cell.series), cell)
    return list(found.values())


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number of a case that is worth a history; `value` is None where it was not measured."""

    title: str
    value: Callable[[Row], float | None]


METRICS = (
    Metric(title="accuracy [%]", value=lambda row: None if row.accuracy is None else row.accuracy.value * 100),
    Metric(title="latency p50 [ms]", value=lambda row: _latency(row, 1e-6)),
    Metric(title="weighted instructions [M]", value=lambda row: _scaled(row.instructions_weighted, 1e-6)),
    Metric(title="size [MB]", value=lambda row: _scaled(row.size_bytes, 1e-6)),
    Metric(title="peak memory [MB]", value=lambda row: _scaled(row.peak_rss_bytes, 1e-6)),
)
COSTS = METRICS[1:3]


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale


def _latency(row: Row, scale: float) -> float | None:
    """None for an emulator's time, which is no latency."""
    return None if row.latency is None or row.emulated else row.latency.p50_ns * scale


def best_of(points: Sequence[tuple[float, ...]]) -> list[bool]:
    """For each point whether no other is at least as small everywhere and smaller somewhere: the Pareto front.

    >>> best_of([(1, 5), (2, 2), (3, 3), (2, 2)])
    [True, True, False, True]
    """
    return [
        not any(other != point and all(a <= b for a, b in zip(other, point, strict=True)) for other in points)
        for point in points
    ]
