"""Exporters, one module each: functions that convert a report to files, by their path in the run's folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from edgetool.platform.files import write_atomically
from edgetool.records.results import read_run
from edgetool.reports.exporters.csv import export_csv
from edgetool.reports.exporters.html import export_html
from edgetool.reports.exporters.markdown import export_markdown
from edgetool.reports.exporters.pdf import export_pdf
from edgetool.reports.report import Report

EXPORTERS: tuple[Callable[[Report], Mapping[str, bytes]], ...] = (export_markdown, export_html, export_csv)


def write_report(folder: Path, *, pdf: bool = False) -> Report:
    """Write a run's charts and its report in every format. Return the report.

    Raises CompareError when the folder isn't a run, ConfigError when a PDF's requirements are missing.
    """
    report = Report(read_run(folder))
    files = {chart.path: chart.file() for chart in report.charts}
    for export in (*EXPORTERS, *((export_pdf,) if pdf else ())):
        files |= export(report)
    for name, data in files.items():
        write_atomically(folder / name, data)
    return report
