"""Plot a metric over time, with a line for each case of several runs and the steps found in it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from edgetool.dashboard.shelf import Cell, label
from edgetool.dashboard.views.parts import chart, choose, color_of_case, height_of, number, table
from edgetool.records.case import Case
from edgetool.records.goals import Metric
from edgetool.reports.history import DEFAULT, History, Point, Series, history_of, points_of
from edgetool.reports.report import Report

DATES = {"format": "%Y-%m-%d %H:%M", "tickCount": 5, "labelOverlap": True}
KEPT = 8  # results, while the same reports are looked at: each holds its reports, so that no other has their ids


@st.cache_resource(max_entries=KEPT, show_spinner=False, hash_funcs={Report: id})
def _points(reports: tuple[Report, ...]) -> tuple[object, dict[Series, list[Point]]]:
    return reports, points_of(reports, DEFAULT)


@st.cache_resource(max_entries=KEPT, show_spinner=False, hash_funcs={Report: id})
def _histories(
    reports: tuple[Report, ...], metric: Metric, score: str | None
) -> tuple[object, list[tuple[Case, History]]]:
    _, found = _points(reports)
    return reports, [
        (series.case, history_of(series, points))
        for series, points in found.items()
        if series.metric is metric and series.score == score
    ]


def show(reports: Sequence[Report], cells: Sequence[Cell]) -> None:
    cases = {cell.row.case for cell in cells}
    _, found = _points(tuple(reports))
    known = {
        label(series.score or metric.value): (metric, series.score)
        for metric in DEFAULT
        for series in found
        if series.metric is metric and series.case in cases
    }
    if not known:
        st.text("These cases have no metric to follow.")
        return
    metric, score = choose("Metric", known, key="metric")
    _, kept = _histories(tuple(reports), metric, score)
    histories = [history for case, history in kept if case in cases]
    name = label(score or metric.value)
    _plot(histories, name)
    table([changes(history) for history in histories])
    table([point for history in histories for point in measured(history)], when="measured at", value=name)


def _plot(histories: Sequence[History], title: str) -> None:
    """Draw points with their intervals, and each level between two steps as a line."""
    when = {"field": "when", "type": "temporal", "title": "measured at", "axis": DATES}
    level = number("value", title, scale={"zero": False})
    points = [point for history in histories for point in measured(history)]
    levels = [level for history in histories for level in levels_of(history)]
    chart(
        f"{title} of each case over time, with its interval; lines are the levels between two steps.",
        points,
        height=height_of(points),
        encoding={"x": when, "color": color_of_case()},
        layer=[
            {"mark": "rule", "encoding": {"y": number("low", title), "y2": {"field": "high"}}},
            {"mark": {"type": "circle", "size": 50, "tooltip": {"content": "data"}}, "encoding": {"y": level}},
            {"data": {"values": levels}, "mark": "line", "encoding": {"y": level, "detail": {"field": "piece"}}},
        ],
    )


def changes(history: History) -> dict[str, object]:
    """Describe a case in one line: its first and last value, and its steps."""
    first, last = (history.text(history.points[i].measured.value) for i in (0, -1))
    return {"case": label(history.title), "runs": len(history.points), "first": first, "last": last} | {
        "steps": label(history.change)
    }


def measured(history: History) -> list[dict[str, object]]:
    """Return the measured values by the time of their records."""
    return [
        {
            "when": point.at.isoformat(timespec="seconds"),
            "case": label(history.title),
            "value": point.measured.value,
            "low": point.measured.low,
            "high": point.measured.high,
            "run": label(point.run),
        }
        for point in history.points
    ]


def levels_of(history: History) -> list[dict[str, object]]:
    """Return the two ends of each level."""
    return [
        {"when": at.isoformat(), "case": label(history.title), "value": level, "piece": f"{history.title} {number}"}
        for number, (piece, level) in enumerate(history.levels)
        for at in (piece[0].at, piece[-1].at)
    ]
