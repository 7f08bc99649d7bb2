"""The size chart: the model's size in each precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgetool.platform.format import size_text
from edgetool.records.compare import HOST
from edgetool.records.record import Record
from edgetool.reports.charts.drawing import GREY, PRECISIONS, Bar, Chart, draw, draw_bars, rows_panel
from edgetool.reports.rows import Row


def size_chart(table: Sequence[Row], records: Sequence[Record]) -> Chart | None:
    del records
    formats: dict[tuple[str, str], Row] = {}
    for row in sorted(table, key=lambda row: row.target == HOST):  # a target may be deployed in another runtime
        if row.is_deployed:
            formats.setdefault((row.model, row.precision), row)
    bars = [_bar(row, formats) for row in formats.values()]
    if not bars:
        return None
    return draw(
        "size",
        "Size of the model file",
        "; ".join(f"{bar.label} {bar.text}" for bar in bars),
        [rows_panel(lambda axes: draw_bars(axes, bars, unit="MB"), len(bars))],
    )


def _bar(row: Row, formats: Mapping[tuple[str, str], Row]) -> Bar:
    size, fp32 = row.size_bytes or 0, formats.get((row.model, "fp32"))
    saved = "" if fp32 is None or fp32 is row or not fp32.size_bytes else f" ({size / fp32.size_bytes - 1:+.0%})"
    several = len({model for model, _ in formats}) > 1
    return Bar(
        label=f"{row.model} {row.precision}" if several else row.precision,
        length=size / 1e6,
        text=f"{size_text(size)}{saved}",
        colour=PRECISIONS.get(row.precision, GREY),
    )
