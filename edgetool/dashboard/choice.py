"""The runs that a page shows: the latest ones, or all, as far as the filters in the sidebar admit them."""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path

import streamlit as st

from edgetool.dashboard.shelf import LATEST, Cell, Filter, cells, changed_ns, label, read_report
from edgetool.dashboard.views.parts import say
from edgetool.errors import EdgetoolError
from edgetool.records.results import run_folders
from edgetool.reports.report import Report

RUNS_LIMIT = 2000


@st.cache_resource(max_entries=RUNS_LIMIT, show_spinner=False)
def _read(folder: str, changed: int) -> Report | EdgetoolError:
    """Read a run's report. Streamlit keeps it until the run's file changes."""
    del changed
    return read_report(Path(folder))


def choose(root: Path) -> tuple[list[Report], list[Cell]] | None:
    """Return the chosen runs and their cases, or None after saying why there are none."""
    read = {folder: _read(str(folder), changed_ns(folder)) for folder in _folders(root)}
    reports = [report for report in read.values() if isinstance(report, Report)]
    for folder, error in read.items():
        if isinstance(error, EdgetoolError):
            say(f"{folder.name} can't be read: {error.message}")
    if not reports:
        st.text(label(f"There is no run in {root}. `edgetool deploy --runs {root}` makes one."))
        return None
    chosen = _filter(reports)
    shown = [report for report in reports if any(chosen.admits(row) for row in report.rows)]
    if not shown:
        st.text("No run matches the filters.")
        return None
    return shown, [cell for cell in cells(shown) if chosen.admits(cell.row)]


def _folders(root: Path) -> list[Path]:
    folders = run_folders(root)[:RUNS_LIMIT]
    if len(folders) <= LATEST:
        return folders
    with st.sidebar:
        every = st.toggle(f"All {len(folders)} runs", key="all", help=f"Otherwise the latest {LATEST}.")
    return folders if every else folders[:LATEST]


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
    return frozenset(st.multiselect(name, sorted(known), format_func=label, key=name, placeholder="All"))
