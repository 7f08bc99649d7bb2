"""What the kernels aim at, what they reach by model, and the bounds that no other kernel would pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.kernels.bounds import products
from benchmarks.kernels.cores import FP16, FP32, INT8, CoreRow, Estimated
from benchmarks.kernels.rows import OURS, SCALAR, STOCK, VLEN_BITS, KernelRow
from edgetool.platform.columns import Column, Table
from edgetool.platform.format import count_text, ratio_text

X60, U74 = "x60", "u74"
# The largest tile of sums that 32 registers hold beside its factors: 6 rows of 4.
TILE_PRODUCTS, TILE_LOADS = 24, 10


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What was counted and estimated of a model."""

    model: str
    rows: Sequence[KernelRow]
    cores: Sequence[CoreRow]

    def row(self, precision: str, side: str) -> KernelRow | None:
        wanted = (row for row in self.rows if (row.precision, row.side) == (precision, side))
        return next((row for row in wanted if row.vlen_bits in (None, VLEN_BITS)), None)

    def ratio(self, precision: str, side: str, to: tuple[str, str]) -> float | None:
        """Return the ratio of weighted instructions to those of another precision and side."""
        row, other = self.row(precision, side), self.row(*to)
        return row.counts.weighted / other.counts.weighted if row and other else None

    def core(self, name: str) -> CoreRow | None:
        return next((row for row in self.cores if row.core.name == name), None)

    def against_fp32(self, core: str, precision: str) -> float | None:
        """Return estimated cycles ÷ those of fp32 on a core, in our runtime."""
        return row.against_fp32(precision) if (row := self.core(core)) else None

    def worst(self, precision: str) -> float | None:
        """Return the largest ratio to fp32 of all cores."""
        return max((ratio for row in self.cores if (ratio := row.against_fp32(precision)) is not None), default=None)


@dataclass(frozen=True, kw_only=True)
class Aim:
    title: str
    limit: float | None  # None for a bound: a part of the row above that no kernel saves
    reached: Callable[[Counted], float | None]

    def text(self, counted: Counted) -> str | None:
        """Return the ratio of a model, marked where it exceeds the limit."""
        value = self.reached(counted)
        if value is None:
            return None
        return f"✗ {ratio_text(value)}" if self.limit is not None and value > self.limit else ratio_text(value)


def _int8_products(counted: Counted) -> float | None:
    """Return int8's products ÷ all of fp32's arithmetic on an X60."""
    row = counted.core(X60)
    fp32, int8 = _estimated(row, FP32), _estimated(row, INT8)
    return products(int8, row.core) / fp32.cost.alu if row and fp32 and int8 else None


def _estimated(row: CoreRow | None, precision: str) -> Estimated | None:
    return row.cells.get((precision, OURS)) if row else None


def _tiles(counted: Counted) -> float | None:
    """Return what fp32's products take in full tiles without vectors ÷ all instructions of stock."""
    ours, stock = counted.row(FP32, SCALAR), counted.row(FP32, STOCK)
    if ours is None or stock is None:
        return None
    multiplied = sum(cell.count for cell in ours.counts.mean.cells if cell.op == "fmadd")
    return multiplied * (TILE_PRODUCTS + TILE_LOADS) / TILE_PRODUCTS / stock.counts.weighted


AIMS = (
    Aim(title="fp32 ÷ stock", limit=1 / 9, reached=lambda of: of.ratio(FP32, OURS, (FP32, STOCK))),
    Aim(title="int8 ÷ stock's int8", limit=1 / 15, reached=lambda of: of.ratio(INT8, OURS, (INT8, STOCK))),
    Aim(title="fp16 ÷ fp32, X60", limit=0.6, reached=lambda of: of.against_fp32(X60, FP16)),
    Aim(title="int8 ÷ fp32, X60", limit=0.8, reached=lambda of: of.against_fp32(X60, INT8)),
    Aim(title="– int8's products ÷ fp32's arithmetic, X60", limit=None, reached=_int8_products),
    Aim(title="int8 ÷ fp32, the worst core", limit=1.0, reached=lambda of: of.worst(INT8)),
    Aim(title="fp32 without vectors ÷ stock", limit=0.5, reached=lambda of: of.ratio(FP32, SCALAR, (FP32, STOCK))),
    Aim(title="– its products in full tiles", limit=None, reached=_tiles),
    Aim(
        title="int8 without vectors ÷ stock's int8",
        limit=0.25,
        reached=lambda of: of.ratio(INT8, SCALAR, (INT8, STOCK)),
    ),
    Aim(title="int8 ÷ fp32, without vectors", limit=0.7, reached=lambda of: of.ratio(INT8, SCALAR, (FP32, SCALAR))),
    Aim(title="int8 ÷ fp32, U74", limit=0.7, reached=lambda of: of.against_fp32(U74, INT8)),
)


def aims_table(models: Sequence[Counted]) -> Table[Aim]:
    def column(counted: Counted) -> Column[Aim]:
        return Column(title=counted.model, value=lambda aim: aim.text(counted))

    columns = (
        Column[Aim](title="ratio", value=lambda aim: aim.title),
        Column[Aim](title="at most", value=lambda aim: aim.limit, format=ratio_text),
        *map(column, models),
    )
    return Table(caption="What the kernels aim at", columns=columns, rows=AIMS)


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """Cycles of arithmetic that an inference takes on an X60, and how many of them are products."""

    precision: str
    limit: float
    reached: float
    products: float


ARITHMETIC_OF = "mobilenet_v2"
ARITHMETIC_LIMITS = {FP32: 40e6, INT8: 50e6}


def arithmetic_table(counted: Counted) -> Table[Arithmetic]:
    core = counted.core(X60)
    found = ((precision, _estimated(core, precision)) for precision in ARITHMETIC_LIMITS)
    rows = [
        Arithmetic(
            precision=precision,
            limit=ARITHMETIC_LIMITS[precision],
            reached=each.cost.alu,
            products=products(each, core.core),
        )
        for precision, each in found
        if core and each
    ]
    columns: tuple[Column[Arithmetic], ...] = (
        Column(title="precision", value=lambda row: row.precision),
        Column(title="at most", value=lambda row: row.limit, format=count_text),
        Column(title="reached", value=lambda row: row.reached, format=count_text),
        Column(title="products alone", value=lambda row: row.products, format=count_text),
    )
    return Table(caption="Cycles of arithmetic on an X60", columns=columns, rows=rows)
