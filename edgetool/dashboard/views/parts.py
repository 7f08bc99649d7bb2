"""Parts of several pages: a choice of runs, charts, and plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import streamlit as st

from edgetool.dashboard.shelf import label
from edgetool.platform.foreign import one_line
from edgetool.reports.report import Report

T = TypeVar("T")
PLOT_PX, LEGEND_LINE_PX = 420, 22  # heights in a large chart, whose legend is below
LEGEND_LIMIT = 30  # lines
SENTENCE_LIMIT = 500
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
    st.text(one_line(text, limit=SENTENCE_LIMIT))


def chart(words: str, values: Sequence[Mapping[str, object]], **spec: Any) -> None:
    """Draw `values` as a Vega-Lite chart. `words` say what it shows to those who don't see it."""
    st.vega_lite_chart({"data": {"values": values}, **spec}, alt=words)


def height_of(points: Sequence[Mapping[str, object]]) -> int:
    """Return the height of a large chart in pixels: its plot and a line of legend for each case."""
    return PLOT_PX + LEGEND_LINE_PX * min(LEGEND_LIMIT, len({point["case"] for point in points}))


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
    symbols = {"symbolSize": 80, "symbolLimit": LEGEND_LIMIT}
    below = {"title": None, "orient": "bottom", "columns": 1, "rowPadding": 4, "labelLimit": 600, **symbols}
    return {"field": "case", "type": "nominal", "legend": below if legend else None}
