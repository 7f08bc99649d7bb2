"""Titled panels of bars with a common axis, used to compare runtimes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from edgetool.platform.foreign import one_line
from edgetool.reports.charts.drawing import LABEL_LIMIT, Bar, Chart, draw, draw_bars, rows_panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROOM = 1.6  # for the texts behind the bars
TITLE_INCHES = 0.25


def panels_chart(name: str, title: str, panels: Mapping[str, Sequence[Bar]], *, unit: str) -> Chart:
    longest = max(bar.to or bar.length for bars in panels.values() for bar in bars)
    words = (f"{heading}: {', '.join(f'{bar.label} {bar.text}' for bar in bars)}" for heading, bars in panels.items())
    drawn = [
        rows_panel(
            partial(_draw, heading=heading, bars=bars, longest=longest, unit=unit), len(bars), above=TITLE_INCHES
        )
        for heading, bars in panels.items()
    ]
    return draw(name, title, "; ".join(words), drawn)


def _draw(axes: Axes, *, heading: str, bars: Sequence[Bar], longest: float, unit: str) -> None:
    draw_bars(axes, bars, unit=unit)
    axes.set_xlim(0, longest * ROOM or 1)
    axes.set_title(one_line(heading, limit=LABEL_LIMIT), loc="left", fontsize=10, weight="bold")
