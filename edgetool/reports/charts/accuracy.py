"""The accuracy chart: the share of held-out images classified correctly, with its 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgetool.platform.format import percent_text
from edgetool.platform.values import value
from edgetool.records.record import Record
from edgetool.records.stats import Interval, proportion
from edgetool.reports.charts.drawing import GREY, PRECISIONS, Chart, draw, draw_dots, make_room, rows_panel
from edgetool.reports.charts.labels import row_label
from edgetool.reports.rows import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@value
class Dot:
    label: str
    text: str
    share: Interval
    colour: str


def accuracy_chart(table: Sequence[Row], records: Sequence[Record]) -> Chart | None:
    del records
    dots = [
        Dot(
            label=row_label(row, table),
            text=f"{percent_text(row.correct_all / row.images_all)} ({row.correct_all}/{row.images_all})",
            share=proportion(row.correct_all, row.images_all),
            colour=PRECISIONS.get(row.precision, GREY),
        )
        for row in table
        if row.correct_all is not None and row.images_all and row.is_deployed
    ]
    if not dots:
        return None
    return draw(
        "accuracy",
        "Accuracy on the held-out images that each target classified, with 95 % intervals",
        "; ".join(f"{dot.label} {dot.text}" for dot in dots),
        [rows_panel(lambda axes: _draw(axes, dots), len(dots))],
    )


def _draw(axes: Axes, dots: Sequence[Dot]) -> None:
    for i, dot in enumerate(dots):
        line = (dot.share.low * 100, dot.share.high * 100)
        draw_dots(axes, i, dot.share.value * 100, line, colour=dot.colour, label=dot.label, text=dot.text)
    low = min(dot.share.low for dot in dots) * 100
    width = max(100 - low, 0.1)
    axes.set_xlim(max(0.0, low - 0.05 * width), 100 + 0.6 * width)
    axes.set_xticks([tick for tick in axes.get_xticks() if axes.get_xlim()[0] <= tick <= 100])
    axes.set_xlabel("right [%]")
    make_room(axes, len(dots))
