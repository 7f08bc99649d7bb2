"""The chart of memory by stage."""

from __future__ import annotations

import pytest

from edgetool.harness.result import Memory
from tests.reports.examples import entry, report_of
from tests.support.records import emulated_record, record

MB = 1_000_000
STAGES = Memory(runtime_bytes=20 * MB, session_bytes=35 * MB, first_run_bytes=50 * MB)


def words(peak_bytes: int, memory: Memory | None = STAGES) -> str | None:
    report = report_of(entry(record(memory=memory, peak_rss_bytes=peak_bytes)))
    return next((chart.words for chart in report.charts if chart.name == "memory"), None)


@pytest.mark.parametrize(("peak_mb", "fits"), [(60, "within 64 MB"), (80, "beyond 64 MB")])
def test_each_stage_has_its_part_and_the_whole_is_held_against_a_small_board(peak_mb: int, fits: str) -> None:
    found = words(peak_mb * MB)
    assert found is not None
    assert fits in found
    assert "program, runtime 20 MB, model 15 MB, activations 15 MB" in found
    assert f"at the peak {peak_mb - 50} MB" in found


def test_what_a_stage_gave_back_is_not_negative() -> None:
    found = words(60 * MB, Memory(runtime_bytes=20 * MB, session_bytes=55 * MB, first_run_bytes=50 * MB))
    assert found is not None
    assert "activations 0 B" in found


def test_records_without_stages_and_emulated_ones_are_left_out() -> None:
    assert words(60 * MB, None) is None
    emulated = report_of(entry(emulated_record(memory=STAGES)))
    assert "memory" not in {chart.name for chart in emulated.charts}
