"""A harness that lies, crashes or hangs: the right error in bounded time, and never a record."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from edgetool.errors import (
    CommandFailed,
    CommandTimeout,
    EdgetoolError,
    HarnessError,
    IllegalInstruction,
    UnsupportedOperator,
)
from edgetool.executors.local import LocalExecutor
from edgetool.harness.bench import preflight, put_bundle, selftest
from edgetool.models.spec import Precision
from edgetool.pipeline.deploy import bench
from edgetool.pipeline.prepare import bundle_cases
from edgetool.platform.context import StepContext
from edgetool.records.instruments import DEFAULT
from edgetool.records.measure import measure
from edgetool.records.record import Recorded
from tests.support.bundles import (
    QUICK,
    bench_of,
    harness_script,
    host_target,
    result_document,
    script,
    stub_bundle,
    writing_harness,
)
from tests.support.commands import command_lines
from tests.support.models import CLASSES
from tests.support.waiting import within

LOGITS = struct.pack(f"<{CLASSES}f", *range(CLASSES))
FLOAT = {"name": "logits", "dtype": "float32", "shape": [1, CLASSES]}


def measured(harness: Path, folder: Path, *, timeout_s: float = 60, images: int = 1) -> Recorded:
    """One measurement of a bundle whose harness is `harness`."""
    bundle = stub_bundle(folder / "bundle", harness, images=images)
    target = host_target(benchmark=replace(QUICK, timeout_s=timeout_s))
    with within(40), bench_of(LocalExecutor(), bundle, target) as bench:
        return measure(bench, bundle.manifest.models[0])


def test_an_honest_result_makes_a_record(tmp_path: Path) -> None:
    harness = writing_harness(tmp_path, json.dumps(result_document()), output=LOGITS)
    found = measured(harness, tmp_path)
    assert found.record.timing is not None
    assert found.record.timing.samples_ns == (1000, 1100, 1200)
    assert found.record.accuracy is not None
    assert found.record.accuracy.predictions == (CLASSES - 1,)
    assert found.outputs["logits"].shape == (1, CLASSES)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("kill -SEGV $$", HarnessError),
        ("kill -ABRT $$", HarnessError),
        ("kill -ILL $$", IllegalInstruction),
        ("kill -KILL $$", CommandFailed),
        ("exit 132", IllegalInstruction),
        ("exit 139", HarnessError),
        ("exit 42", CommandFailed),
        ("exit 255", CommandFailed),
        ("echo 'disk full' >&2; exit 3", HarnessError),
        ("echo usage >&2; exit 2", HarnessError),
    ],
)
def test_a_harness_that_ends_badly_is_the_error_it_is(tmp_path: Path, body: str, error: type[EdgetoolError]) -> None:
    with pytest.raises(error):
        measured(script(tmp_path / "harness", body), tmp_path)


def test_a_harness_that_ends_badly_after_writing_a_good_result_is_not_believed(tmp_path: Path) -> None:
    harness = writing_harness(tmp_path, json.dumps(result_document()), output=LOGITS)
    harness.write_text(harness.read_text() + "kill -SEGV $$\n")
    with pytest.raises(HarnessError, match="tiny fp32: the harness crashed with SIGSEGV"):
        measured(harness, tmp_path)


@pytest.mark.parametrize(
    ("body", "name"),
    [("kill -FPE $$", "SIGFPE"), ("kill -BUS $$", "SIGBUS"), ("exit 136", "SIGFPE"), ("exit 134", "SIGABRT")],
)
def test_a_crash_names_its_signal(tmp_path: Path, body: str, name: str) -> None:
    with pytest.raises(HarnessError, match=f"tiny fp32: the harness crashed with {name}"):
        measured(script(tmp_path / "harness", body), tmp_path)


def test_the_last_words_of_a_crash_are_told(tmp_path: Path) -> None:
    body = "echo 'Schema error: noise' >&2; echo 'no kernel today' >&2; kill -SEGV $$"
    with pytest.raises(HarnessError, match=r"no kernel today") as caught:
        measured(script(tmp_path / "harness", body), tmp_path)
    assert "noise" not in caught.value.message


def test_a_harness_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    harness = script(tmp_path / "harness", f"sh -c 'while true; do sleep 9; done # {tmp_path}' & wait")
    with pytest.raises(CommandTimeout):
        measured(harness, tmp_path, timeout_s=0.5)
    assert not [line for line in command_lines() if f"# {tmp_path}" in line]


def test_a_harness_that_prints_200_mb_is_measured_all_the_same(tmp_path: Path) -> None:
    harness = writing_harness(tmp_path, json.dumps(result_document()), output=LOGITS)
    harness.write_text(harness.read_text() + "head -c 200000000 /dev/zero; head -c 200000000 /dev/zero >&2\n")
    timing = measured(harness, tmp_path).record.timing
    assert timing is not None
    assert timing.samples_ns == (1000, 1100, 1200)


@pytest.mark.parametrize(
    "body",
    [
        "exit 0",
        "exit 1",
        'mkdir "$result"',
        'ln -s /dev/zero "$result"',
        'ln -s absent "$result"',
        pytest.param('mkfifo "$result"', id="a pipe"),
        ': > "$result"',
        'head -c 70000000 /dev/zero > "$result"',
        'rm -r "$(dirname "$result")"',
        "rm -r bundle",
    ],
)
def test_a_result_that_is_no_file_of_ours_is_a_harness_error(tmp_path: Path, body: str) -> None:
    with pytest.raises(HarnessError):
        measured(harness_script(tmp_path / "harness", body), tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"nonsense",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        pytest.param(b"[" * 200_000, id="deep"),
        b'{"schema": 1',
        b'{"schema": 1}',
        json.dumps({**result_document(), "schema": 2}).encode(),
        json.dumps({**result_document(), "schema": "1"}).encode(),
        json.dumps({**result_document(), "surprise": 1}).encode(),
        json.dumps({**result_document(), "run": None}).encode(),
        json.dumps({**result_document(), "runtime": None}).encode(),
    ],
)
def test_nonsense_for_a_result_is_a_harness_error(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(HarnessError):
        measured(writing_harness(tmp_path, text, output=LOGITS), tmp_path)


@pytest.mark.parametrize(
    "run",
    [
        {"samples_ns": []},
        {"samples_ns": [1, 2]},
        {"samples_ns": [float("nan")] * 3},
        {"samples_ns": [float("inf")] * 3},
        {"samples_ns": [1.5, 2.5, 3.5]},
        {"samples_ns": [-1, -1, -1]},
        {"samples_ns": [2**63] * 3},
        {"samples_ns": [10**400] * 3},
        {"samples_ns": ["1", "2", "3"]},
        {"samples_ns": None},
        {"first_run_ns": None},
        {"session_load_ns": -1},
        {"session_load_ns": True},
        {"surprise": 1},
        {"outputs": []},
        {"outputs": [FLOAT] * 65},
        {"samples": 2},
        {"samples": 0},
        {"samples": 2**63 - 1},
    ],
    ids=lambda run: str(run)[:50],
)
def test_a_run_that_cannot_be_is_a_harness_error(tmp_path: Path, run: dict[str, object]) -> None:
    with pytest.raises(HarnessError):
        measured(writing_harness(tmp_path, json.dumps(result_document(**run)), output=LOGITS), tmp_path)


def test_a_million_samples_too_many_are_a_harness_error(tmp_path: Path) -> None:
    text = json.dumps(result_document(samples_ns=[1] * 1_000_001))
    with pytest.raises(HarnessError, match="samples_ns"):
        measured(writing_harness(tmp_path, text, output=LOGITS), tmp_path)


@pytest.mark.parametrize(
    "shape",
    [
        [1, CLASSES + 1],
        [2**62, 2**62],
        [-1, CLASSES],
        [1.0, CLASSES],
        pytest.param([1] * 100 + [CLASSES], id="100 dimensions"),
        pytest.param([2**62] * 1_000_000, id="a million dimensions"),
    ],
)
def test_a_shape_that_the_output_does_not_have_is_a_harness_error(tmp_path: Path, shape: list[int]) -> None:
    text = json.dumps(result_document(outputs=[{**FLOAT, "shape": shape}]))
    with pytest.raises(HarnessError):
        measured(writing_harness(tmp_path, text, output=LOGITS), tmp_path)


@pytest.mark.parametrize("dtype", ["string", "", "object", "O", "V", "S", "float32,float32", "int8, ,", "(2,)", "🙂"])
def test_a_type_that_no_tensor_has_is_a_harness_error(tmp_path: Path, dtype: str) -> None:
    text = json.dumps(result_document(outputs=[{"name": "logits", "dtype": dtype, "shape": [1, CLASSES]}]))
    with pytest.raises(HarnessError):
        measured(writing_harness(tmp_path, text, output=LOGITS), tmp_path)


@pytest.mark.parametrize("output", [b"", LOGITS[:-1], LOGITS + b"x"])
def test_an_output_of_the_wrong_size_is_a_harness_error(tmp_path: Path, output: bytes) -> None:
    with pytest.raises(HarnessError, match=r"output 'logits' has \d+ bytes, its shape requires 40"):
        measured(writing_harness(tmp_path, json.dumps(result_document()), output=output), tmp_path)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
def test_outputs_that_are_no_numbers_are_a_harness_error(tmp_path: Path, wrong: float) -> None:
    output = LOGITS[:-4] + struct.pack("<f", wrong)
    with pytest.raises(HarnessError, match="not finite"):
        measured(writing_harness(tmp_path, json.dumps(result_document()), output=output), tmp_path)


@pytest.mark.parametrize("claimed", [1, 3, 0])
def test_outputs_of_more_or_fewer_images_than_there_are_are_a_harness_error(tmp_path: Path, claimed: int) -> None:
    text = json.dumps(result_document(samples=claimed))
    with pytest.raises(HarnessError):
        measured(writing_harness(tmp_path, text, output=LOGITS * claimed), tmp_path, images=2)


@pytest.mark.parametrize("name", ["../../outside", "/outside", "a/b", "a\0b", "", "x" * 600])
def test_an_outputs_name_is_never_a_files(tmp_path: Path, name: str) -> None:
    harness = writing_harness(tmp_path, json.dumps(result_document(outputs=[{**FLOAT, "name": name}])), output=LOGITS)
    before = set(tmp_path.parent.iterdir())
    with suppress(HarnessError):
        assert name in measured(harness, tmp_path).outputs
    assert set(tmp_path.parent.iterdir()) == before


def failing(stage: str, message: str) -> str:
    return json.dumps({**result_document(), "run": None, "failure": {"stage": stage, "message": message}})


def test_a_failure_is_told_with_its_stage(tmp_path: Path) -> None:
    harness = writing_harness(tmp_path, failing("session", "no such file"))
    with pytest.raises(HarnessError, match="tiny fp32: failed at stage session: no such file"):
        measured(harness, tmp_path)


def test_a_failure_beside_a_run_is_a_failure(tmp_path: Path) -> None:
    both = {**result_document(), "failure": {"stage": "run", "message": "half"}}
    with pytest.raises(HarnessError, match="half"):
        measured(writing_harness(tmp_path, json.dumps(both), output=LOGITS), tmp_path)


def test_a_missing_kernel_names_operator_node_and_runtime(tmp_path: Path) -> None:
    message = "NOT_IMPLEMENTED : Could not find an implementation for ConvInteger(10) node with name 'conv_quant'"
    bundle = stub_bundle(tmp_path / "bundle", writing_harness(tmp_path, failing("session", message)))
    with LocalExecutor() as executor:
        put_bundle(executor, bundle)
        found = preflight(executor, bundle, host_target())
    error = found[Precision.FP32]
    assert isinstance(error, UnsupportedOperator)
    assert (error.operator, error.node) == ("ConvInteger(10)", "conv_quant")
    assert "ONNX Runtime 1.21.0" in error.message


def test_a_result_of_an_earlier_start_is_not_read_again(tmp_path: Path) -> None:
    writing_harness(tmp_path, json.dumps(result_document()), output=LOGITS)
    once = f'[ ! -e done ] || exit 0\ntouch done\ncp "{tmp_path}/result.json" "$result"'
    with pytest.raises(HarnessError, match="wrote no result"):
        measured(harness_script(tmp_path / "harness", once), tmp_path)


def lying() -> str:
    return json.dumps(result_document(outputs=[]))


@pytest.mark.parametrize("text", [lying, lambda: json.dumps(result_document())])
def test_a_self_test_without_the_right_numbers_fails(tmp_path: Path, text: Callable[[], str]) -> None:
    bundle = stub_bundle(tmp_path / "bundle", writing_harness(tmp_path, text(), output=LOGITS))
    with LocalExecutor() as executor:
        put_bundle(executor, bundle)
        with pytest.raises(HarnessError, match="computes wrong numbers"):
            selftest(executor, bundle)


@pytest.mark.parametrize("body", ["exit 0", "kill -SEGV $$", 'echo nonsense > "$result"'])
def test_a_bad_harness_leaves_no_run_behind(tmp_path: Path, body: str, context: StepContext) -> None:
    bundle = stub_bundle(tmp_path / "bundle", harness_script(tmp_path / "harness", body))
    with pytest.raises(HarnessError):
        bench(bundle_cases(bundle, ["host"], {}, instruments=DEFAULT), context, runs=tmp_path / "runs")
    assert not list(tmp_path.glob("runs/*"))
