"""What the kernels aim at: ratios that exceed it are marked, and bounds follow from what was counted."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.kernels.aims import AIMS, Counted, aims_table, arithmetic_table
from benchmarks.kernels.cores import core_rows
from benchmarks.kernels.rows import SCALAR, STOCK, KernelRow
from edgetool.harness.instructions import Cell
from tests.benchmarks.test_bounds import row

FMADD = Cell(op="fmadd", sew=None, registers=None, count=2400, weight=2400)
STOCK_CELLS = Cell(op="add", sew=None, registers=None, count=10_000, weight=10_000)


def counted(*rows: KernelRow) -> dict[str, str]:
    """Return what is shown of each aim."""
    table = aims_table([Counted(model="net", rows=rows, cores=core_rows(rows))])
    return {aim.title: cells[2].text for aim, cells in zip(AIMS, table.cells(), strict=True)}


def without_vectors(found: KernelRow, side: str) -> KernelRow:
    return replace(found, side=side, vlen_bits=None)


def test_what_was_not_counted_is_left_out() -> None:
    assert set(counted(row("fp32", FMADD)).values()) == {"–"}


def test_a_ratio_above_the_aim_is_marked() -> None:
    stock = without_vectors(row("fp32", STOCK_CELLS), STOCK)
    assert counted(stock, row("fp32", replace(STOCK_CELLS, count=1000, weight=1000)))["fp32 ÷ stock"] == "0.1×"
    assert counted(stock, row("fp32", replace(STOCK_CELLS, count=2000, weight=2000)))["fp32 ÷ stock"] == "✗ 0.2×"


def test_a_bound_is_shown_without_a_mark() -> None:
    """Each multiply-add in full tiles takes 34/24 of an instruction: 3,400 of 10,000."""
    stock = without_vectors(row("fp32", STOCK_CELLS), STOCK)
    shown = counted(stock, without_vectors(row("fp32", FMADD, replace(STOCK_CELLS, count=5000)), SCALAR))
    assert shown["fp32 without vectors ÷ stock"].startswith("✗")
    assert shown["– its products in full tiles"] == "0.34×"


def test_products_of_int8_are_set_against_the_arithmetic_of_fp32() -> None:
    fp32 = row("fp32", Cell(op="vfmacc", sew=32, registers=4, count=1000, weight=4000))
    int8 = row("int8", Cell(op="vwmacc", sew=16, registers=2, count=500, weight=2000))
    assert counted(fp32, int8)["– int8's products ÷ fp32's arithmetic, X60"] == "0.5×"


def test_arithmetic_is_set_against_its_limit_and_its_products() -> None:
    rows = [row("fp32", Cell(op="vfmacc", sew=32, registers=4, count=1000, weight=4000))]
    table = arithmetic_table(Counted(model="net", rows=rows, cores=core_rows(rows)))
    assert [[cell.text for cell in cells] for cells in table.cells()] == [["fp32", "40.00 M", "4.000 k", "4.000 k"]]
