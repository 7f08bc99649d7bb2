"""The table of runtimes: the deployed one and its baselines, by the instructions of one inference."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.platform.columns import Column, Detail, Shown, Table, raw
from edgetool.platform.format import count_text, ratio_text, size_text
from edgetool.reports.rows import Row, groups
from edgetool.reports.tables.cases import columns, mark, runtime_text, same_class_note

COLUMNS: tuple[Column[Row], ...] = (
    *columns("model", "precision"),
    Column(title="target", field="target", value=lambda row: row.target, shown=Shown.IF_VARIED),
    Column(title="runtime", field="runtime", value=runtime_text, detail=Detail.BRIEF),
    Column(title="release", field="release", value=lambda row: row.release),
    Column(title="kernels", field="kernels", value=lambda row: row.kernels, detail=Detail.BRIEF),
    raw("vlen_bits", lambda row: row.vlen_bits),
    Column(title="instructions", field="instructions", value=lambda row: row.instructions, format=count_text),
    Column(
        title="weighted",
        field="instructions_weighted",
        value=lambda row: row.instructions_weighted,
        format=count_text,
        detail=Detail.BRIEF,
    ),
    Column(
        title="÷ deployed",
        field="ratio_to_deployed",
        value=lambda row: 1.0 if row.is_deployed else row.deployed_ratio and round(row.deployed_ratio, 4),
        format=ratio_text,
        detail=Detail.BRIEF,
        meaning="of weighted instructions, not of time",
    ),
    Column(title="loaded", field="load_bytes", value=lambda row: row.load_bytes, format=size_text),
    Column(title="stored", field="store_bytes", value=lambda row: row.store_bytes, format=size_text),
    Column(
        title="output vs deployed",
        field="output_difference",
        value=lambda row: row.deployed_difference,
        format="{:.1g}".format,
        note=lambda row: same_class_note(row.deployed_same_predictions, row.deployed_samples),
        meaning="largest difference between the outputs for the first held-out images, relative to the largest output",
    ),
    raw("same_predictions", lambda row: row.deployed_same_predictions),
    raw("compared_samples", lambda row: row.deployed_samples),
)


def runtimes_table(table: Sequence[Row]) -> Table[Row]:
    """Return the counted rows of cells with more than one runtime, the deployed one last."""
    counted = [row for row in table if row.instructions is not None]
    cells = groups(counted, lambda row: (row.model, row.precision, row.target, row.threads))
    beside = [sorted(cell, key=lambda row: row.is_deployed) for cell in cells if len(cell) > 1]
    return Table(
        caption="One inference in each runtime",
        columns=COLUMNS,
        rows=[row for cell in beside for row in cell],
        mark=mark,
    )
