"""Plot size, accuracy and cost, and mark the cases on the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from edgetool.dashboard.shelf import Cell, best_of
from edgetool.dashboard.views.parts import chart, choose, color_of_case, height_of, number, table
from edgetool.records.goals import Metric
from edgetool.reports.report import Report

COSTS = (Metric.P50_MS, Metric.WEIGHTED_INSTRUCTIONS)


def show(reports: Sequence[Report], cells: Sequence[Cell]) -> None:
    del reports
    known = [cost for cost in COSTS if tradeoffs(cells, cost)]
    if not known:
        st.text("No case has a size, an accuracy and a cost.")
        return
    cost = choose("Cost", {cost.value: cost for cost in known}, key="cost")
    points = tradeoffs(cells, cost)
    chart(
        f"Accuracy of each case over its {cost.value}; the larger the circle, the larger the model.",
        points,
        height=height_of(points),
        mark={"type": "circle", "opacity": 0.8, "tooltip": {"content": "data"}},
        encoding={
            "x": number("cost", cost.value, scale={"zero": False}),
            "y": number("accuracy", "accuracy [%]", scale={"zero": False}),
            "size": {
                "field": "size",
                "type": "quantitative",
                "legend": {"title": "size [MB]", "symbolFillColor": "gray"},
            },
            "color": color_of_case(),
            "stroke": {"condition": {"test": "datum.best", "value": "currentColor"}, "value": None},
        },
    )
    st.text("Best: no other case is at least as small, as accurate and as cheap, and better in one of the three.")
    table(points, size="size [MB]", accuracy="accuracy [%]", cost=cost.value)


def tradeoffs(cells: Sequence[Cell], cost: Metric) -> list[dict[str, object]]:
    """Return the cases with all three values, those on the Pareto front first."""
    known = [
        (cell, cell.row.size_bytes / 1e6, cell.row.accuracy.value * 100, price)
        for cell in cells
        if cell.row.size_bytes is not None and cell.row.accuracy is not None
        if (price := cell.number(cost)) is not None
    ]
    best = best_of([(size, -accuracy, price) for _, size, accuracy, price in known])
    points: list[dict[str, object]] = [
        {
            "case": cell.series,
            "run": cell.run,
            "size": round(size, 4),
            "accuracy": round(accuracy, 2),
            "cost": round(price, 4),
            "best": is_best,
        }
        for (cell, size, accuracy, price), is_best in zip(known, best, strict=True)
    ]
    return sorted(points, key=lambda point: not point["best"])
