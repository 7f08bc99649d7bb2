"""Numbers that no honest measurement gives: refused with the reason, and no record is made of them."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from edgetool.errors import CommandTimeout, ConfigError, HarnessError, TransferError
from edgetool.executors.local import LocalExecutor
from edgetool.harness.bench import open_bench
from edgetool.measurements import operators, timing
from edgetool.platform.context import StepContext
from edgetool.records.results import RecordStore, write_recorded
from tests.support.bundles import (
    QUICK,
    bench_of,
    harness_script,
    host_target,
    result_document,
    stub_bundle,
    writing_harness,
)
from tests.support.models import CLASSES
from tests.support.records import case_of, record, recorded
from tests.support.waiting import within

LOGITS = struct.pack(f"<{CLASSES}f", *range(CLASSES))
HOUR_NS = 3_600_000_000_000


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        ({"samples_ns": [1000, 0, 1000]}, "an inference took 0 ns"),
        ({"samples_ns": [HOUR_NS] * 3}, "10800.0 s were timed, but only "),
        ({"session_load_ns": HOUR_NS}, "3600.0 s were timed"),
        ({"first_run_ns": HOUR_NS}, "3600.0 s were timed"),
        ({"warmup_ns": [HOUR_NS]}, "3600.0 s were timed"),
        ({"samples_ns": [2**62] * 3}, " s were timed"),
        ({"peak_rss_bytes": 2**60}, "a peak RSS of .* MiB on a board of .* MiB"),
    ],
)
def test_a_number_that_cannot_be_is_refused_with_the_reason(
    run: dict[str, object], reason: str, tmp_path: Path
) -> None:
    harness = writing_harness(tmp_path, json.dumps(result_document(**run)), output=LOGITS)
    bundle = stub_bundle(tmp_path / "bundle", harness)
    with bench_of(LocalExecutor(), bundle, host_target()) as bench, pytest.raises(HarnessError, match=reason):
        timing.measure(bench, bundle.manifest.models[0])


def profiling(folder: Path, profile: str) -> Path:
    """A harness that writes a result, and `profile` by a shell's command."""
    (folder / "result.json").write_text(json.dumps(result_document(profile="profile_1.json")))
    body = f'cp "{folder}/result.json" "$result"\n{profile} >"$(dirname "$result")/profile_1.json"'
    return harness_script(folder / "harness", body)


def event(duration_us: int) -> str:
    return json.dumps({"cat": "Node", "name": "conv_kernel_time", "dur": duration_us, "args": {"op_name": "Conv"}})


def test_operators_that_took_longer_than_the_inferences_are_refused(tmp_path: Path) -> None:
    bundle = stub_bundle(tmp_path / "bundle", profiling(tmp_path, f"echo '[{event(3_600_000_000)}]'"))
    with (
        bench_of(LocalExecutor(), bundle, host_target()) as bench,
        pytest.raises(HarnessError, match="were timed, but only"),
    ):
        operators.measure(bench, bundle.manifest.models[0])


def test_an_honest_profile_is_read(tmp_path: Path) -> None:
    bundle = stub_bundle(tmp_path / "bundle", profiling(tmp_path, f"echo '[{event(5)}]'"))
    with bench_of(LocalExecutor(), bundle, host_target()) as bench:
        reading = operators.measure(bench, bundle.manifest.models[0])
    assert [time.operator for time in reading.measurement.times] == ["Conv"]


def test_a_profile_without_an_end_takes_no_more_of_the_disk_than_is_read_of_it(tmp_path: Path) -> None:
    bundle = stub_bundle(tmp_path / "bundle", profiling(tmp_path, "head -c 70000000 /dev/zero"))
    with (
        bench_of(LocalExecutor(), bundle, host_target()) as bench,
        pytest.raises(TransferError, match="larger than the limit of 67108864 bytes"),
    ):
        operators.measure(bench, bundle.manifest.models[0])


def test_the_self_test_keeps_the_targets_time_limit(tmp_path: Path, context: StepContext) -> None:
    bundle = stub_bundle(tmp_path / "bundle", harness_script(tmp_path / "harness", "exec sleep 1000"))
    target = host_target(benchmark=replace(QUICK, timeout_s=0.5))
    with within(60), pytest.raises(CommandTimeout, match="longer than"), open_bench(bundle, target, context):
        pass


@pytest.mark.parametrize(
    "changes",
    [{"samples_ns": ()}, {"samples_ns": (0,)}, {"samples_ns": (2**63,)}, {"id": "two\nlines"}, {"threads": 0}],
)
def test_a_record_that_could_not_be_read_again_is_not_written(changes: dict[str, object], tmp_path: Path) -> None:
    unreadable = recorded(record(**changes))
    case = case_of(record())
    with pytest.raises(ConfigError, match="document for"):
        RecordStore(tmp_path / "run").write(
            "0" * 16, lambda folder: write_recorded(folder, unreadable, case.stem), case
        )
    assert not list(tmp_path.rglob("*.json"))
