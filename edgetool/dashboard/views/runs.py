"""Show every case of every run in a table, and the report of the chosen run."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from edgetool.dashboard.shelf import Cell, label
from edgetool.dashboard.views.parts import choose_run, table
from edgetool.platform.columns import Detail
from edgetool.reports.exporters.html import html_fragment
from edgetool.reports.report import Report
from edgetool.reports.tables.cases import COLUMNS

UNITS = {"_ns": (1e6, "ms"), "_bytes": (1e6, "MB")}


def show(reports: Sequence[Report], cells: Sequence[Cell]) -> None:
    table(_without_empty([_entry(cell) for cell in cells]))
    report = choose_run(reports)
    st.html(html_fragment(report, styled=True))
    for left, right in zip(report.charts[::2], [*report.charts[1::2], None], strict=False):
        columns = st.columns(2)
        for column, chart in zip(columns, (left, right), strict=True):
            if chart is not None:
                column.caption(chart.title)
                column.image(chart._repr_svg_())


def _entry(cell: Cell) -> dict[str, object]:
    """Return a row with numbers in readable units, so that the table can sort them."""
    entry: dict[str, object] = {"run": cell.run}
    for column in COLUMNS:
        if column.field is None or column.detail is Detail.RAW:
            continue
        value = column.value(cell.row)
        scale, unit = next(((s, u) for end, (s, u) in UNITS.items() if column.field.endswith(end)), (1.0, ""))
        if isinstance(value, int | float) and unit:
            value = round(value / scale, 4)
        entry[f"{column.title} [{unit}]" if unit else column.title] = label(value) if isinstance(value, str) else value
    if cell.row.emulated:  # its times are the emulator's
        entry |= {"target": label(f"{cell.row.target} (emulated)")}
        entry |= {title: None for title in entry if title.endswith("[ms]")}
    return entry


def _without_empty(entries: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Drop the columns that are empty."""
    titles = [title for title in entries[0] if any(entry[title] is not None for entry in entries)] if entries else []
    return [{title: entry[title] for title in titles} for entry in entries]
