"""Compare the operators' shares of an inference on host and target."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from edgetool.dashboard.shelf import Cell
from edgetool.dashboard.views.parts import chart, choose_run, color_of_case, number, table
from edgetool.reports.report import Report

TIME, INSTRUCTIONS = "share of time", "share of weighted instructions"


def show(reports: Sequence[Report], cells: Sequence[Cell]) -> None:
    with_shares = {cell.run for cell in cells if shares(cell, TIME) or shares(cell, INSTRUCTIONS)}
    known = [report for report in reports if report.stored.folder.name in with_shares]
    if not known:
        st.text("No run has times or instructions by operator: deploy with --profile or --count-instructions.")
        return
    run = choose_run(known).stored.folder.name
    of_run = [cell for cell in cells if cell.run == run]
    kind = st.radio("Measured", [k for k in (TIME, INSTRUCTIONS) if any(shares(c, k) for c in of_run)], key="kind")
    points = [
        {"operator": operator, "case": cell.series, "share": round(100 * share, 2)}
        for cell in of_run
        for operator, share in shares(cell, kind).items()
    ]
    chart(
        f"Each operator's {kind}, a bar for each case.",
        points,
        mark="bar",
        encoding={
            "x": number("share", f"{kind} [%]"),
            "y": {"field": "operator", "type": "nominal", "title": None, "sort": "-x"},
            "yOffset": {"field": "case"},
            "color": color_of_case(),
        },
    )
    table(points, share="share [%]")


def shares(cell: Cell, kind: str) -> dict[str, float]:
    """Map each operator to its share of an inference. The map is empty when operators weren't measured."""
    record = cell.record
    if kind == TIME:
        return {} if record.operators is None else {each.operator: each.share for each in record.operators.times}
    counted = () if record.instructions is None else record.instructions.operators
    return {each.operator: each.share for each in counted}
