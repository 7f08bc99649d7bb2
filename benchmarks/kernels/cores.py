"""What an inference is estimated to cost on each core: a row a core, in the kernels that would run there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.kernels.rows import NCNN, OURS, SCALAR, STOCK, VARIANTS, WIDE32, KernelRow
from edgetool.estimates.cores import Core, core_names, load_core
from edgetool.estimates.estimate import runs_on
from edgetool.estimates.rows import EstimateRow
from edgetool.estimates.rows import row as estimate_row
from edgetool.platform.columns import Column, Table
from edgetool.platform.format import ratio_text
from edgetool.reports.charts.drawing import PRECISIONS, Bar, Chart
from edgetool.reports.charts.panels import panels_chart
from edgetool.reports.tables.estimates import interval_text

FP32, FP16, INT8 = "fp32", "fp16", "int8"
KEYS = tuple((precision, side) for precision in (FP32, FP16, INT8) for side in (STOCK, OURS, NCNN))


@dataclass(frozen=True, kw_only=True)
class Estimated:
    """A counted row and its estimate on a core."""

    of: KernelRow
    cost: EstimateRow


@dataclass(frozen=True, kw_only=True)
class CoreRow:
    """A core with the estimates by precision and side. A side without a count that fits the core is missing."""

    core: Core
    cells: dict[tuple[str, str], Estimated]

    def cost(self, precision: str, side: str) -> EstimateRow | None:
        return found.cost if (found := self.cells.get((precision, side))) else None

    @property
    def variant(self) -> str | None:
        """Our int8 convolution with the lowest estimate, which the library should choose there."""
        return VARIANTS[found.of.side] if (found := self.cells.get((INT8, OURS))) else None

    @property
    def ratio(self) -> float | None:
        """Our int8 ÷ our fp32."""
        return self.against_fp32(INT8)

    def against_fp32(self, precision: str) -> float | None:
        """Return what a precision costs in our runtime ÷ its fp32, by the middles of the intervals."""
        found, fp32 = self.cost(precision, OURS), self.cost(FP32, OURS)
        return found.middle / fp32.middle if found and fp32 else None


def core_rows(rows: Sequence[KernelRow]) -> list[CoreRow]:
    """Return a row for each core, for the rows of one model."""
    made = []
    for core in map(load_core, core_names()):
        chosen = {(precision, side): _choose(rows, precision, side, core) for precision, side in KEYS}
        made.append(CoreRow(core=core, cells={key: found for key, found in chosen.items() if found}))
    return made


def _choose(rows: Sequence[KernelRow], precision: str, side: str, core: Core) -> Estimated | None:
    """Return the cheapest of what a side would run on a core. Ours runs without vectors only where there are none."""
    own = (OURS, WIDE32) if core.vlen_bits else (SCALAR,)
    fitting = [
        Estimated(of=row, cost=estimate_row(row.side, row.counts.mean, core))
        for row in rows
        if row.precision == precision
        and row.side in (own if side == OURS else (side,))
        and row.counts.mean.cells
        and runs_on(row.counts.mean, row.counts.vlen_bits, core)
    ]
    return min(fitting, key=lambda found: found.cost.middle, default=None)


def cores_table(rows: Sequence[CoreRow]) -> Table[CoreRow]:
    def cost(row: CoreRow, precision: str, side: str) -> str | None:
        found = row.cost(precision, side)
        return None if found is None else interval_text(found.cycles)

    columns: tuple[Column[CoreRow], ...] = (
        Column(title="estimated on", value=lambda row: row.core.title),
        *(
            Column(title=f"{precision}, {side}", value=partial(cost, precision=precision, side=side))
            for precision, side in KEYS
            if any((precision, side) in row.cells for row in rows)
        ),
        Column(title="our int8 kernels", value=lambda row: row.variant),
        *(
            Column(
                title=f"{precision} ÷ fp32, ours",
                value=partial(CoreRow.against_fp32, precision=precision),
                format=ratio_text,
            )
            for precision in (FP16, INT8)
            if any(row.against_fp32(precision) for row in rows)
        ),
    )
    return Table(caption="Estimated cycles of one inference", columns=columns, rows=rows)


def cores_summary(rows: Sequence[CoreRow]) -> str | None:
    """Say on how many cores our int8 costs less than our fp32; None where nothing was counted of both."""
    ratios = [row.ratio for row in rows if row.ratio is not None]
    if not ratios:
        return None
    less = sum(ratio < 1 for ratio in ratios)
    between = f"{ratio_text(min(ratios))} to {ratio_text(max(ratios))}"
    return f"In our runtime int8 costs less than fp32 on {less} of {len(ratios)} cores ({between}), by these estimates."


def cores_chart(model: str, rows: Sequence[CoreRow]) -> Chart | None:
    """Our fp32 beside our int8 on each core with vectors; None where nothing was counted that fits one."""
    panels = {
        row.core.title: [_bar(precision, found) for (precision, side), found in row.cells.items() if side == OURS]
        for row in rows
        if row.core.vlen_bits and row.variant not in (None, VARIANTS[SCALAR])
    }
    if not panels:
        return None
    title = f"Estimated cycles of one inference of {model}, from perfect overlap to none"
    return panels_chart(f"performance-{model}-cores", title, panels, unit="million cycles, estimated")


def _bar(precision: str, found: Estimated) -> Bar:
    return Bar(
        label=precision,
        length=found.cost.cycles.low / 1e6,
        to=found.cost.cycles.high / 1e6,
        text=interval_text(found.cost.cycles),
        colour=PRECISIONS[precision],
    )
