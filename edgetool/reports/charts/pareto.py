"""The chart of a tuning: accuracy over cost, a dot for each candidate as large as its model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgetool.platform.format import percent_text, ratio_text, size_text
from edgetool.platform.values import value
from edgetool.records.stats import Interval
from edgetool.reports.charts.drawing import BLUE, INK, ORANGE, Chart, Panel, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@value
class Point:
    label: str  # "fp32", "1"
    cost: Interval  # ÷ that of fp32
    accuracy: Interval
    size_bytes: int
    is_best: bool


def pareto_chart(points: Sequence[Point], judged_by: str) -> Chart | None:
    """None where no costs are known."""
    if not points:
        return None
    largest = max(point.size_bytes for point in points)

    def plot(axes: Axes) -> None:
        for point in points:
            colour = BLUE if point.label == "fp32" else ORANGE
            x, y = point.cost, point.accuracy
            axes.plot([x.low, x.high], [y.value] * 2, color=colour, linewidth=1)
            axes.plot([x.value] * 2, [y.low, y.high], color=colour, linewidth=1)
            edge = INK if point.is_best else colour
            axes.scatter([x.value], [y.value], s=120 * point.size_bytes / largest, color=colour, edgecolors=edge)
            axes.annotate(point.label, (x.value, y.value), (6, 4), textcoords="offset points")
        axes.set_xlim(0, 1.15 * max(point.cost.high for point in points))
        axes.set_xlabel("cost on the target ÷ fp32")
        axes.yaxis.set_major_formatter(lambda share, _: percent_text(share))

    words = (
        f"{point.label}: {ratio_text(point.cost.value)} of fp32's cost, {percent_text(point.accuracy.value)}, "
        f"{size_text(point.size_bytes)}{', recommended' if point.is_best else ''}"
        for point in points
    )
    title = f"{judged_by.capitalize()} over cost; the area of a dot is the model's size, lines are 95 % intervals"
    return draw("pareto", title, "; ".join(words), [Panel(draw=plot, height=2.6, above=0.1, below=0.45, left=0.7)])
