"""A metric over time, a line for each case that several runs measured."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import streamlit as st

from edgetool.dashboard.shelf import METRICS, Cell, Metric
from edgetool.dashboard.views.parts import choose
from edgetool.reports.report import Report

HEIGHT = 420  # pixels, the legend below in it


def show(reports: Sequence[Report], cells: Sequence[Cell]) -> None:
    del reports
    st.title("History")
    known = [metric for metric in METRICS if any(metric.value(cell.row) is not None for cell in cells)]
    if not known:
        st.text("Nothing of these was measured.")
        return
    metric = choose("Metric", {metric.title: metric for metric in known}, key="metric")
    points = history(cells, metric)
    x = alt.X("when:T", title="measured at")
    y = alt.Y("value:Q", title=metric.title, scale=alt.Scale(zero=False))
    lines = alt.Chart(alt.Data(values=points), height=HEIGHT).mark_line(point=True)
    st.altair_chart(
        lines.encode(x, y, color=alt.Color("case:N", legend=alt.Legend(orient="bottom", columns=1, labelLimit=600)))
    )
    st.dataframe(points, hide_index=True)


def history(cells: Sequence[Cell], metric: Metric) -> list[dict[str, object]]:
    """What was measured of a metric, by the time of its record."""
    found = [
        {"when": cell.record.started_at.isoformat(), "case": cell.series, "value": value, "run": cell.run}
        for cell in cells
        if (value := metric.value(cell.row)) is not None
    ]
    return sorted(found, key=lambda point: str(point["when"]))
