"""A report's tables as CSV: base units in the headings, every column, no formula that a spreadsheet would run."""

from __future__ import annotations

from collections.abc import Mapping

from edgetool.reports.report import Report


def export_csv(report: Report) -> Mapping[str, bytes]:
    tables = {"summary.csv": report.cases, "runtimes.csv": report.runtimes}
    return {name: table.csv().encode() for name, table in tables.items() if table.rows}
