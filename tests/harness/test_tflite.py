"""The harness with the real TensorFlow Lite, on this machine, through the loader and libc that it brings along.

`add.tflite` is y = relu(x + (1, -2, 3, -4)) for a float32 x of shape (1, 4); in `newer.tflite` the addition has version
99. Both were packed with the schema of the PyPI package ai-edge-litert 2.3.0.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgetool.harness.result import HarnessResult
from edgetool.platform.documents import read_document
from edgetool.platform.process import run_process
from edgetool.platform.store import Store
from edgetool.runtimes.litert.prebuilt import provide
from edgetool.runtimes.spec import Runtime
from edgetool.runtimes.toolchains import build_harness, load_toolchain

HERE = Path(__file__).parent
SAMPLES = np.arange(8, dtype=np.float32).reshape(2, 4)
BIAS = np.array([1, -2, 3, -4], dtype=np.float32)


@pytest.fixture(scope="session")
def tflite(store: Store) -> Runtime:
    return provide(load_toolchain("native"), store)


@pytest.fixture
def harness(tmp_path: Path, store: Store, tflite: Runtime) -> Callable[..., HarnessResult]:
    harness = build_harness(load_toolchain("native"), store)
    for name in ("add", "newer"):
        shutil.copyfile(HERE / f"{name}.tflite", tmp_path / f"{name}.tflite")
    SAMPLES.tofile(tmp_path / "x.bin")
    (tmp_path / "outputs").mkdir()

    def run(model: str, *words: object) -> HarnessResult:
        root, build = tflite.root, tflite.build
        argv = [root / str(build.loader), "--library-path", root / "lib", harness, "--runtime", root / build.library]
        options = ["--model", model, "--result", "result.json", "--input", "x=x.bin", *words]
        run_process([*map(str, argv), *map(str, options)], cwd=tmp_path, timeout_s=60)
        return read_document(tmp_path / "result.json", HarnessResult)

    return run


def test_a_model_is_timed_and_says_what_it_should(harness: Callable[..., HarnessResult], tmp_path: Path) -> None:
    result = harness("add.tflite", "--min-repetitions", 3, "--outputs", "outputs")
    assert result.runtime is not None
    assert (result.runtime.name, result.runtime.version) == ("tflite", "2.14.1")
    assert result.run is not None
    assert len(result.run.samples_ns) == 3
    assert [(tensor.name, tensor.shape) for tensor in result.run.outputs] == [("y", (1, 4))]
    found = np.fromfile(tmp_path / "outputs" / "0.bin", dtype=np.float32).reshape(2, 4)
    assert found.tolist() == np.maximum(SAMPLES + BIAS, 0).tolist()


def test_an_operator_of_a_version_that_it_lacks_is_named(harness: Callable[..., HarnessResult]) -> None:
    failure = harness("newer.tflite").failure
    assert failure is not None
    assert failure.stage == "session"
    assert "Didn't find op for builtin opcode 'ADD' version '99'" in failure.message


@pytest.mark.parametrize("damage", [b"", b"nonsense" * 8, (HERE / "add.tflite").read_bytes()[:200]])
def test_a_file_that_is_no_model_fails_at_its_session(
    harness: Callable[..., HarnessResult], tmp_path: Path, damage: bytes
) -> None:
    (tmp_path / "broken.tflite").write_bytes(damage)
    result = harness("broken.tflite", "--min-repetitions", 1)
    assert result.run is None
    assert result.failure is not None
    assert result.failure.stage == "session"


@pytest.mark.parametrize("words", [("--profile", "p"), ("--optimized-model", "m"), ("--half", 1)])
def test_what_it_cannot_do_is_refused(harness: Callable[..., HarnessResult], words: tuple[object, ...]) -> None:
    failure = harness("add.tflite", *words).failure
    assert failure is not None
    assert (failure.stage, failure.message) == ("options", f"{words[0]} is not possible with tflite")
