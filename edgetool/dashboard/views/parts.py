"""Parts of several pages: a choice of runs, a report's HTML, and plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import streamlit as st

from edgetool.dashboard.shelf import label
from edgetool.reports.report import Report

T = TypeVar("T")


def choose(title: str, among: Mapping[str, T], *, key: str) -> T:
    """Let the user choose one of several values by its name."""
    return among[st.selectbox(title, list(among), key=key)]


def choose_run(reports: Sequence[Report]) -> Report:
    return choose(
        "Run", {label(f"{report.title} · {report.stored.folder.name}"): report for report in reports}, key="run"
    )


def say(text: str) -> None:
    """Show a sentence that contains a record's text."""
    st.text(label(text))
