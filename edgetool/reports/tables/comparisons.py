"""The table of `edgetool compare`: candidates relative to baselines."""

from __future__ import annotations

from edgetool.platform.columns import Column, Detail, Shown, Table
from edgetool.platform.format import count_text, ratio_text
from edgetool.records.compare import Comparison
from edgetool.reports.tables.cases import same_class_note


def _interval(comparison: Comparison) -> str:
    latency = comparison.latency
    return "" if latency is None else f"(95 %: {ratio_text(latency.low)} to {ratio_text(latency.high)})"


def _same_class(comparison: Comparison) -> str:
    difference = comparison.difference
    return "" if difference is None else same_class_note(difference.same_top1, difference.samples)


def _counts(comparison: Comparison) -> str:
    """Return the counts of both sides: "949.6 M → 48.12 M"."""
    counts = comparison.instructions
    return "" if counts is None else f"({count_text(counts.baseline)} → {count_text(counts.candidate)})"


def _weights(comparison: Comparison) -> str:
    counts = comparison.instructions
    if counts is None:
        return ""
    return f"({count_text(counts.baseline_weighted)} → {count_text(counts.candidate_weighted)})"


COLUMNS: tuple[Column[Comparison], ...] = (
    Column(title="baseline", value=lambda row: row.baseline, detail=Detail.BRIEF),
    Column(title="candidate", value=lambda row: row.candidate, detail=Detail.BRIEF),
    Column(
        title="latency",
        value=lambda row: row.latency and row.latency.value,
        format=ratio_text,
        note=_interval,
        detail=Detail.BRIEF,
        shown=Shown.IF_ANY,
    ),
    Column(title="size", value=lambda row: row.size, format=ratio_text, detail=Detail.BRIEF),
    Column(
        title="output difference",
        value=lambda row: row.difference and row.difference.max_abs_relative,
        format="{:.1g}".format,
        note=_same_class,
        detail=Detail.BRIEF,
        shown=Shown.IF_ANY,
    ),
    Column(
        title="instructions",
        value=lambda row: row.instructions and row.instructions.ratio,
        format=ratio_text,
        note=_counts,
        shown=Shown.IF_ANY,
    ),
    Column(
        title="weighted",
        value=lambda row: row.instructions and row.instructions.ratio_weighted,
        format=ratio_text,
        note=_weights,
        detail=Detail.BRIEF,
        shown=Shown.IF_ANY,
    ),
    Column(title="caveats", value=lambda row: " ".join(row.caveats) or None, detail=Detail.BRIEF, shown=Shown.IF_ANY),
)


class Comparisons(tuple[Comparison, ...]):
    """Comparisons in the order of the baseline's cases. Instructions only if both sides were counted."""

    __slots__ = ()

    @property
    def table(self) -> Table[Comparison]:
        return Table(caption="Candidate ÷ baseline", columns=COLUMNS, rows=self)

    def _repr_html_(self) -> str:
        from edgetool.reports.exporters.html import html_table

        return html_table(self.table)
