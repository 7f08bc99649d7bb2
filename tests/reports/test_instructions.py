"""Counted instructions in the table, the CSV, the report and its chart; nothing of them where none were counted."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from edgetool.bench.instructions import ClassCount, InstructionMix, OperatorInstructions
from edgetool.measurements.instructions import InstructionCounts
from edgetool.records.caveats import Caveat
from edgetool.records.compare import compare
from edgetool.records.results import read_run
from edgetool.reports.tables import comparison_table, csv_text, rows, text_table
from tests.reports.written import written
from tests.support import emulated_record, environment, instruction_mix, record, recorded


def inference(*, scalar: int, vector: int, weight: int) -> InstructionMix:
    return instruction_mix(scalar=scalar, vector=vector, weight=weight, load_bytes=4_000_000, store_bytes=2_000_000)


COUNTS = InstructionCounts(
    emulator="qemu-riscv64 version 10.0",
    vlen_bits=256,
    inferences=(
        inference(scalar=1_000_000, vector=500_000, weight=2_000_000),
        inference(scalar=1_000_200, vector=500_000, weight=2_000_000),
    ),
    operators=(
        OperatorInstructions(
            operator="Conv",
            calls=3,
            mix=instruction_mix(scalar=900_000, vector=300_000, weight=1_800_000),
            share=0.9,
        ),
    ),
)
COUNTED = (recorded(record()), recorded(emulated_record(instructions=COUNTS)))


def test_a_count_is_the_mean_of_its_inferences() -> None:
    assert (COUNTS.raw, COUNTS.weighted) == (1_500_100, 3_000_100)
    assert dict(COUNTS.classes()) == {
        "scalar_integer": ClassCount(raw=1_000_100, weighted=1_000_100),
        "vector_widening": ClassCount(raw=500_000, weighted=2_000_000),
    }


def test_both_totals_stand_beside_the_emulated_time() -> None:
    headings, cells = text_table(rows(COUNTED))
    assert headings[-4:] == ("instructions", "weighted", "weighted ÷ fp32", "kernels")
    assert [line[-4:] for line in cells] == [("–", "–", "–", "–"), ("1.500 M", "3.000 M", "1×", "vector")]


def test_a_table_without_counts_has_no_columns_for_them() -> None:
    headings, _ = text_table(rows([recorded(record())]))
    assert not {"instructions", "kernels"} & set(headings)


def test_the_csv_has_base_units() -> None:
    host, emulated = csv.DictReader(io.StringIO(csv_text(rows(COUNTED))))
    assert host["instructions"] == host["instructions_weighted"] == ""
    assert (emulated["instructions"], emulated["instructions_weighted"]) == ("1500100", "3000100")
    assert (emulated["load_bytes"], emulated["store_bytes"]) == ("4000000", "2000000")


@pytest.mark.parametrize(
    "line",
    [
        "| vector widening, multiply-add | 500.0 k | 2.000 M | 66.7 % |",
        "| **all** | 1.500 M | 3.000 M |  |",
        "| Conv | 3 | 1.200 M | 25.0 % | 2.700 M | 90.0 % | vector |",
        "![instructions](charts/instructions.png)",
    ],
)
def test_the_report_has_classes_operators_and_a_chart(tmp_path: Path, line: str) -> None:
    run = written(tmp_path, COUNTED)
    assert line in (run / "report.md").read_text().splitlines()
    assert (run / "charts" / "instructions.png").read_bytes().startswith(b"\x89PNG")


def test_a_record_keeps_every_inference(tmp_path: Path) -> None:
    stored = read_run(written(tmp_path, COUNTED))
    assert [entry.record.instructions for entry in stored.recorded] == [None, COUNTS]


def test_the_runtimes_own_words_on_its_kernels_are_taken_unless_counting_says_otherwise() -> None:
    runtime = environment().runtime
    assert runtime is not None
    loaded = replace(runtime, kernels="rvv vlen=256")
    said = emulated_record(environment=environment(runtime=loaded))
    assert said.kernels == replace(said, instructions=COUNTS).kernels == "rvv vlen=256"
    without = replace(COUNTS, inferences=(inference(scalar=9, vector=0, weight=0),))
    assert replace(said, instructions=without).kernels == "scalar"
    assert (emulated_record(instructions=COUNTS).kernels, emulated_record().kernels) == ("vector", None)


def halved(counts: InstructionCounts, vlen_bits: int) -> InstructionCounts:
    half = inference(scalar=500_000, vector=250_000, weight=1_000_000)
    return replace(counts, inferences=(half,), vlen_bits=vlen_bits)


def test_two_counted_records_are_compared_by_both_totals() -> None:
    comparison = compare(emulated_record(instructions=COUNTS), emulated_record(instructions=halved(COUNTS, 256)))
    headings, (cells,) = comparison_table([comparison])
    assert dict(zip(headings, cells, strict=True)).items() >= {
        ("instructions", "1.500 M → 750.0 k (0.5×)"),
        ("weighted", "3.000 M → 1.500 M (0.5×)"),
    }
    assert Caveat.DIFFERENT_VECTORS not in comparison.caveats


def test_counts_at_two_vector_lengths_are_doubted() -> None:
    comparison = compare(emulated_record(instructions=COUNTS), emulated_record(instructions=halved(COUNTS, 128)))
    assert Caveat.DIFFERENT_VECTORS in comparison.caveats


def test_a_comparison_without_both_counts_has_no_columns_for_them() -> None:
    headings, _ = comparison_table([compare(emulated_record(), emulated_record(instructions=COUNTS))])
    assert "instructions" not in headings
