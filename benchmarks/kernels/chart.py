"""The chart of the page: weighted instructions of one inference, a panel for each precision."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.kernels.rows import NCNN, OURS, SCALAR, STOCK, WIDE32, Findings, KernelRow
from edgetool.platform.format import count_text, ratio_text
from edgetool.reports.charts.drawing import BLUE, GREEN, GREY, ORANGE, SKY, Bar, Chart
from edgetool.reports.charts.panels import panels_chart

COLOURS = {STOCK: GREY, SCALAR: SKY, NCNN: ORANGE, OURS: BLUE, WIDE32: GREEN}


def model_chart(findings: Findings, model: str, rows: Sequence[KernelRow]) -> Chart:
    panels: dict[str, list[Bar]] = {}
    for row in rows:
        panels.setdefault(f"{model}, {row.precision}", []).append(_bar(row, findings.stock(row)))
    title = f"Weighted instructions of one inference of {model}, and how often stock's"
    return panels_chart(f"performance-{model}", title, panels, unit="million")


def _bar(row: KernelRow, stock: KernelRow | None) -> Bar:
    weighted = row.counts.weighted
    ratio = "" if stock is None or stock is row else f" ({ratio_text(weighted / stock.counts.weighted)})"
    return Bar(label=label(row), length=weighted / 1e6, text=f"{count_text(weighted)}{ratio}", colour=COLOURS[row.side])


def label(row: KernelRow) -> str:
    return row.side if row.vlen_bits is None else f"{row.side}, VLEN {row.vlen_bits}"
