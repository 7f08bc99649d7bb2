"""The program that Streamlit runs: filters, and the chosen page beside them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence, Set
from pathlib import Path

# Streamlit loads pandas in a thread of its own when a browser connects. Altair takes it as it is in sys.modules, half
# loaded or not, so the first page to draw a chart waits for it here.
import pandas  # noqa: F401
import streamlit as st

from edgetool.dashboard.shelf import Cell, Filter, cells, changed_ns, label, read_report
from edgetool.dashboard.views import accuracy, history, latency, operators, pictures, runs, sweeps
from edgetool.errors import EdgetoolError
from edgetool.records.results import run_folders
from edgetool.reports.report import Report

Page = Callable[[Sequence[Report], Sequence[Cell]], None]
PAGES: dict[str, Page] = {
    "Runs": runs.show,
    "History": history.show,
    "Latency": latency.show,
    "Size, accuracy, cost": accuracy.show,
    "Operators": operators.show,
    "Pictures": pictures.show,
}
LIVE = "At work"
RUNS_LIMIT = 2000


@st.cache_resource(max_entries=RUNS_LIMIT, show_spinner=False)
def _read(folder: str, changed: int) -> Report | EdgetoolError:
    """Read a run's report. Streamlit keeps it until the run's file changes."""
    del changed
    return read_report(Path(folder))


def main(root: Path) -> None:
    st.set_page_config(page_title="edgetool", layout="wide")
    with st.sidebar:
        page = st.radio("Page", [*PAGES, LIVE], key="page")
    if page == LIVE:
        sweeps.show(root)
        return
    folders = run_folders(root)[:RUNS_LIMIT]
    read = {folder: _read(str(folder), changed_ns(folder)) for folder in folders}
    reports = [report for report in read.values() if isinstance(report, Report)]
    for folder, error in read.items():
        if isinstance(error, EdgetoolError):
            st.text(label(f"{folder.name} can't be read: {error.message}"))
    if not reports:
        st.text(label(f"There is no run in {root}. `edgetool deploy --runs {root}` makes one."))
        return
    chosen = _filter(reports)
    shown = [report for report in reports if any(chosen.admits(row) for row in report.rows)]
    if not shown:
        st.text("No run has all of that.")
        return
    PAGES[page](shown, [cell for cell in cells(shown) if chosen.admits(cell.row)])


def _filter(reports: Sequence[Report]) -> Filter:
    rows = [row for report in reports for row in report.rows]
    with st.sidebar:
        return Filter(
            models=_some_of("Model", {row.model for row in rows}),
            precisions=_some_of("Precision", {row.precision for row in rows}),
            targets=_some_of("Target", {row.target for row in rows}),
            runtimes=_some_of("Runtime", {row.runtime for row in rows}),
        )


def _some_of(name: str, known: Set[str]) -> frozenset[str]:
    return frozenset(st.multiselect(name, sorted(known), format_func=label, key=name))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
