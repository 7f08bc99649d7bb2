"""The memory chart: resident memory by the stage that took it, beside the memory of a small board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from edgetool.platform.format import size_text
from edgetool.records.record import Record
from edgetool.reports.charts.drawing import (
    BLUE,
    GREY,
    INK,
    ORANGE,
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

MEGABYTE = 1e6
BOARD_BYTES = 64_000_000
MARK = "64 MB, a small board's with its kernel"
PARTS = (("program, runtime", GREY), ("model", BLUE), ("activations", ORANGE), ("at the peak", SKY))
AXIS_INCHES, LEGEND_INCHES = 0.43, 0.62
MARK_HEIGHT = 0.52  # of the mark at 64 MB: more than a bar's, less than to the next label


@dataclass(frozen=True, kw_only=True)
class _Stages:
    label: str
    parts: tuple[int, ...]  # bytes that each stage added, as PARTS

    @property
    def total(self) -> int:
        return sum(self.parts)

    @property
    def text(self) -> str:
        return f"{size_text(self.total)}, {'within' if self.total <= BOARD_BYTES else 'beyond'} 64 MB"


def memory_chart(table: Sequence[Row], records: Sequence[Record]) -> Chart | None:
    """Leave out emulated records, in which the emulator's own memory is."""
    found = [
        stages
        for row, record in zip(table, records, strict=True)
        if (stages := _stages(row_label(row, table), record)) is not None
    ]
    if not found:
        return None
    return draw(
        "memory",
        "Resident memory by stage",
        "; ".join(
            f"{stages.label} {stages.text}: "
            + ", ".join(f"{name} {size_text(part)}" for (name, _), part in zip(PARTS, stages.parts, strict=True))
            for stages in found
        ),
        [rows_panel(lambda axes: _draw(axes, found), len(found), below=AXIS_INCHES + LEGEND_INCHES)],
    )


def _stages(label: str, record: Record) -> _Stages | None:
    timing = record.timing
    if timing is None or timing.memory is None or record.emulated:
        return None
    memory = timing.memory
    reached = (memory.runtime_bytes, memory.session_bytes, memory.first_run_bytes, timing.peak_rss_bytes)
    known = [size for size in reached if size is not None]
    if len(known) < len(reached):
        return None
    most = [max(known[: i + 1]) for i in range(len(known))]  # what a stage gave back was needed all the same
    return _Stages(label=label, parts=(most[0], *(after - before for before, after in pairwise(most))))


def _draw(axes: Axes, found: Sequence[_Stages]) -> None:
    for i, stages in enumerate(found):
        left = 0.0
        for (name, colour), part in zip(PARTS, stages.parts, strict=True):
            axes.barh(i, part / MEGABYTE, left=left, color=colour, height=0.42, label=name if i == 0 else f"_{name}")
            left += part / MEGABYTE
        write_behind(axes, max(left, BOARD_BYTES / MEGABYTE), i, stages.text)
        write_label(axes, i, stages.label)
        ends = (i - MARK_HEIGHT / 2, i + MARK_HEIGHT / 2)
        axes.vlines(BOARD_BYTES / MEGABYTE, *ends, color=INK, linewidth=1.5, label=MARK if i == 0 else f"_{MARK}")
    longest = max(BOARD_BYTES, *(stages.total for stages in found)) / MEGABYTE
    axes.set_xlim(0, longest * 1.9)
    axes.set_xlabel("MB")
    make_room(axes, len(found))
    axes.figure.legend(loc="lower left", ncols=2, frameon=False, fontsize=8.5, borderaxespad=0)
