"""The tables of estimates: cycles of a core as intervals, never in a column with measured times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from edgetool.estimates.cores import Core
from edgetool.estimates.estimate import Bound
from edgetool.estimates.rows import EstimateRow, Interval, OperatorEstimate, rows
from edgetool.platform.columns import Column, Detail, Table, raw
from edgetool.platform.format import count_text, percent_text, time_text
from edgetool.records.record import Record


@dataclass(frozen=True, kw_only=True)
class OperatorRow:
    """An operator of a counted model on a core."""

    of: EstimateRow
    operator: OperatorEstimate


def interval_text(cycles: Interval) -> str:
    """Format an interval of cycles.

    >>> interval_text(Interval(low=44_123_456.0, high=71_000_000.0))
    '44.12 M to 71.00 M'
    """
    return f"{count_text(round(cycles.low))} to {count_text(round(cycles.high))}"


def _part(row: EstimateRow, bound: Bound) -> int | None:
    """Return the cycles of a part, or None if it wasn't modelled."""
    return None if bound is Bound.MEMORY and not row.with_memory else round(row.parts[bound])


COLUMNS: tuple[Column[EstimateRow], ...] = (
    Column(title="counted", field="of", value=lambda row: row.of, detail=Detail.BRIEF),
    Column(title="core", field="core", value=lambda row: row.core_title, detail=Detail.BRIEF),
    Column(title="kind", field="kind", value=lambda row: row.kind, detail=Detail.BRIEF),
    Column(
        title="cycles",
        value=lambda row: interval_text(row.cycles),
        detail=Detail.BRIEF,
        meaning="from perfect overlap of arithmetic, memory accesses and issue, to none",
    ),
    raw("cycles_low", lambda row: round(row.cycles.low)),
    raw("cycles_high", lambda row: round(row.cycles.high)),
    Column(
        title="at its clock",
        value=lambda row: f"{time_text(row.ms.low * 1e6)} to {time_text(row.ms.high * 1e6)}",
        detail=Detail.BRIEF,
    ),
    Column(
        title="bound by",
        field="bound_by",
        value=lambda row: row.bound_by.value,
        detail=Detail.BRIEF,
        meaning="what takes longest",
    ),
    *(
        Column(title=bound.value, field=bound.value, value=partial(_part, bound=bound), format=count_text)
        for bound in Bound
    ),
)

OPERATORS: tuple[Column[OperatorRow], ...] = (
    Column(title="operator", field="operator", value=lambda row: row.operator.operator, detail=Detail.BRIEF),
    Column(title="core", field="core", value=lambda row: row.of.core_title, detail=Detail.BRIEF),
    Column(title="kind", field="kind", value=lambda row: row.of.kind, detail=Detail.BRIEF),
    Column(title="cycles", value=lambda row: interval_text(row.operator.cycles), detail=Detail.BRIEF),
    Column(title="bound by", field="bound_by", value=lambda row: row.operator.bound_by.value, detail=Detail.BRIEF),
    Column(title="share", field="share", value=lambda row: row.operator.share, format=percent_text),
)


def record_rows(records: Iterable[Record], cores: Sequence[Core]) -> tuple[EstimateRow, ...]:
    """Return the estimates for every record with instruction counts."""
    return tuple(
        line
        for record in records
        if record.instructions is not None
        for line in rows(record.title, record.instructions, cores)
    )


def estimates_table(lines: Sequence[EstimateRow]) -> Table[EstimateRow]:
    return Table(caption="Estimates", columns=COLUMNS, rows=lines, mark=lambda row: row.kind)


def operator_estimates_table(lines: Sequence[EstimateRow]) -> Table[OperatorRow]:
    entries = [OperatorRow(of=line, operator=operator) for line in lines for operator in line.operators]
    return Table(caption="Estimates by operator", columns=OPERATORS, rows=entries, mark=lambda row: row.of.kind)
