"""ONNX Runtime's profile, summed up by operator; it comes from a board and is distrusted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgetool.bundles import Bundle
from edgetool.errors import HarnessError
from edgetool.measurements.operators import OperatorTime, read_profile
from edgetool.pipeline.steps import Kit
from edgetool.platform.documents import parse_value, to_json
from edgetool.records.measure import measure
from edgetool.targets.registry import open_executor
from tests.support.bundles import bench_of


def event(operator: Any = "Conv", duration: Any = 10, name: Any = "conv_kernel_time", category: Any = "Node") -> object:
    return {"cat": category, "name": name, "dur": duration, "args": {"op_name": operator}}


def written(folder: Path, events: object) -> Path:
    path = folder / "profile.json"
    path.write_text(json.dumps(events))
    return path


def test_operators_are_summed_per_inference_the_slowest_first(tmp_path: Path) -> None:
    path = written(tmp_path, [event("Gemm", 10), event("Conv", 30), event("Gemm", 10), event("Conv", 30)])
    assert read_profile(path, 2) == (
        OperatorTime(operator="Conv", calls=1, time_ns=30_000, share=0.75),
        OperatorTime(operator="Gemm", calls=1, time_ns=10_000, share=0.25),
    )


@pytest.mark.parametrize(
    "odd",
    [
        event(category="Session"),
        event(name="conv_fence_before"),
        event(name=3),
        event(operator=None),
        event(duration=-1),
        event(duration=1.5),
        event(duration=2**50),
        event(duration="10"),
        {"cat": "Node"},
        {"cat": "Node", "name": "conv_kernel_time", "dur": 1, "args": []},
        "text",
        None,
        [],
    ],
)
def test_an_event_that_is_no_kernels_counts_for_nothing(tmp_path: Path, odd: object) -> None:
    assert [found.operator for found in read_profile(written(tmp_path, [odd, event("Gemm")]), 1)] == ["Gemm"]


@pytest.mark.parametrize("text", ["", "nonsense", "{}", "3", "[" * 200_000, "[NaN, " + "9" * 5000 + "]"])
def test_what_is_no_profile_is_a_harness_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "profile.json"
    path.write_text(text)
    with pytest.raises(HarnessError, match=r"profile\.json"):
        read_profile(path, 1)


def test_no_operators_are_no_error(tmp_path: Path) -> None:
    assert read_profile(written(tmp_path, []), 1) == ()


OPERATORS = st.text(max_size=200) | st.none() | st.integers()
DURATIONS = st.integers(-1, 2**50) | st.booleans() | st.none()


@given(st.lists(st.builds(event, OPERATORS, DURATIONS), max_size=8))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_read_can_be_kept_in_a_record(tmp_path: Path, events: list[object]) -> None:
    found = read_profile(written(tmp_path, events), 1)
    assert parse_value(tuple[OperatorTime, ...], to_json(found), where="record") == found


def test_a_real_profile_names_the_models_operators(host: Kit, host_bundle: Bundle) -> None:
    with bench_of(open_executor(host.target), host_bundle, host.target) as bench:
        found = measure(bench, host_bundle.manifest.models[0], instruments=("operators",)).record
    assert found.timing is None
    assert found.operators is not None
    assert {"Conv", "FusedConv"} & {entry.operator for entry in found.operators.times}
    assert sum(entry.share for entry in found.operators.times) == pytest.approx(1)
    assert all(entry.calls >= 1 for entry in found.operators.times)
