"""A sweep from its orders to its report: what has a record is kept, the rest is measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Protocol

from edgetool.bench.points import Point, PointFailure, PointResult, RecordStore, record_store, write_sweep
from edgetool.errors import ConfigError, EdgetoolError, SweepIncomplete
from edgetool.reports.sweeps import PointRow, write_sweep_report
from edgetool.sweep.orders import Order


class Watch(Protocol):
    """Who is told how a sweep goes."""

    def begin(self, points: Sequence[Point]) -> None:
        """What will be measured."""
        ...

    def step(self, target: str, text: str) -> None:
        """What a target's board does now; called from another thread."""
        ...

    def end(self, result: PointResult) -> None:
        """A point is finished."""
        ...


def run_sweep(
    prepared: Iterable[Order | PointResult],
    folder: Path,
    *,
    name: str,
    watch: Watch,
    scheduler: str | None = None,
    force: bool = False,
) -> tuple[PointRow, ...]:
    """Measure what has no record in `folder` yet, keep each record as it comes, and write the report over all points.

    A point that fails is in the report with its reason. Raises ConfigError when Dask is missing or another sweep is
    at work in the folder, ConnectError when no scheduler answers.
    """
    from filelock import FileLock, Timeout

    created_at = datetime.now(UTC)
    points = tuple(prepared)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=0):
            results = _measure(points, record_store(folder), scheduler=scheduler, watch=watch, force=force)
            write_sweep(folder, name, created_at, results)
            return write_sweep_report(folder)
    except Timeout as error:
        raise ConfigError(
            f"another sweep is at work in {folder}", hint="wait for it, or choose another folder"
        ) from error


def check_complete(table: Sequence[PointRow], folder: Path) -> None:
    """Raises SweepIncomplete, naming the targets, when a point failed."""
    failed = [row for row in table if row.failure is not None]
    if failed:
        where = ", ".join(dict.fromkeys(row.point.target for row in failed))
        raise SweepIncomplete(
            f"{len(failed)} of {len(table)} points failed, on {where}",
            hint=f"{folder / 'report.md'} has the reasons; the same command again measures only what has no record",
        )


def _measure(
    points: Sequence[Order | PointResult], store: RecordStore, *, scheduler: str | None, watch: Watch, force: bool
) -> list[PointResult]:
    """The results in the order of the points."""
    results: dict[Point, PointResult] = {}

    def finish(result: PointResult) -> None:
        results[result.point] = result
        watch.end(result)

    orders = [point for point in points if isinstance(point, Order) and (force or not store.has(point.key))]
    watch.begin([order.point for order in orders])
    for point in points:
        if isinstance(point, PointResult):
            finish(point)
        elif point not in orders:
            finish(PointResult(point=point.point, key=point.key, kept=True))
    if orders:
        with closing(_load_cluster().measure_orders(orders, scheduler=scheduler, on_step=watch.step)) as answers:
            for order, answer in answers:
                finish(_keep(order, answer, store))
    return [results[point.point] for point in points]


def _load_cluster() -> ModuleType:
    try:
        from edgetool.sweep import cluster
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"many boards at once need Dask Distributed: {error.msg}", hint='pip install "edgetool[sweep]"'
        ) from error
    return cluster


def _keep(order: Order, answer: dict[str, bytes] | PointFailure, store: RecordStore) -> PointResult:
    if isinstance(answer, PointFailure):
        return PointResult(point=order.point, failure=answer)
    try:
        store.write(order.key, answer, order.point)
    except EdgetoolError as error:
        return PointResult(point=order.point, failure=PointFailure.of(error))
    return PointResult(point=order.point, key=order.key)
