"""The harness with the real TensorFlow Lite, on this machine: Debian's, and LiteRT out of its wheel.

Debian's runs through the loader and libc that it brings along.

`add.tflite` is y = relu(x + (1, -2, 3, -4)) for a float32 x of shape (1, 4); in `newer.tflite` the addition has version
99. Both were packed with the schema of the PyPI package ai-edge-litert 2.3.0.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgetool.harness.harness import CRASHES, EXIT_FAILED
from edgetool.harness.result import HarnessResult
from edgetool.measurements.operators import read_nodes, read_profile
from edgetool.platform.documents import read_document
from edgetool.platform.process import Completed, run_process
from edgetool.platform.store import Store
from edgetool.runtimes.litert.prebuilt import provide
from edgetool.runtimes.spec import Runtime
from edgetool.runtimes.toolchains import build_harness, load_toolchain

HERE = Path(__file__).parent
MEMORY_BYTES = 1_000_000_000  # of addresses, for the harness with whatever a model makes of it
SAMPLES = np.arange(8, dtype=np.float32).reshape(2, 4)
BIAS = np.array([1, -2, 3, -4], dtype=np.float32)


@pytest.fixture(scope="session", params=["debian", "wheel"])
def tflite(store: Store, request: pytest.FixtureRequest) -> Runtime:
    toolchain = load_toolchain("native")
    if request.param == "wheel" and toolchain.litert_wheel is None:
        pytest.skip("no wheel for this machine")
    return provide(toolchain, store, provider=request.param)


@pytest.fixture
def process(tmp_path: Path, store: Store, tflite: Runtime) -> Callable[..., Completed]:
    """Runs the harness on a model."""
    harness = build_harness(load_toolchain("native"), store)
    for name in ("add", "newer"):
        shutil.copyfile(HERE / f"{name}.tflite", tmp_path / f"{name}.tflite")
    SAMPLES.tofile(tmp_path / "x.bin")
    (tmp_path / "outputs").mkdir()

    def run(model: str, *words: object) -> Completed:
        root, build = tflite.root, tflite.build
        loader = [] if build.loader is None else [root / build.loader, "--library-path", root / "lib"]
        argv = [*loader, harness, "--runtime", root / build.library]
        options = ["--model", model, "--result", "result.json", "--input", "x=x.bin", *words]
        limit = ["prlimit", f"--as={MEMORY_BYTES}"]
        return run_process([*limit, *map(str, argv), *map(str, options)], cwd=tmp_path, timeout_s=60)

    return run


@pytest.fixture
def harness(process: Callable[..., Completed], tmp_path: Path) -> Callable[..., HarnessResult]:
    """Runs the harness on a model and reads its result."""

    def run(model: str, *words: object) -> HarnessResult:
        process(model, *words)
        return read_document(tmp_path / "result.json", HarnessResult)

    return run


def test_a_model_is_timed_and_says_what_it_should(
    harness: Callable[..., HarnessResult], tflite: Runtime, tmp_path: Path
) -> None:
    result = harness("add.tflite", "--min-repetitions", 3, "--threads", 2, "--outputs", "outputs")
    assert result.runtime is not None
    version = {"debian": "2.14.1", "wheel": "unreported"}[tflite.build.provider]
    assert (result.runtime.name, result.runtime.version) == ("tflite", version)
    assert result.run is not None
    assert len(result.run.samples_ns) == 3
    assert [(tensor.name, tensor.shape) for tensor in result.run.outputs] == [("y", (1, 4))]
    found = np.fromfile(tmp_path / "outputs" / "0.bin", dtype=np.float32).reshape(2, 4)
    assert found.tolist() == np.maximum(SAMPLES + BIAS, 0).tolist()


OPERATORS = {"debian": ["ADD 0"], "wheel": ["Add (ND) 0", "Clamp (NC) 1"]}  # XNNPACK's own, of relu(x + y)


def test_a_profile_has_each_operator_of_each_inference(
    harness: Callable[..., HarnessResult], tflite: Runtime, tmp_path: Path
) -> None:
    result = harness("add.tflite", "--min-repetitions", 3, "--max-repetitions", 3, "--warmup", 0, "--profile", "p")
    assert result.run is not None
    assert result.run.profile == "p.json"
    assert [node.node for node in read_nodes(tmp_path / "p.json")] == OPERATORS[tflite.build.provider]
    inferences = 4  # the first and three others
    assert {time.calls for time in read_profile(tmp_path / "p.json", inferences)} == {1}


def test_an_operator_of_a_version_that_it_lacks_is_named(process: Callable[..., Completed], tmp_path: Path) -> None:
    said = process("newer.tflite").stderr.decode()
    failure = read_document(tmp_path / "result.json", HarnessResult).failure
    assert failure is not None
    assert failure.stage == "session"
    assert "Didn't find op for builtin opcode 'ADD' version '99'" in failure.message + said


def with_number(offset: int, number: int) -> bytes:
    """The model with another 32-bit number at an offset."""
    data = bytearray((HERE / "add.tflite").read_bytes())
    struct.pack_into("<I", data, offset, number)
    return bytes(data)


# The offsets are those of add.tflite.
DAMAGES = {
    "empty": b"",
    "nonsense": b"nonsense" * 8,
    "cut": (HERE / "add.tflite").read_bytes()[:200],
    "cut at its end": (HERE / "add.tflite").read_bytes()[:-32],
    "wrong magic": with_number(4, 0x334C4654 ^ 0xFF),
    "root beyond the end": with_number(0, 2**31),
    "another schema": with_number(28, 4),
    "an operator's input that is no tensor": with_number(252, 255),
    "an operator's output below all tensors": with_number(244, 2**31),
    "an output that is no tensor": with_number(264, 2**31 - 1),
    "weights in no buffer": with_number(344, 2**16),
    "an input larger than memory": with_number(408, 2**31 - 1),
    "an input of a negative size": with_number(404, 2**32 - 1),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_hostile_model_is_a_failure_within_bounds(
    harness: Callable[..., HarnessResult], tmp_path: Path, damage: str
) -> None:
    (tmp_path / "broken.tflite").write_bytes(DAMAGES[damage])
    result = harness("broken.tflite", "--min-repetitions", 1)
    assert result.run is None
    assert result.failure is not None
    assert result.failure.stage in ("session", "model", "inputs")


def test_a_model_for_which_memory_runs_out_crashes_debians_library_and_leaves_no_result(
    process: Callable[..., Completed], tflite: Runtime, tmp_path: Path
) -> None:
    (tmp_path / "huge.tflite").write_bytes(with_number(404, 2**28))
    ended = process("huge.tflite", "--min-repetitions", 1).exit_code
    if tflite.build.provider == "debian":
        assert -ended in CRASHES
        assert not (tmp_path / "result.json").exists()
    else:
        assert ended == EXIT_FAILED
        assert read_document(tmp_path / "result.json", HarnessResult).run is None


@pytest.mark.parametrize("words", [("--optimized-model", "m"), ("--half", 1)])
def test_what_it_cannot_do_is_refused(harness: Callable[..., HarnessResult], words: tuple[object, ...]) -> None:
    failure = harness("add.tflite", *words).failure
    assert failure is not None
    assert (failure.stage, failure.message) == ("options", f"{words[0]} is not possible with tflite")
