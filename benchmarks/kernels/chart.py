"""The chart of the page: weighted instructions of one inference, a panel for each precision."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.kernels.rows import NCNN, OURS, SCALAR, STOCK, Findings, KernelRow
from edgetool.reports.plots import STYLE
from edgetool.reports.units import count_text, ratio_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito's palette, as in the reports.
COLOURS = {STOCK: "#999999", SCALAR: "#56B4E9", NCNN: "#E69F00", OURS: "#0072B2"}
ROOM = 1.45  # for the text behind the longest bar


def write_chart(path: Path, findings: Findings, model: str) -> None:
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [row for row in findings.rows if row.model == model]
    precisions = dict.fromkeys(row.precision for row in rows)
    panels = {precision: [row for row in rows if row.precision == precision] for precision in precisions}
    with rc_context(STYLE):
        figure = Figure(figsize=(8, 0.8 + 0.6 * len(panels) + 0.42 * len(rows)), layout="constrained")
        FigureCanvasAgg(figure)
        heights = [len(panel) for panel in panels.values()]
        axes = figure.subplots(len(panels), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
        for place, (precision, panel) in zip(axes, panels.items(), strict=True):
            _draw(place, findings, panel)
            place.set_title(f"{model}, {precision}")
        axes[-1].set_xlim(0, max(row.counts.weighted for row in rows) / 1e6 * ROOM)
        axes[-1].set_xlabel("weighted instructions of one inference [million], one thread; ratio to stock")
        figure.savefig(path)


def _draw(axes: Axes, findings: Findings, rows: Sequence[KernelRow]) -> None:
    for i, row in enumerate(rows):
        weighted = row.counts.weighted
        stock = findings.stock(row)
        ratio = "" if stock is None or stock is row else f"  {ratio_text(weighted / stock.counts.weighted)}"
        axes.barh(i, weighted / 1e6, color=COLOURS[row.side], height=0.7)
        axes.annotate(
            f"{count_text(weighted)}{ratio}", (weighted / 1e6, i), (4, 0), textcoords="offset points", va="center"
        )
    axes.set_yticks(range(len(rows)), [label(row) for row in rows])
    axes.invert_yaxis()


def label(row: KernelRow) -> str:
    return row.side if row.vlen_bits is None else f"{row.side}, VLEN {row.vlen_bits}"
