"""Exporters, one module each: functions that convert a report to files, by their path in the run's folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edgetool.reports.exporters.csv import export_csv
from edgetool.reports.exporters.html import export_html
from edgetool.reports.exporters.markdown import export_markdown
from edgetool.reports.report import Report

EXPORTERS: tuple[Callable[[Report], Mapping[str, bytes]], ...] = (export_markdown, export_html, export_csv)
