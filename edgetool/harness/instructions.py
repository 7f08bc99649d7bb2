"""Instruction counts by class and operator from the emulator's plugin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Annotated, Literal, Self

from annotated_types import Ge, Le, Len

from edgetool.harness.ops import CLASS_OF, Op, OpClass
from edgetool.platform.values import Name, NonNegative, value

Sew = Literal[8, 16, 32, 64]


@value
class Cell:
    """The count and weight of instructions of one operation and shape.

    A scalar instruction weighs 1. A vector instruction weighs max(1, ⌈vl × element width of the widest operand ÷
    VLEN⌉), which for widening ones is the destination. A strided or indexed access weighs vl. A segment access weighs
    as much for each field. So long registers and register groups don't make work look small.
    """

    op: Op
    sew: Sew | None = None  # bits; in memory for loads and stores; None if vtype doesn't matter
    registers: Annotated[float, Ge(0.125), Le(8)] | None = None  # of the group: LMUL, EMUL, or all fields of a segment
    count: NonNegative
    weight: NonNegative

    @property
    def shape(self) -> tuple[Op, Sew | None, float | None]:
        """The operation and shape, without the numbers."""
        return (self.op, self.sew, self.registers)


@value
class Traffic:
    """Bytes that a cache model fetched and wrote back."""

    cache: Name  # the core whose caches are modelled
    beyond_l1_bytes: NonNegative
    beyond_l2_bytes: NonNegative


@value
class ClassCount:
    """The count and weight of a class of instructions."""

    raw: NonNegative
    weighted: NonNegative


@value
class InstructionMix:
    """Instructions by operation and shape, and the bytes they move."""

    cells: Annotated[tuple[Cell, ...], Len(0, 4096)]
    load_bytes: NonNegative  # scalar and vector, including masked-off elements
    store_bytes: NonNegative
    traffic: Annotated[tuple[Traffic, ...], Len(0, 16)] = ()  # empty unless caches were modelled

    @property
    def raw(self) -> int:
        return sum(cell.count for cell in self.cells)

    @property
    def weighted(self) -> int:
        return sum(cell.weight for cell in self.cells)

    @property
    def vector(self) -> int:
        """The number of vector instructions in `raw`."""
        return sum(cell.count for cell in self.cells if CLASS_OF[cell.op].is_vector)

    def classes(self) -> Iterator[tuple[OpClass, ClassCount]]:
        """Yield every class that occurs with its count."""
        for kind in OpClass:
            cells = [cell for cell in self.cells if CLASS_OF[cell.op] is kind]
            if cells:
                yield kind, ClassCount(raw=sum(c.count for c in cells), weighted=sum(c.weight for c in cells))

    @classmethod
    def sum(cls, mixes: Iterable[Self], *, divisor: int = 1) -> Self:
        """Return the sum of `mixes`, each number divided by `divisor` and rounded down."""
        sums: dict[tuple[Op, Sew | None, float | None], tuple[int, int]] = {}
        beyond: dict[str, tuple[int, int]] = {}
        loaded = stored = 0
        for mix in mixes:
            loaded, stored = loaded + mix.load_bytes, stored + mix.store_bytes
            for cell in mix.cells:
                count, weight = sums.get(cell.shape, (0, 0))
                sums[cell.shape] = (count + cell.count, weight + cell.weight)
            for traffic in mix.traffic:
                l1, l2 = beyond.get(traffic.cache, (0, 0))
                beyond[traffic.cache] = (l1 + traffic.beyond_l1_bytes, l2 + traffic.beyond_l2_bytes)
        return cls(
            cells=tuple(
                Cell(op=op, sew=sew, registers=registers, count=count // divisor, weight=weight // divisor)
                for (op, sew, registers), (count, weight) in sums.items()
            ),
            load_bytes=loaded // divisor,
            store_bytes=stored // divisor,
            traffic=tuple(
                Traffic(cache=cache, beyond_l1_bytes=l1 // divisor, beyond_l2_bytes=l2 // divisor)
                for cache, (l1, l2) in beyond.items()
            ),
        )

    def without(self, other: Self, *, share: float = 1.0) -> Self:
        """Return the mix less a share of another one, each number at least 0."""
        cells = {cell.shape: cell for cell in other.cells}
        beyond = {traffic.cache: traffic for traffic in other.traffic}

        def rest(number: int, taken: int) -> int:
            return max(0, number - round(share * taken))

        return replace(
            self,
            cells=tuple(
                replace(cell, count=rest(cell.count, its.count), weight=rest(cell.weight, its.weight))
                if (its := cells.get(cell.shape))
                else cell
                for cell in self.cells
            ),
            load_bytes=rest(self.load_bytes, other.load_bytes),
            store_bytes=rest(self.store_bytes, other.store_bytes),
            traffic=tuple(
                replace(
                    each,
                    beyond_l1_bytes=rest(each.beyond_l1_bytes, taken.beyond_l1_bytes),
                    beyond_l2_bytes=rest(each.beyond_l2_bytes, taken.beyond_l2_bytes),
                )
                if (taken := beyond.get(each.cache))
                else each
                for each in self.traffic
            ),
        )


@value
class OperatorInstructions:
    """The instructions of all nodes of one operator, per inference."""

    operator: Name
    calls: NonNegative
    mix: InstructionMix
    share: Annotated[float, Ge(0), Le(1)]  # of the weight of all operators

    @property
    def raw(self) -> int:
        return self.mix.raw

    @property
    def weighted(self) -> int:
        return self.mix.weighted

    @property
    def kernels(self) -> str:
        """Describe the kernels that ran, judged by the share of vector instructions."""
        return kernels_text(self.mix)

    @property
    def vector_share(self) -> float | None:
        """The share of vector instructions; None without instructions."""
        return self.mix.vector / self.raw if self.raw else None


SCALAR, VECTOR = "scalar", "vector"  # kernels that ran
LEAST_VECTOR_SHARE = 0.001  # of all instructions; the C library's memcpy alone may have a few vector instructions


def kernels_text(mix: InstructionMix) -> str:
    """Describe kernels by the share of vector instructions that they executed."""
    return VECTOR if mix.vector > LEAST_VECTOR_SHARE * mix.raw else SCALAR
