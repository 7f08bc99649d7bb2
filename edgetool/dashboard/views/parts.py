"""Parts of several pages: a choice of runs, charts, and plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import streamlit as st

from edgetool.dashboard.shelf import label
from edgetool.reports.report import Report

T = TypeVar("T")
HEIGHT = 420  # pixels of a large chart, the legend below in it
TICKS = 8


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


def chart(words: str, values: Sequence[Mapping[str, object]], **spec: Any) -> None:
    """Draw `values` as a Vega-Lite chart. `words` say what it shows to those who don't see it."""
    st.vega_lite_chart({"data": {"values": values}, **spec}, alt=words)


def number(field: str, title: str, *, axis: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return the encoding of a field with numbers, with an axis of few ticks."""
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "axis": {"tickCount": TICKS, **(axis or {})},
        **more,
    }


def table(entries: Sequence[Mapping[str, object]], **titles: str) -> None:
    """Show a table, with other titles for some columns. What is undefined is a dash."""
    st.dataframe(entries, hide_index=True, placeholder="–", column_config=titles)


def color_of_case(*, legend: bool = True) -> dict[str, Any]:
    """Return the encoding that gives each case a color."""
    below = {"title": None, "orient": "bottom", "columns": 1, "labelLimit": 600}
    return {"field": "case", "type": "nominal", "legend": below if legend else None}
