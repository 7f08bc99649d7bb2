"""The tables of instruction counts: by class and by operator."""

from __future__ import annotations

from collections.abc import Iterator

from edgetool.harness.instructions import OperatorInstructions
from edgetool.measurements.instructions import InstructionCounts
from edgetool.platform.columns import Column, Table
from edgetool.platform.format import count_text, percent_text
from edgetool.platform.values import value

CLASS_TITLES = {"vector_widening": "vector widening, multiply-add"}  # other classes are titled like their field
SHOWN_SHARE = 0.001  # operators below it are omitted


@value
class ClassRow:
    title: str
    raw: int
    weighted: int
    share: float | None  # of the weight; None for the sum


CLASS_COLUMNS: tuple[Column[ClassRow], ...] = (
    Column(title="class", value=lambda row: row.title),
    Column(title="instructions", value=lambda row: row.raw, format=count_text),
    Column(title="weighted", value=lambda row: row.weighted, format=count_text),
    Column(title="share of weight", value=lambda row: row.share, format=percent_text),
)
OPERATOR_COLUMNS: tuple[Column[OperatorInstructions], ...] = (
    Column(title="operator", value=lambda row: row.operator),
    Column(title="kernels", value=lambda row: row.kernels),
    Column(title="calls", value=lambda row: row.calls, format=str),
    Column(title="instructions", value=lambda row: row.raw, format=count_text),
    Column(title="vector share", value=lambda row: row.vector_share, format=percent_text),
    Column(title="weighted", value=lambda row: row.weighted, format=count_text),
    Column(title="share of weight", value=lambda row: row.share, format=percent_text),
)


def class_table(counts: InstructionCounts) -> Table[ClassRow]:
    return Table(caption="By class", columns=CLASS_COLUMNS, rows=list(_classes(counts)))


def _classes(counts: InstructionCounts) -> Iterator[ClassRow]:
    for name, count in counts.classes():
        title = CLASS_TITLES.get(name, name.replace("_", " "))
        share = count.weighted / counts.weighted if counts.weighted else None
        yield ClassRow(title=title, raw=count.raw, weighted=count.weighted, share=share)
    yield ClassRow(title="all", raw=counts.raw, weighted=counts.weighted, share=None)


def operator_table(counts: InstructionCounts, *, share: float = SHOWN_SHARE) -> Table[OperatorInstructions]:
    """Return the table of operators with at least `share` of the weight."""
    rows = [entry for entry in counts.operators if entry.share >= share]
    return Table(caption="By operator", columns=OPERATOR_COLUMNS, rows=rows)
