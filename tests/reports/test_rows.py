"""A case in numbers, in a table and a CSV: what is emulated says so in its own row, what failed has no number."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import pytest

from edgetool.harness.instructions import ClassCount
from edgetool.models.spec import Precision
from edgetool.platform.columns import Table
from edgetool.records.caveats import Caveat
from edgetool.records.compare import compare
from edgetool.reports.tables.comparisons import Comparisons
from tests.reports.examples import (
    BESIDE,
    COUNTED,
    COUNTS,
    EMULATED,
    HALF,
    HOST,
    INT8,
    REPORTS,
    accuracy,
    entry,
    inference,
    on_board,
    report_of,
)
from tests.support.records import emulated_record, environment, model_spec, record


def shown(table: Table[Any]) -> list[dict[str, str]]:
    """The cells of each row under their headings."""
    titles = [column.title for column in table.shown()]
    return [dict(zip(titles, [cell.text for cell in row], strict=True)) for row in table.cells()]


def lines(table: Table[Any]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.csv())))


def test_an_emulated_row_says_so_in_the_table_and_the_others_do_not() -> None:
    found = [row["target"] for row in shown(report_of(*HOST, *EMULATED).cases)]
    assert found == ["host", "host", "qemu-riscv64 (emulated)", "qemu-riscv64 (emulated)"]


def test_an_emulated_row_says_so_in_the_csv() -> None:
    found = lines(report_of(*HOST, *EMULATED).cases)
    assert [line["emulated"] for line in found] == ["false", "false", "true", "true"]
    assert all(("emulated" in line["caveats"].split()) == (line["emulated"] == "true") for line in found)


def test_emulated_times_make_no_ratio() -> None:
    assert [row.ratio is None for row in report_of(*HOST, *EMULATED).rows] == [False, False, True, True]


def test_the_ratio_is_to_fp32_on_the_same_target() -> None:
    ratios = [row.ratio and round(row.ratio.value, 2) for row in report_of(*HOST, *on_board()).rows]
    assert ratios == [1, 1, 1, 0.5]


def test_without_fp32_there_is_no_ratio_to_it() -> None:
    (row,) = report_of(on_board()[1]).rows
    assert row.ratio is None


def test_a_failed_case_has_its_reason_and_no_number() -> None:
    gone = next(row for row in shown(REPORTS["sweep"].cases) if row["target"] == "gone")
    assert gone["outcome"] == "failed: ConnectError: the link was lost"
    assert {gone[title] for title in ("size", "load", "p50", "÷ fp32", "peak RSS", "accuracy")} == {"–"}
    line = next(line for line in lines(REPORTS["sweep"].cases) if line["target"] == "gone")
    assert {line[field] for field in ("size_bytes", "p50_ns", "ratio_to_fp32", "correct")} == {""}


def test_a_column_that_tells_nothing_apart_is_left_out_but_in_the_csv() -> None:
    table = report_of(*HOST).cases
    titles = {column.title for column in table.shown()}
    assert not {"model", "runtime", "threads", "outcome", "instructions", "kernels"} & titles
    assert {"model", "runtime", "threads", "outcome", "instructions", "kernels"} <= set(lines(table)[0])


def test_random_weights_have_no_accuracy() -> None:
    judged = replace(accuracy(), labels=None)
    random = record(model=model_spec(accuracy_means_something=False, weights="random"), accuracy=judged)
    (row,) = shown(report_of(entry(random)).cases)
    assert row["accuracy"] == "meaningless"


def test_unknown_numbers_are_dashes_and_empty_fields() -> None:
    table = report_of(entry(record(peak_rss_bytes=None, accuracy=None))).cases
    (row,), (line,) = shown(table), lines(table)
    assert row["peak RSS"] == "–"
    assert "accuracy" not in row  # nothing was classified
    assert (line["peak_rss_bytes"], line["images"], line["output_difference"]) == ("", "", "")


def test_the_csv_has_base_units_and_a_line_for_each_case() -> None:
    first, *rest = lines(report_of(*HOST, *EMULATED).cases)
    assert len(rest) == 3
    assert int(first["size_bytes"]) == 4000
    assert float(first["p50_ns"]) == pytest.approx(1_400_014.5)


def test_a_count_is_the_mean_of_its_inferences() -> None:
    assert (COUNTS.raw, COUNTS.weighted) == (1_500_100, 3_000_100)
    assert {str(kind): count for kind, count in COUNTS.classes()} == {
        "scalar_integer": ClassCount(raw=1_000_100, weighted=1_000_100),
        "vector_widening": ClassCount(raw=500_000, weighted=2_000_000),
    }


def test_counts_stand_beside_the_emulated_time() -> None:
    row = shown(report_of(*HOST, *COUNTED).cases)[3]
    assert (row["instructions"], row["weighted"], row["weighted ÷ fp32"], row["kernels"]) == (
        "750.0 k",
        "1.500 M",
        "0.5×",
        "vector",
    )


def test_each_runtime_is_a_row_with_its_ratio_to_the_deployed_one() -> None:
    found = shown(report_of(*COUNTED, *BESIDE).runtimes)
    assert [(row["precision"], row["runtime"], row["÷ deployed"]) for row in found] == [
        ("fp32", "debian", "10×"),
        ("fp32", "deployed", "1×"),
        ("int8", "debian", "20×"),
        ("int8", "ncnn", "20×"),
        ("int8", "deployed", "1×"),
    ]
    assert found[0]["output vs deployed"] == "0 (same class 4/4)"
    assert [row["kernels"] for row in found[:2]] == ["scalar", "vector"]


def test_runtimes_that_stand_alone_make_no_table() -> None:
    assert not report_of(*COUNTED).runtimes.rows


def test_another_runtimes_few_images_do_not_make_the_accuracies_fewer() -> None:
    rows = report_of(*HOST, *COUNTED, *BESIDE).rows
    assert [row.images for row in rows] == [40, 40, 40, 40, 4, 4, 4]


def test_the_runtimes_own_words_on_its_kernels_are_taken_unless_counting_says_otherwise() -> None:
    whole = environment()
    assert whole.runtime is not None
    said = emulated_record(environment=environment(runtime=replace(whole.runtime, kernels="rvv vlen=256")))
    assert said.kernels == replace(said, instructions=COUNTS).kernels == "rvv vlen=256"
    without = replace(COUNTS, inferences=(inference(scalar=9, vector=0, weight=0),))
    assert replace(said, instructions=without).kernels == "scalar"
    hardly = replace(COUNTS, inferences=(inference(scalar=9999, vector=1, weight=1),))
    assert replace(said, instructions=hardly).kernels == "scalar"
    assert (emulated_record(instructions=COUNTS).kernels, emulated_record().kernels) == ("vector", None)


def test_a_comparison_is_a_row_with_its_interval_and_caveats() -> None:
    (row,) = shown(Comparisons([compare(record(), emulated_record())]).table)
    assert row["latency"] == "1× (95 %: 1× to 1×)"
    assert "emulated" in row["caveats"]
    assert "instructions" not in row


def test_two_counted_records_are_compared_by_both_totals() -> None:
    (row,) = shown(
        Comparisons([compare(emulated_record(instructions=COUNTS), emulated_record(instructions=HALF))]).table
    )
    assert (row["instructions"], row["weighted"]) == ("0.5× (1.500 M → 750.0 k)", "0.5× (3.000 M → 1.500 M)")


def test_counts_at_two_vector_lengths_are_doubted() -> None:
    short = replace(HALF, vlen_bits=128)
    found = compare(emulated_record(instructions=COUNTS), emulated_record(instructions=short))
    assert Caveat.DIFFERENT_VECTORS in found.caveats


def test_a_slower_format_of_another_model_is_not_compared_with_it() -> None:
    other = record(model=replace(INT8, name="other"), samples_ns=(9_000_000,) * 30)
    assert [row.ratio is None for row in report_of(*HOST, entry(other)).rows] == [False, False, True]
    assert {row.precision for row in report_of(entry(other)).rows} == {Precision.INT8}
