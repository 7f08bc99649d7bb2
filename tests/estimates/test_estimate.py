"""Intervals counted on paper: which part is busy for how long, and which of them binds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgetool.estimates.cores import load_core
from edgetool.estimates.estimate import Bound, estimate, runs_on
from edgetool.estimates.rows import judge, row, rows
from edgetool.harness.instructions import Cell, InstructionMix, OperatorInstructions, Traffic
from edgetool.measurements.instructions import InstructionCounts
from edgetool.reports.tables.estimates import estimates_table, operator_estimates_table

X60, U74 = load_core("x60"), load_core("u74")

# On an X60: 100 fused multiply-adds of four registers take 400 cycles, 100 loads of two 450, 200 additions 100; 400
# instructions issue in 200.
MIX = InstructionMix(
    cells=(
        Cell(op="vfmacc", sew=32, registers=4.0, count=100, weight=400),
        Cell(op="vle", sew=32, registers=2.0, count=100, weight=200),
        Cell(op="add", count=200, weight=200),
    ),
    load_bytes=6400,
    store_bytes=0,
)
# 8 bytes a cycle from L2, 4 from memory.
TRAFFIC = Traffic(cache="x60", beyond_l1_bytes=8000, beyond_l2_bytes=2000)


def test_an_interval_lies_between_perfect_overlap_and_none() -> None:
    found = estimate(MIX, X60)
    assert found.bounds == {
        Bound.VECTOR: 400,
        Bound.INTEGER: 100,
        Bound.FLOAT: 0,
        Bound.LOAD_STORE: 450,
        Bound.ISSUE: 200,
        Bound.MEMORY: 0,
    }
    assert (found.low, found.high, found.binding) == (450, 400 + 450 + 200, Bound.LOAD_STORE)


def test_traffic_costs_by_the_bytes_that_leave_each_cache() -> None:
    found = estimate(replace(MIX, traffic=(TRAFFIC,)), X60)
    assert (found.memory, found.low, found.high) == (1000 + 500, 1500, 1050 + 1500)
    assert found.binding is Bound.MEMORY


def test_another_cores_caches_tell_nothing() -> None:
    assert estimate(replace(MIX, traffic=(replace(TRAFFIC, cache="x100"),)), X60).memory is None


def test_time_is_that_of_the_cores_clock() -> None:
    found = estimate(MIX, X60)
    assert found.ms(1.6e6) == pytest.approx(1.0)


def test_loads_and_stores_overlap_where_each_has_its_port() -> None:
    mix = InstructionMix(
        cells=(Cell(op="load", count=100, weight=100), Cell(op="store", count=60, weight=60)),
        load_bytes=0,
        store_bytes=0,
    )
    assert (estimate(mix, U74).load_store, estimate(mix, load_core("p550")).load_store) == (160, 100)


def test_counts_hold_for_cores_with_vectors_of_that_length_and_scalar_ones_for_all() -> None:
    scalar = replace(MIX, cells=MIX.cells[-1:])
    assert [runs_on(MIX, 256, core) for core in (X60, U74, load_core("c908"))] == [True, False, False]
    assert [runs_on(scalar, 256, core) for core in (X60, U74, load_core("c908"))] == [True, True, True]


def test_counts_of_what_a_core_has_not_are_none_of_it() -> None:
    """A record may list an operation that occurred not once."""
    never = replace(MIX, cells=(replace(MIX.cells[0], count=0, weight=0), *MIX.cells[2:]))
    assert [runs_on(never, 256, core) for core in (X60, U74)] == [True, False]


COUNTS = InstructionCounts(
    emulator="qemu",
    vlen_bits=256,
    inferences=(MIX, MIX),
    operators=(
        OperatorInstructions(operator="Relu", calls=1, mix=replace(MIX, cells=MIX.cells[1:2]), share=0.2),
        OperatorInstructions(operator="Conv", calls=2, mix=MIX, share=0.8),
    ),
)


def test_a_row_says_that_it_is_estimated() -> None:
    ((mark, cells),) = estimates_table([row("net fp32", MIX, X60)]).marked()
    assert mark == "estimated"
    assert [cell.text for cell in cells][:6] == [
        "net fp32",
        "SpacemiT X60",
        "estimated",
        "450 to 1.050 k",
        "281 ns to 656 ns",
        "load/store",
    ]
    assert cells[-1].text == "–", "no caches were modelled"


def test_operators_are_estimated_too_the_longest_first() -> None:
    (line,) = rows("net", COUNTS, [X60, U74])
    assert [entry.operator for entry in line.operators] == ["Conv", "Relu"]
    assert sum(entry.share for entry in line.operators) == pytest.approx(1)
    assert [[cell.text for cell in cells][:5] for cells in operator_estimates_table([line]).cells()] == [
        ["Conv", "SpacemiT X60", "estimated", "450 to 1.050 k", "load/store"],
        ["Relu", "SpacemiT X60", "estimated", "450 to 500", "load/store"],
    ]


def test_a_kernel_is_judged_by_its_worst_core_and_their_geometric_mean() -> None:
    half = replace(MIX, cells=tuple(replace(cell, count=cell.count // 2) for cell in MIX.cells))
    before = [row("a", MIX, X60), row("a", MIX, load_core("ascalon")), row("a", replace(MIX, cells=MIX.cells[2:]), U74)]
    after = [row("b", half, X60), row("b", MIX, load_core("ascalon"))]
    verdict = judge(before, after)
    assert verdict is not None
    assert verdict.ratios == {"x60": pytest.approx(0.5), "ascalon": pytest.approx(1.0)}
    assert verdict.worst_core == "ascalon"
    assert verdict.geometric_mean == pytest.approx(0.5**0.5)
    assert judge(before[2:], after) is None
