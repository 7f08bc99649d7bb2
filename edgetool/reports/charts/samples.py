"""The sample chart: every timed inference in order, which shows drift, throttling and outliers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgetool.platform.foreign import one_line
from edgetool.platform.format import time_text
from edgetool.records.record import Record
from edgetool.reports.charts.drawing import GREY, INK, LABEL_LIMIT, PRECISIONS, Chart, Panel, draw
from edgetool.reports.charts.labels import row_label
from edgetool.reports.rows import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS_LIMIT = 12
DOTS_LIMIT = 120  # more samples are drawn as range and median of this many groups


def samples_chart(table: Sequence[Row], records: Sequence[Record]) -> Chart | None:
    """Draw the samples. Return None when nothing was timed or there are too many panels."""
    timed = [
        (row, row_label(row, table), np.asarray(record.timing.samples_ns, dtype=np.float64))
        for row, record in zip(table, records, strict=True)
        if record.timing is not None
    ]
    if not 0 < len(timed) <= PANELS_LIMIT:
        return None
    ranges = (f"{name}: {len(ns)} from {time_text(ns.min())} to {time_text(ns.max())}" for _, name, ns in timed)
    return draw(
        "samples",
        "Every timed inference in order; the line is the median",
        "; ".join(ranges),
        [
            Panel(
                draw=partial(_draw, row=row, name=name, samples_ns=ns), height=0.85, above=0.26, below=0.26, left=0.52
            )
            for row, name, ns in timed
        ],
    )


def _draw(axes: Axes, *, row: Row, name: str, samples_ns: npt.NDArray[np.float64]) -> None:
    from matplotlib.ticker import MaxNLocator

    top = float(samples_ns.max())
    scale, unit = (1e9, "s") if top >= 1e9 else (1e6, "ms")
    colour, samples = PRECISIONS.get(row.precision, GREY), samples_ns / scale
    if len(samples) <= DOTS_LIMIT:
        face = "none" if row.emulated else colour
        axes.plot(np.arange(1, len(samples) + 1), samples, "o", markersize=3, color=colour, markerfacecolor=face)
    else:
        stretches = np.array_split(samples, DOTS_LIMIT)
        at = np.linspace(1, len(samples), DOTS_LIMIT)
        low, high = [part.min() for part in stretches], [part.max() for part in stretches]
        axes.fill_between(at, low, high, color=colour, alpha=0.5, linewidth=0)
        axes.plot(at, [np.median(part) for part in stretches], color=colour, linewidth=1)
    axes.axhline(float(np.median(samples)), color=INK, linewidth=0.8)
    axes.set_ylim(0, max(top, 1.0) / scale * 1.2)
    axes.set_ylabel(unit)
    axes.spines["left"].set_visible(True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(one_line(name, limit=LABEL_LIMIT), loc="left", fontsize=9.5)
