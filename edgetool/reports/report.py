"""Everything a run's folder shows: report, table, charts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgetool.platform.files import write_atomically
from edgetool.records.results import StoredRun, read_run
from edgetool.reports.html import html_report
from edgetool.reports.markdown import markdown_report
from edgetool.reports.panels import write_runtimes_chart
from edgetool.reports.plots import write_charts
from edgetool.reports.runtimes import RuntimeRow, runtime_rows, runtimes_csv
from edgetool.reports.sweeps import CaseRow, case_rows, write_sweep_report
from edgetool.reports.tables import Row, csv_text, rows


@dataclass(frozen=True, kw_only=True)
class Report:
    """A run in numbers."""

    rows: tuple[Row, ...]  # of the records that were timed
    runtimes: tuple[RuntimeRow, ...]  # of those that were counted beside others
    cases: tuple[CaseRow, ...]  # every case, measured or failed


def write_report(folder: Path) -> Report:
    """Write `report.md` and `.html`, `summary.csv` and `charts/` of a run. Raises CompareError.

    Where runtimes were counted beside each other, `runtimes.csv` too.
    """
    stored = read_run(folder)
    report = Report(rows=rows(stored.recorded), runtimes=runtime_rows(stored.entries), cases=case_rows(stored))
    if stored.run.command == "sweep":
        write_sweep_report(stored, report.cases)
    else:
        _write_report(stored, report)
    return report


def _write_report(stored: StoredRun, report: Report) -> None:
    folder = stored.folder
    timed = [recorded for recorded in stored.recorded if recorded.record.timing is not None]
    charts = write_charts(folder / "charts", report.rows, timed)
    if report.runtimes:
        write_runtimes_chart(folder / "charts" / "runtimes.png", report.runtimes)
        charts = (*charts, "runtimes.png")
        write_atomically(folder / "runtimes.csv", runtimes_csv(report.runtimes).encode())
    text = markdown_report(stored, report.rows, report.runtimes, [f"charts/{chart}" for chart in charts])
    write_atomically(folder / "report.md", text.encode())
    write_atomically(folder / "report.html", html_report(text, folder).encode())
    write_atomically(folder / "summary.csv", csv_text(report.rows).encode())
