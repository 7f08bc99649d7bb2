"""The chart of runtimes beside each other: weighted instructions of one inference, a panel for each precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgetool.platform.format import count_text, ratio_text
from edgetool.reports.plots import STYLE
from edgetool.reports.runtimes import RuntimeRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito's palette, as in the other charts.
BLUE, SKY, ORANGE, GREY = "#0072B2", "#56B4E9", "#E69F00", "#999999"
COLOURS = {"deployed": BLUE, "scalar": SKY, "ncnn": ORANGE}
ROOM = 1.45  # for the text behind the longest bar
MILLION = 1e6


@dataclass(frozen=True, kw_only=True)
class Bar:
    label: str
    weighted: int
    ratio: float | None  # to what the chart compares with; None for that itself
    colour: str


def write_runtimes_chart(path: Path, table: Sequence[RuntimeRow]) -> None:
    panels: dict[str, list[Bar]] = {}
    for row in table:
        ratio = None if row.deployed else row.ratio
        bar = Bar(label=row.name, weighted=row.instructions_weighted, ratio=ratio, colour=COLOURS.get(row.name, GREY))
        panels.setdefault(f"{row.model}, {row.precision} on {row.place}", []).append(bar)
    write_panels(path, panels, compared_with="deployed")


def write_panels(path: Path, panels: Mapping[str, Sequence[Bar]], *, compared_with: str) -> None:
    """A panel under its title for each list of bars, all on one axis, as a PNG."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    path.parent.mkdir(parents=True, exist_ok=True)
    heights = [len(bars) for bars in panels.values()]
    with rc_context(STYLE):
        figure = Figure(figsize=(8, 0.8 + 0.6 * len(panels) + 0.42 * sum(heights)), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(len(panels), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
        for place, (title, bars) in zip(axes, panels.items(), strict=True):
            _draw(place, bars)
            place.set_title(title)
        axes[-1].set_xlim(0, max(bar.weighted for bars in panels.values() for bar in bars) / MILLION * ROOM)
        axes[-1].set_xlabel(f"weighted instructions of one inference [million], one thread; ratio to {compared_with}")
        figure.savefig(path)


def _draw(axes: Axes, bars: Sequence[Bar]) -> None:
    for i, bar in enumerate(bars):
        length = bar.weighted / MILLION
        axes.barh(i, length, color=bar.colour, height=0.7)
        ratio = "" if bar.ratio is None else f"  {ratio_text(bar.ratio)}"
        axes.annotate(
            f"{count_text(bar.weighted)}{ratio}", (length, i), (4, 0), textcoords="offset points", va="center"
        )
    axes.set_yticks(range(len(bars)), [bar.label for bar in bars])
    axes.invert_yaxis()
