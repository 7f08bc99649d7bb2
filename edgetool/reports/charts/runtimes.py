"""The runtime chart: weighted instructions of one inference in each runtime, with a panel for each precision."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.platform.format import count_text, ratio_text
from edgetool.records.record import Record
from edgetool.reports.charts.drawing import BLUE, GREY, ORANGE, SKY, Bar, Chart
from edgetool.reports.charts.panels import panels_chart
from edgetool.reports.rows import Row, groups
from edgetool.reports.tables.cases import runtime_text
from edgetool.reports.tables.runtimes import runtimes_table

COLOURS = {"scalar": SKY, "ncnn": ORANGE}


def runtimes_chart(table: Sequence[Row], records: Sequence[Record]) -> Chart | None:
    del records
    cells = groups(runtimes_table(table).rows, lambda row: (row.model, row.precision, row.target, row.threads))
    panels = {f"{cell[0].model} {cell[0].precision} on {cell[0].target}": [_bar(row) for row in cell] for cell in cells}
    if not panels:
        return None
    title = "Weighted instructions per inference in each runtime, and their ratio to the deployed runtime's"
    return panels_chart("runtimes", title, panels, unit="million")


def _bar(row: Row) -> Bar:
    name, weighted = runtime_text(row), row.instructions_weighted or 0
    ratio = "" if row.deployed_ratio is None else f" ({ratio_text(row.deployed_ratio)})"
    colour = BLUE if row.is_deployed else COLOURS.get(name, GREY)
    return Bar(label=name, length=weighted / 1e6, text=f"{count_text(weighted)}{ratio}", colour=colour)
