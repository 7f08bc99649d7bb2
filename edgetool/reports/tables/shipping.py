"""The table of shipping candidates: each runtime in each precision, with all criteria for a choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgetool.platform.columns import Column, Detail, Shown, Table
from edgetool.platform.format import noise_text, percent_text, size_text
from edgetool.reports.rows import Row, groups
from edgetool.reports.tables.cases import columns, mark, score_columns


def runtime_of(row: Row) -> str:
    """Return the runtime's release if it ran, else its name as a user gives it."""
    return row.release or ("onnxruntime" if row.is_own_runtime else row.runtime)


def _agreement_note(row: Row) -> str:
    return "" if row.agreeing is None else f"({row.agreeing}/{row.agreement_samples})"


def _of_a_board(column: Column[Row]) -> Column[Row]:
    """Return the column without what an emulator took, which chooses nothing."""
    return replace(column, value=lambda row: None if row.emulated else column.value(row), shown=Shown.IF_ANY)


_load, _p50, _peak = map(_of_a_board, columns("session_load_ns", "p50_ns", "peak_rss_bytes"))
COLUMNS: tuple[Column[Row], ...] = (
    *columns("model", "target", "threads"),
    Column(title="runtime", field="runtime", value=runtime_of, detail=Detail.BRIEF),
    *columns("precision", "outcome"),
    Column(title="model size", field="size_bytes", value=lambda row: row.size_bytes, format=size_text),
    Column(
        title="library",
        field="library_bytes",
        value=lambda row: row.library_bytes,
        format=size_text,
        detail=Detail.BRIEF,
        meaning="the runtime's libraries, without the C and C++ libraries of the board",
    ),
    _load,
    _p50,
    *columns("instructions_weighted"),
    _peak,
    Column(
        title="accuracy",
        field="accuracy",
        value=lambda row: row.accuracy and row.accuracy.value,
        format=percent_text,
        detail=Detail.BRIEF,
        shown=Shown.IF_ANY,
    ),
    Column(
        title="agreement",
        field="agreement",
        value=lambda row: (
            row.agreeing / row.agreement_samples if row.agreeing is not None and row.agreement_samples else None
        ),
        format=percent_text,
        note=_agreement_note,
        shown=Shown.IF_ANY,
        meaning="images with the same class as in the exported fp32 model, which was checked against PyTorch",
    ),
    Column(
        title="outputs",
        field="agreement_db",
        value=lambda row: None if row.agreeing is not None else row.agreement_db,
        format=noise_text,
        shown=Shown.IF_ANY,
        meaning="signal to noise against the exported fp32 model's outputs, which were checked against PyTorch",
    ),
)


def shipping_table(table: Sequence[Row]) -> Table[Row]:
    """Return the rows of cells for which several runtimes were requested."""
    cells = groups(table, lambda row: (row.model, row.target, row.threads))
    rows = [row for cell in cells if len({row.runtime for row in cell}) > 1 for row in cell]
    place = next(i for i, column in enumerate(COLUMNS) if column.field == "agreement")
    with_scores = (*COLUMNS[:place], *score_columns(rows), *COLUMNS[place:])
    return Table(caption="Each runtime in each precision", columns=with_scores, rows=rows, mark=mark)
