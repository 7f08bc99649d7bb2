"""The latency chart, which excludes emulators, since their times aren't latencies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgetool.platform.format import ratio_text, time_text
from edgetool.records.record import Record
from edgetool.records.stats import LatencySummary
from edgetool.reports.charts.drawing import (
    GREY,
    PRECISIONS,
    Bar,
    Chart,
    draw,
    draw_bars,
    draw_dots,
    make_room,
    rows_panel,
)
from edgetool.reports.charts.labels import row_label
from edgetool.reports.rows import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINEAR_RANGE = 20  # a bar of a twentieth of the longest is still visible
SMALLEST = 1e-9  # logarithmic axes have no zero


def latency_chart(table: Sequence[Row], records: Sequence[Record]) -> Chart | None:
    timed = [(row, row.latency) for row in table if row.latency is not None and not row.emulated]
    if not timed:
        return None
    scale, unit = _unit(max(latency.p50_ns for _, latency in timed))
    bars = [_bar(row, latency, table, scale) for row, latency in timed]
    lengths = [bar.length for bar in bars]

    def plot(axes: Axes) -> None:
        if max(lengths) > LINEAR_RANGE * min(lengths):
            _draw_dots(axes, bars, unit)
        else:
            draw_bars(axes, bars, unit=unit, room=1.7)

    return draw(
        "latency",
        f"Latency per inference: the median{_precision_text(records)}, and a line to the 90th percentile",
        "; ".join(f"{bar.label} {bar.text}" for bar in bars),
        [rows_panel(plot, len(bars))],
    )


def _precision_text(records: Sequence[Record]) -> str:
    """Return the largest error of the medians, if the stop rule was used for all of them."""
    timings = [record.timing for record in records if record.timing is not None and not record.emulated]
    errors = [timing.stop.error_ppm for timing in timings if timing.stop is not None]
    known = [error for error in errors if error is not None]
    return f" (±{max(known) / 1e4:.2g} % or better)" if known and len(known) == len(timings) else ""


def _unit(ns: float) -> tuple[float, str]:
    return (1e9, "s") if ns >= 1e9 else (1e6, "ms") if ns >= 1e6 else (1e3, "µs")


def _bar(row: Row, latency: LatencySummary, table: Sequence[Row], scale: float) -> Bar:
    ratio = "" if row.ratio is None or row.precision == "fp32" else f" ({ratio_text(row.ratio.value)} of fp32)"
    return Bar(
        label=row_label(row, table),
        length=latency.p50_ns / scale,
        text=f"{time_text(latency.p50_ns)}{ratio}",
        colour=PRECISIONS.get(row.precision, GREY),
        to=latency.p90_ns / scale,
    )


def _draw_dots(axes: Axes, bars: Sequence[Bar], unit: str) -> None:
    """Draw dots on a logarithmic axis, which has no zero from which to draw bars."""
    for i, bar in enumerate(bars):
        at, end = max(bar.length, SMALLEST), max(bar.to or 0, bar.length, SMALLEST)
        draw_dots(axes, i, at, (at, end), colour=bar.colour, label=bar.label, text=bar.text)
    low = max(min(bar.length for bar in bars), SMALLEST)
    high = max(max(bar.length, bar.to or 0) for bar in bars)
    axes.set_xscale("log")
    axes.set_xlim(low / 1.5, high * (high / low) ** 0.6)
    axes.set_xlabel(f"{unit}, logarithmic")
    make_room(axes, len(bars))
