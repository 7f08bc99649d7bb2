"""The size chart: the model's size in each precision, in the format of each runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgetool.platform.format import size_text
from edgetool.records.compare import HOST
from edgetool.records.record import Record
from edgetool.reports.charts.drawing import GREY, PRECISIONS, Bar, Chart, draw, draw_bars, rows_panel
from edgetool.reports.rows import Row
from edgetool.runtimes.spec import TITLES

Format = tuple[str, str, str]  # model, precision, kind of runtime


def size_chart(table: Sequence[Row], records: Sequence[Record]) -> Chart | None:
    del table
    sizes: dict[Format, int] = {}
    for record in sorted(records, key=lambda record: record.subject.target == HOST):
        model = record.subject.model
        sizes.setdefault((model.name, str(model.precision), record.subject.runtime.kind), model.size_bytes)
    bars = [_bar(each, sizes) for each in sizes]
    if not bars:
        return None
    return draw(
        "size",
        "Size of the model file",
        "; ".join(f"{bar.label} {bar.text}" for bar in bars),
        [rows_panel(lambda axes: draw_bars(axes, bars, unit="MB"), len(bars))],
    )


def _bar(each: Format, sizes: Mapping[Format, int]) -> Bar:
    model, precision, kind = each
    size, fp32 = sizes[each], sizes.get((model, "fp32", kind))
    saved = "" if precision == "fp32" or not fp32 else f" ({size / fp32 - 1:+.0%})"
    models, _, kinds = (set(names) for names in zip(*sizes, strict=True))
    words = (model if len(models) > 1 else "", precision, TITLES.get(kind, kind) if len(kinds) > 1 else "")
    return Bar(
        label=" ".join(word for word in words if word),
        length=size / 1e6,
        text=f"{size_text(size)}{saved}",
        colour=PRECISIONS.get(precision, GREY),
    )
