"""The instruction chart: weighted instructions, with each bar divided by kind of instruction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgetool.measurements.instructions import InstructionCounts
from edgetool.platform.format import count_text
from edgetool.records.record import Record
from edgetool.reports.charts.drawing import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    RED,
    SKY,
    Chart,
    draw,
    make_room,
    rows_panel,
    write_behind,
    write_label,
)
from edgetool.reports.charts.labels import row_label
from edgetool.reports.rows import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MILLION = 1e6
PARTS = (
    ("scalar integer, system", BLUE, ("scalar_integer", "system")),
    ("scalar float", SKY, ("scalar_float",)),
    ("branches", GREY, ("branch",)),
    ("loads, stores", ORANGE, ("load", "store")),
    ("vector configuration", INK, ("vector_config",)),
    ("vector arithmetic", GREEN, ("vector_integer", "vector_float", "vector_widening", "vector_permute")),
    ("vector loads, stores", RED, ("vector_unit", "vector_strided")),
)
AXIS_INCHES, LEGEND_INCHES = 0.43, 0.75


def instructions_chart(table: Sequence[Row], records: Sequence[Record]) -> Chart | None:
    """Show the deployed runtimes; other runtimes have their own chart."""
    counted = [
        (row_label(row, table), counts)
        for row, record in zip(table, records, strict=True)
        if row.is_deployed and (counts := record.instructions) is not None
    ]
    if not counted:
        return None
    return draw(
        "instructions",
        "Weighted instructions per inference, by class; not a time",
        "; ".join(f"{name} {_text(counts)}" for name, counts in counted),
        [rows_panel(lambda axes: _draw(axes, counted), len(counted), below=AXIS_INCHES + LEGEND_INCHES)],
    )


def _text(counts: InstructionCounts) -> str:
    return f"{count_text(counts.weighted)} (raw {count_text(counts.raw)})"


def _draw(axes: Axes, counted: Sequence[tuple[str, InstructionCounts]]) -> None:
    classes = [{str(kind): count for kind, count in counts.classes()} for _, counts in counted]
    left = [0.0] * len(counted)
    for title, colour, names in PARTS:
        parts = [sum(found[name].weighted for name in names if name in found) / MILLION for found in classes]
        if any(parts):
            axes.barh(range(len(counted)), parts, left=left, color=colour, height=0.42, label=title)
        left = [start + part for start, part in zip(left, parts, strict=True)]
    for i, (name, counts) in enumerate(counted):
        write_behind(axes, counts.weighted / MILLION, i, _text(counts))
        write_label(axes, i, name)
    axes.set_xlim(0, max(counts.weighted for _, counts in counted) / MILLION * 1.7 or 1)
    axes.set_xlabel("million")
    make_room(axes, len(counted))
    axes.figure.legend(loc="lower left", ncols=2, frameon=False, fontsize=8.5, borderaxespad=0)
