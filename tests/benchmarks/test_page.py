"""The findings as a page: ratios to stock, a row for each vector length, nothing where nothing was modelled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.kernels.page import write_page
from benchmarks.kernels.rows import (
    OURS,
    SCALAR,
    STOCK,
    WIDE32,
    Findings,
    KernelRow,
    Modelled,
    ModelledLoop,
    read_findings,
)
from edgetool.harness.instructions import OperatorInstructions
from edgetool.measurements.instructions import InstructionCounts
from edgetool.platform.documents import write_document
from tests.support.records import instruction_mix


def counts(scalar: int, vector: int, weight: int) -> InstructionCounts:
    inference = instruction_mix(scalar=scalar, vector=vector, weight=weight, load_bytes=8000, store_bytes=4000)
    return InstructionCounts(emulator="qemu-riscv64 version 10", vlen_bits=256, inferences=(inference,))


STOCK_ROW = KernelRow(
    model="net",
    precision="fp32",
    side=STOCK,
    release="ONNX Runtime 1.21.0 (debian)",
    vlen_bits=None,
    counts=counts(1_000_000, 0, 0),
    images=20,
    correct=19,
    signal_to_noise_db=124.9,
)
OPERATORS = (
    OperatorInstructions(
        operator="Conv", calls=2, mix=instruction_mix(scalar=10_000, vector=10_000, weight=80_000), share=0.9
    ),
    OperatorInstructions(operator="Softmax", calls=1, mix=instruction_mix(scalar=10_000), share=0.1),
    OperatorInstructions(operator="Reshape", calls=1, mix=instruction_mix(scalar=10), share=0.0001),
)
OURS_ROW = replace(
    STOCK_ROW,
    side=OURS,
    vlen_bits=256,
    counts=replace(counts(20_000, 10_000, 80_000), operators=OPERATORS),
    correct=None,
)
FINDINGS = Findings(
    schema=1,
    created_at=datetime(2026, 1, 2, tzinfo=UTC),
    edgetool="0.1.0",
    emulator="qemu-riscv64 version 10",
    rows=(STOCK_ROW, OURS_ROW),
)
MODELLED = Modelled(
    processor="spacemit-x60",
    share=0.97,
    cycles=120_000,
    loops=(ModelledLoop(address=64, share=0.5, instructions=9, trips=100, cycles=12.5, text=("nop",)),),
)


def lines(folder: Path, findings: Findings = FINDINGS) -> list[str]:
    return write_page(findings, folder).read_text().splitlines()


def test_each_row_has_its_ratio_to_stock(tmp_path: Path) -> None:
    page = lines(tmp_path)
    assert "| fp32 | stock | 1.000 M | 1.000 M | 1× | 1× | 8 kB | 4 kB | 124.9 dB | 19/20 |" in page
    assert "| fp32 | ours, VLEN 256 | 30.00 k | 100.0 k | 0.1× | 1× | 8 kB | 4 kB | 124.9 dB | – |" in page


def test_a_core_is_given_the_variant_that_costs_it_least_and_scalar_code_where_it_has_no_vectors(
    tmp_path: Path,
) -> None:
    int8 = replace(OURS_ROW, precision="int8")
    wide32 = replace(int8, side=WIDE32, counts=counts(20_000, 5_000, 40_000))
    scalar = replace(int8, side=SCALAR, vlen_bits=None, counts=counts(900_000, 0, 0))
    page = lines(tmp_path, replace(FINDINGS, rows=(STOCK_ROW, OURS_ROW, int8, wide32, scalar)))
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in page if line.startswith("| S")}
    assert "| wide32 |" in rows["SpacemiT X60"]
    assert "| tiled |" in rows["SiFive U74"]
    assert "SiFive X280" in rows  # stock's code alone: nothing of ours was counted at 512 bits
    assert "wide" not in rows["SiFive X280"]
    assert b"<svg" in (tmp_path / "performance-net-cores.svg").read_bytes()


def test_operators_say_which_kernels_ran_and_small_ones_are_left_out(tmp_path: Path) -> None:
    page = lines(tmp_path)
    assert "| Conv | vector | 2 | 20.00 k | 50.0 % | 90.00 k | 90.0 % |" in page
    assert "| Softmax | scalar | 1 | 10.00 k | 0.0 % | 10.00 k | 10.0 % |" in page
    assert not any(line.startswith("| Reshape") for line in page)


def test_a_second_opinion_is_given_only_where_there_is_one(tmp_path: Path) -> None:
    assert not any("llvm-mca's" in line for line in lines(tmp_path))
    modelled = replace(FINDINGS, rows=(STOCK_ROW, replace(OURS_ROW, modelled=MODELLED)))
    page = lines(tmp_path, modelled)
    assert "| net | fp32 | ours, VLEN 256 | 97.0 % | 120.0 k | 9, 12.5 (50.0 % of the inference) |" in page


def test_the_page_is_drawn_from_what_was_kept(tmp_path: Path) -> None:
    write_document(tmp_path / "found.json", FINDINGS)
    assert read_findings(tmp_path / "found.json") == FINDINGS
    lines(tmp_path)
    assert b"<svg" in (tmp_path / "performance-net.svg").read_bytes()
