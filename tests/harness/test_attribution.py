"""Instructions by operator: events of a profile found again among the readings of the clock."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgetool.errors import HarnessError
from edgetool.harness.attribution import Reading, attribute, without_events
from edgetool.harness.instructions import InstructionMix
from tests.support.records import instruction_mix

START = 1_700_000_000_000_000_123  # the profile's, in nanoseconds


def kernel(operator: str, start_us: int, duration_us: int) -> dict[str, Any]:
    return {
        "cat": "Node",
        "name": f"{operator}_kernel_time",
        "ts": start_us,
        "dur": duration_us,
        "args": {"op_name": operator},
    }


def inference(start_us: int, duration_us: int) -> dict[str, Any]:
    return {"cat": "Session", "name": "model_run", "ts": start_us, "dur": duration_us, "args": {}}


def reading(time_ns: int, *, scalar: int, vector: int = 0, weight: int = 0) -> Reading:
    return Reading(time_ns=time_ns, since=instruction_mix(scalar=scalar, vector=vector, weight=weight))


# An inference of two kernels, and before it a warm-up that must not be seen. Of the readings only the first is where
# the profile starts: from the second, no other is at the events' times.
EVENTS = [
    kernel("Conv", 20, 10),
    inference(10, 50),
    kernel("Conv", 120, 30),
    kernel("Gemm", 170, 5),
    kernel("Conv", 180, 10),
    inference(110, 90),
]
READINGS = [
    reading(5_000_000_000, scalar=1),  # of another clock
    reading(START, scalar=999),
    reading(START + 7_000, scalar=100),
    reading(START + 10_200, scalar=100),
    reading(START + 20_900, scalar=800),
    reading(START + 31_000, scalar=7_000),
    reading(START + 61_000, scalar=100),
    reading(START + 110_300, scalar=100),
    reading(START + 120_999, scalar=800),
    reading(START + 151_500, scalar=4_600, vector=400, weight=5_400),
    reading(START + 170_001, scalar=100),
    reading(START + 175_900, scalar=900, vector=100, weight=600),
    reading(START + 180_500, scalar=100),
    reading(START + 190_600, scalar=0, vector=1_000, weight=2_000),
    reading(START + 200_999, scalar=100),
]


def write(folder: Path, events: object) -> Path:
    path = folder / "profile.json"
    path.write_text(json.dumps(events))
    return path


def test_operators_are_summed_up_by_falling_weight(tmp_path: Path) -> None:
    conv, gemm = attribute(write(tmp_path, EVENTS), READINGS, inferences=1)
    assert (conv.operator, conv.calls, conv.raw, conv.weighted) == ("Conv", 2, 5000 + 1000, 10_000 + 2000)
    assert (conv.mix.vector, gemm.mix.vector) == (400 + 1000, 100)
    assert (gemm.operator, gemm.calls, gemm.raw, gemm.weighted) == ("Gemm", 1, 1000, 1500)
    assert conv.share == pytest.approx(12_000 / 13_500)


def test_each_inference_asked_for_is_averaged(tmp_path: Path) -> None:
    conv = next(entry for entry in attribute(write(tmp_path, EVENTS), READINGS, inferences=2))
    assert (conv.calls, conv.raw) == (1, (7000 + 5000 + 1000) // 2)


def test_what_a_profiler_writes_is_taken_from_each_call(tmp_path: Path) -> None:
    """1,200 scalar instructions more than an inference has; two calls of three are Conv's."""
    profiled = attribute(write(tmp_path, EVENTS), READINGS, inferences=1)
    whole = InstructionMix.sum(each.mix for each in profiled)
    scalar, vector = whole.cells
    inference = replace(whole, cells=(replace(scalar, count=scalar.count - 1200, weight=scalar.weight - 1200), vector))
    conv, gemm = without_events(profiled, inference)
    assert (conv.calls, conv.raw, conv.weighted) == (2, 6000 - 800, 12_000 - 800)
    assert (gemm.calls, gemm.raw, gemm.weighted) == (1, 1000 - 400, 1500 - 400)
    assert (conv.mix.vector, gemm.mix.vector) == (1400, 100)
    assert conv.weighted + gemm.weighted == inference.weighted


def test_operators_that_have_nothing_beyond_the_inference_stay_as_they_are(tmp_path: Path) -> None:
    profiled = attribute(write(tmp_path, EVENTS), READINGS, inferences=1)
    assert without_events(profiled, InstructionMix.sum(each.mix for each in profiled)) == profiled
    assert without_events((), profiled[0].mix) == ()


@pytest.mark.parametrize("missing", [START, START + 120_999, START + 190_600])
def test_an_event_at_no_reading_is_an_error(tmp_path: Path, missing: int) -> None:
    readings = [entry for entry in READINGS if entry.time_ns != missing]
    with pytest.raises(HarnessError, match="match no clock readings"):
        attribute(write(tmp_path, EVENTS), readings, inferences=1)


END_TO_END = [inference(110, 90), kernel("Conv", 110, 30), kernel("Gemm", 140, 19), kernel("Conv", 159, 5)]


def test_operators_of_which_only_the_durations_are_known_are_found_by_them(tmp_path: Path) -> None:
    conv, gemm = attribute(write(tmp_path, END_TO_END), READINGS, inferences=1)
    assert (conv.calls, conv.raw) == (2, 5000 + 1000)
    assert (gemm.calls, gemm.raw) == (1, 100)


def test_durations_between_other_operators_are_not_attributed(tmp_path: Path) -> None:
    assert attribute(write(tmp_path, [*END_TO_END, kernel("Conv", 180, 11)]), READINGS, inferences=1) == ()


@pytest.mark.parametrize("events", [{}, [], [1, None, {"name": "model_run"}], [{"name": "model_run", "ts": -1}]])
def test_a_profile_that_is_none_is_an_error(tmp_path: Path, events: object) -> None:
    with pytest.raises(HarnessError, match=r"profile\.json"):
        attribute(write(tmp_path, events), READINGS, inferences=1)
