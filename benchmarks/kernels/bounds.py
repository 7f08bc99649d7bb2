"""Where int8 is estimated to cost no less than fp32: what the products alone cost, which no other kernel would save."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.kernels.cores import FP32, INT8, CoreRow, Estimated
from benchmarks.kernels.rows import OURS
from edgetool.estimates.cores import Core
from edgetool.platform.columns import Column, Table
from edgetool.platform.format import count_text, percent_text, ratio_text

# Multiplications of elements with one another, and what adds their products.
PRODUCTS = frozenset({"fmul", "fmadd", "mul", "vfmul", "vfmacc", "vfwmacc", "vmul", "vmacc", "vwmul", "vwmacc"})


@dataclass(frozen=True, kw_only=True)
class BoundRow:
    """A model on a core where our int8 costs no less than our fp32."""

    model: str
    core: Core
    ratio: float  # int8 ÷ fp32, by the middles of the intervals
    fp32: Estimated
    int8: Estimated

    def products(self, found: Estimated) -> float:
        return products(found, self.core)

    @property
    def floor(self) -> float:
        """Return int8's products ÷ all of fp32's arithmetic: the least that int8's arithmetic could be."""
        return self.products(self.int8) / self.fp32.cost.alu


def products(found: Estimated, core: Core) -> float:
    """Return the cycles of multiplications and of what adds their products."""
    return sum(core.cycles(cell) for cell in found.of.counts.mean.cells if cell.op in PRODUCTS)


def bound_rows(model: str, rows: Sequence[CoreRow]) -> Iterator[BoundRow]:
    """Yield a row for each core on which int8 costs no less than fp32."""
    for row in rows:
        fp32, int8 = row.cells.get((FP32, OURS)), row.cells.get((INT8, OURS))
        if fp32 and int8 and row.ratio is not None and row.ratio >= 1:
            yield BoundRow(model=model, core=row.core, ratio=row.ratio, fp32=fp32, int8=int8)


def bounds_table(rows: Sequence[BoundRow]) -> Table[BoundRow]:
    def share(row: BoundRow, found: Estimated) -> str:
        products = row.products(found)
        return f"{count_text(round(products))} ({percent_text(products / found.cost.alu)})"

    columns: tuple[Column[BoundRow], ...] = (
        Column(title="model", value=lambda row: row.model),
        Column(title="core", value=lambda row: row.core.title),
        Column(title="int8 ÷ fp32", value=lambda row: row.ratio, format=ratio_text),
        Column(title="products, fp32", value=lambda row: share(row, row.fp32)),
        Column(title="products, int8", value=lambda row: share(row, row.int8)),
        Column(title="int8's products ÷ fp32's arithmetic", value=lambda row: row.floor, format=ratio_text),
    )
    return Table(caption="Cores on which int8 costs no less", columns=columns, rows=rows)
