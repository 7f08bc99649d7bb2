"""The table of operators by time, from the runtime's profile."""

from __future__ import annotations

from edgetool.measurements.operators import Operators, OperatorTime
from edgetool.platform.columns import Column, Table
from edgetool.platform.format import percent_text

SHOWN_SHARE = 0.01  # operators below it are omitted
# Shares instead of times, since profiling slows the model.
COLUMNS: tuple[Column[OperatorTime], ...] = (
    Column(title="operator", value=lambda row: row.operator),
    Column(title="calls", value=lambda row: row.calls, format=str),
    Column(title="share of time", value=lambda row: row.share, format=percent_text),
)


def operators_table(operators: Operators) -> Table[OperatorTime]:
    rows = [entry for entry in operators.times if entry.share >= SHOWN_SHARE]
    return Table(caption="Time by operator", columns=COLUMNS, rows=rows)
