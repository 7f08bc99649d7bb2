"""What several pages show: a choice among runs, a report's own HTML, text that is only text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import streamlit as st

from edgetool.dashboard.shelf import label
from edgetool.reports.report import Report

T = TypeVar("T")


def choose(title: str, among: Mapping[str, T], *, key: str) -> T:
    """One of several by its name."""
    return among[st.selectbox(title, list(among), key=key)]


def choose_run(reports: Sequence[Report]) -> Report:
    return choose(
        "Run", {label(f"{report.title} · {report.stored.folder.name}"): report for report in reports}, key="run"
    )


def say(text: str) -> None:
    """A sentence with a record's words in it."""
    st.text(label(text))
