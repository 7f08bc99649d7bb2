"""Plot latency distributions side by side: the share of inferences up to each latency."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import streamlit as st

from edgetool.dashboard.shelf import Cell
from edgetool.reports.report import Report

POINTS = 200  # of a curve
SERIES_LIMIT = 12
HEIGHT = 420  # pixels, the legend below in it


def show(reports: Sequence[Report], cells: Sequence[Cell]) -> None:
    del reports
    st.title("Latency")
    timed = [cell for cell in cells if cell.record.timing is not None and not cell.row.emulated]
    if len(timed) < len([cell for cell in cells if cell.record.timing is not None]):
        st.text("Times that an emulator took are no latencies, and are not shown.")
    if not timed:
        st.text("No latency was measured.")
        return
    names = {f"{cell.series} · {cell.run}": cell for cell in timed}
    chosen = st.multiselect("Cases", list(names), default=list(names)[:4], max_selections=SERIES_LIMIT, key="cases")
    points = [point for name in chosen for point in curve(names[name], name)]
    st.altair_chart(
        alt.Chart(alt.Data(values=points), height=HEIGHT)
        .mark_line(interpolate="step-after")
        .encode(
            alt.X("ms:Q", title="latency [ms]", scale=alt.Scale(zero=False)),
            alt.Y("share:Q", title="inferences that took no longer", axis=alt.Axis(format="%")),
            color=alt.Color("case:N", legend=alt.Legend(orient="bottom", columns=1, labelLimit=600)),
        )
    )
    boxes = alt.Chart(alt.Data(values=points)).mark_boxplot(extent="min-max")
    st.altair_chart(
        boxes.encode(
            alt.X("ms:Q", title="latency [ms]: median, quartiles, all", scale=alt.Scale(zero=False)),
            alt.Y("case:N", title=None, axis=alt.Axis(labelLimit=300)),
            color=alt.Color("case:N", legend=None),
        )
    )


def curve(cell: Cell, name: str) -> list[dict[str, object]]:
    """Return the empirical distribution of a case's latencies at evenly spaced shares."""
    timing = cell.record.timing
    if timing is None:
        return []
    shares = np.linspace(0, 1, min(POINTS, len(timing.samples_ns)))
    latencies = np.quantile(np.asarray(timing.samples_ns, dtype=np.float64), shares) / 1e6
    return [
        {"case": name, "ms": round(float(ms), 6), "share": round(float(share), 4)}
        for ms, share in zip(latencies, shares, strict=True)
    ]
