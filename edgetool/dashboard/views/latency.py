"""Plot latency distributions side by side: the share of inferences up to each latency."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from edgetool.dashboard.shelf import Cell
from edgetool.dashboard.views.parts import chart, color_of_case, height_of, number
from edgetool.reports.report import Report

POINTS = 200  # of a curve
SERIES_LIMIT = 12


def show(reports: Sequence[Report], cells: Sequence[Cell]) -> None:
    del reports
    timed = [cell for cell in cells if cell.record.timing is not None and not cell.row.emulated]
    if len(timed) < len([cell for cell in cells if cell.record.timing is not None]):
        st.text("Times under an emulator are not latencies and are left out.")
    if not timed:
        st.text("No latency was measured.")
        return
    names = {f"{cell.series} · {cell.run}": cell for cell in timed}
    chosen = st.multiselect("Cases", list(names), default=list(names)[:4], max_selections=SERIES_LIMIT, key="cases")
    points = [point for name in chosen for point in curve(names[name], name)]
    latency = number("ms", "latency [ms]", scale={"zero": False})
    chart(
        "The share of inferences that took no longer than a latency, for each chosen case.",
        points,
        height=height_of(points),
        mark={"type": "line", "interpolate": "step-after"},
        encoding={
            "x": latency,
            "y": number("share", "inferences that took no longer", axis={"format": "%"}),
            "color": color_of_case(),
        },
    )
    chart(
        "Median, quartiles, smallest and largest latency of each chosen case.",
        points,
        mark={"type": "boxplot", "extent": "min-max", "rule": {"color": "#888"}},  # by default black, also on black
        encoding={
            "x": latency | {"title": "latency [ms]: median, quartiles, all"},
            "y": {"field": "case", "type": "nominal", "title": None, "axis": {"labelLimit": 300}},
            "color": color_of_case(legend=False),
        },
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
