"""Everything a run's folder shows: report, table, charts."""

from __future__ import annotations

from pathlib import Path

from edgetool.bench.runs import read_run
from edgetool.platform.files import write_atomically
from edgetool.reports.html import html_report
from edgetool.reports.markdown import markdown_report
from edgetool.reports.panels import write_runtimes_chart
from edgetool.reports.plots import write_charts
from edgetool.reports.runtimes import runtime_rows, runtimes_csv
from edgetool.reports.tables import Row, csv_text, rows


def write_report(folder: Path) -> tuple[Row, ...]:
    """Write `report.md` and `.html`, `summary.csv` and `charts/` of a run; returns its rows. Raises CompareError.

    Where baselines were counted, `runtimes.csv` too.
    """
    stored = read_run(folder)
    table = rows(stored.measurements)
    charts = write_charts(folder / "charts", table, stored.measurements)
    runtimes = runtime_rows(stored.measurements)
    if runtimes:
        write_runtimes_chart(folder / "charts" / "runtimes.png", runtimes)
        charts = (*charts, "runtimes.png")
        write_atomically(folder / "runtimes.csv", runtimes_csv(runtimes).encode())
    text = markdown_report(stored, table, runtimes, [f"charts/{chart}" for chart in charts])
    write_atomically(folder / "report.md", text.encode())
    write_atomically(folder / "report.html", html_report(text, folder).encode())
    write_atomically(folder / "summary.csv", csv_text(table).encode())
    return table
