"""Where int8 costs no less than fp32, from two mixes worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.kernels.bounds import BoundRow, bound_rows, bounds_table
from benchmarks.kernels.cores import core_rows
from benchmarks.kernels.rows import KernelRow
from edgetool.harness.instructions import Cell, InstructionMix
from edgetool.measurements.instructions import InstructionCounts
from tests.benchmarks.test_page import OURS_ROW


def row(precision: str, *cells: Cell) -> KernelRow:
    mix = InstructionMix(cells=cells, load_bytes=0, store_bytes=0, traffic=())
    counts = InstructionCounts(emulator="qemu-riscv64 version 10", vlen_bits=256, inferences=(mix,))
    return replace(OURS_ROW, precision=precision, counts=counts)


def found(int8: int) -> list[BoundRow]:
    """On an X60: a thousand fp32 products of four registers, as many of int8, and more of what is no product."""
    rows = [
        row("fp32", Cell(op="vfmacc", sew=32, registers=4, count=1000, weight=4000)),
        row(
            "int8",
            Cell(op="vwmacc", sew=16, registers=2, count=1000, weight=4000),
            Cell(op="vadd", sew=32, registers=4, count=int8, weight=4 * int8),
        ),
    ]
    return [one for one in bound_rows("net", core_rows(rows)) if one.core.name == "x60"]


def test_a_core_where_int8_costs_less_has_no_row() -> None:
    cheaper = row("int8", Cell(op="vwmacc", sew=16, registers=2, count=500, weight=2000))
    dear = row("fp32", Cell(op="vfmacc", sew=32, registers=4, count=1000, weight=4000))
    assert [one for one in bound_rows("net", core_rows([dear, cheaper])) if one.core.name == "x60"] == []


def test_products_are_told_from_the_rest() -> None:
    (one,) = found(100)
    assert one.products(one.fp32) == one.fp32.cost.alu == pytest.approx(4000)
    assert one.products(one.int8) == pytest.approx(4000)
    assert one.int8.cost.alu == pytest.approx(4400)
    assert one.floor == pytest.approx(1.0)
    assert one.ratio > 1


def test_the_table_shows_cycles_and_shares() -> None:
    (cells,) = bounds_table(found(100)).cells()
    assert [cell.text for cell in cells][3:5] == ["4.000 k (100.0 %)", "4.000 k (90.9 %)"]
