"""Export a report's tables as CSV: every column, base units in the headings, and no executable formulas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgetool.platform.columns import Table
from edgetool.reports.report import Report


def export_csv(report: Report) -> Mapping[str, bytes]:
    tables: dict[str, Table[Any]] = {
        "summary.csv": report.cases,
        "runtimes.csv": report.runtimes,
        "estimates.csv": report.estimates,
    }
    return {name: table.csv().encode() for name, table in tables.items() if table.rows}
