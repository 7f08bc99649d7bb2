"""The chart of the page: weighted instructions of one inference, a panel for each precision."""

from __future__ import annotations

from pathlib import Path

from benchmarks.kernels.rows import NCNN, OURS, SCALAR, STOCK, Findings, KernelRow
from edgetool.reports.panels import BLUE, GREY, ORANGE, SKY, Bar, write_panels

COLOURS = {STOCK: GREY, SCALAR: SKY, NCNN: ORANGE, OURS: BLUE}


def write_chart(path: Path, findings: Findings, model: str) -> None:
    panels: dict[str, list[Bar]] = {}
    for row in findings.rows:
        if row.model == model:
            panels.setdefault(f"{model}, {row.precision}", []).append(_bar(row, findings.stock(row)))
    write_panels(path, panels, compared_with=STOCK)


def _bar(row: KernelRow, stock: KernelRow | None) -> Bar:
    weighted = row.counts.weighted
    ratio = None if stock is None or stock is row else weighted / stock.counts.weighted
    return Bar(label=label(row), weighted=weighted, ratio=ratio, colour=COLOURS[row.side])


def label(row: KernelRow) -> str:
    return row.side if row.vlen_bits is None else f"{row.side}, VLEN {row.vlen_bits}"
