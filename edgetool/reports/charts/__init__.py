"""The charts of a report, one module each, in the order of presentation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from edgetool.records.record import Record
from edgetool.reports.charts.accuracy import accuracy_chart
from edgetool.reports.charts.drawing import Chart
from edgetool.reports.charts.instructions import instructions_chart
from edgetool.reports.charts.latency import latency_chart
from edgetool.reports.charts.memory import memory_chart
from edgetool.reports.charts.runtimes import runtimes_chart
from edgetool.reports.charts.samples import samples_chart
from edgetool.reports.charts.size import size_chart
from edgetool.reports.rows import Row

__all__ = ["CHARTS", "Chart", "draw_charts"]

# Each returns None when there is nothing to draw.
CHARTS: tuple[Callable[[Sequence[Row], Sequence[Record]], Chart | None], ...] = (
    size_chart,
    accuracy_chart,
    latency_chart,
    memory_chart,
    instructions_chart,
    runtimes_chart,
    samples_chart,
)


def draw_charts(table: Sequence[Row], records: Sequence[Record]) -> Iterator[Chart]:
    """Draw all charts. `records` are those of the rows that didn't fail, in the same order."""
    measured = [row for row in table if row.failure is None]
    for draw in CHARTS:
        if measured and (chart := draw(measured, records)) is not None:
            yield chart
