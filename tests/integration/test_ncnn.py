"""ncnn cross-built, its driver under the emulator that counts: four minutes the first time, so only on request."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from edgetool.bundles import Bundle
from edgetool.harness.bench import Bench, open_bench
from edgetool.models.evaluate import open_session, run_session, signal_to_noise_db
from edgetool.models.images import ImageSet
from edgetool.models.ncnn import convert, quantize
from edgetool.models.spec import Precision
from edgetool.pipeline.ncnn import NcnnProgram, logits, measure_ncnn
from edgetool.pipeline.steps import Kit
from edgetool.platform.context import StepContext
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store
from edgetool.runtimes.ncnn.build import LIBRARIES, build_driver
from edgetool.runtimes.toolchains import load_toolchain
from edgetool.targets.registry import load_target, open_executor
from tests.support import SHAPE, tiny_inputs

pytestmark = [
    pytest.mark.skipif("EDGETOOL_TEST_NCNN" not in os.environ, reason="EDGETOOL_TEST_NCNN is not set"),
    pytest.mark.xdist_group("ncnn"),
]


@pytest.fixture(scope="module")
def driver(store: Store) -> Path:
    return build_driver(load_toolchain("riscv64-linux-gnu"), store, Silent())


@pytest.fixture(scope="module", params=["fp32", "int8"])
def precision(request: pytest.FixtureRequest) -> Precision:
    return Precision(request.param)


@pytest.fixture(scope="module")
def program(
    precision: Precision, driver: Path, tiny_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> NcnnProgram:
    folder = tmp_path_factory.mktemp("ncnn")
    model = convert(tiny_path, SHAPE, folder, log=folder / "log")
    if precision is Precision.INT8:
        model = quantize(model, tiny_inputs(16, seed=5), folder)
    return NcnnProgram(driver=driver, model=model)


@pytest.fixture(scope="module", params=[128, 256])
def bench(request: pytest.FixtureRequest, riscv: Kit, riscv_bundle: Bundle, context: StepContext) -> Iterator[Bench]:
    cpu = f"rv64,v=true,vlen={request.param},elen=64,vext_spec=v1.0"
    target = replace(riscv.target, executor={**riscv.target.executor, "cpu": cpu})
    with open_bench(riscv_bundle, target, context) as opened:
        yield opened


def test_ncnn_says_what_onnx_runtime_says(
    bench: Bench, program: NcnnProgram, precision: Precision, images: ImageSet, tiny_path: Path
) -> None:
    reference = run_session(open_session(tiny_path), images.inputs)[0]
    outputs = logits(bench, program, samples=len(images))
    assert signal_to_noise_db(reference, outputs) > (100 if precision is Precision.FP32 else 25)


@pytest.mark.usefixtures("counting")
def test_ncnn_uses_vectors_and_two_inferences_are_alike(bench: Bench, program: NcnnProgram) -> None:
    record = measure_ncnn(bench, bench.bundle.manifest.models[0], program).record
    counts = record.instructions
    assert counts is not None
    assert (record.subject.runtime.kind, counts.kernels) == ("ncnn", "vector")
    first, second = (inference.raw for inference in counts.inferences)
    assert first == pytest.approx(second, abs=1000)  # what an allocator does differs a little each time


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, b"usage:"),
        (["none.param", "none.bin", "input", "3", "16", "16", "1", "1", "out"], 1, b"cannot load none.param"),
        (["none.param", "none.bin", "input", "3", "16", "16", "0", "1", "out"], 1, b"not a number from 1"),
    ],
)
def test_the_driver_says_what_is_wrong(
    driver: Path, riscv_bundle: Bundle, words: list[str], code: int, message: bytes
) -> None:
    with open_executor(load_target("qemu-riscv64")) as executor:
        executor.put(riscv_bundle.root / "lib", PurePosixPath(LIBRARIES))
        executor.put(driver, PurePosixPath("driver"))
        done = executor.run([PurePosixPath("./driver"), *words], timeout_s=60)
    assert done.exit_code == code
    assert message in done.stderr


def test_an_input_that_is_too_short_is_an_error(program: NcnnProgram, riscv_bundle: Bundle, tmp_path: Path) -> None:
    np.zeros(10, dtype=np.float32).tofile(tmp_path / "input")
    with open_executor(load_target("qemu-riscv64")) as executor:
        executor.put(riscv_bundle.root / "lib", PurePosixPath(LIBRARIES))
        for path, name in ((program.driver, "driver"), (program.model.param, "p"), (program.model.bin, "b")):
            executor.put(path, PurePosixPath(name))
        executor.put(tmp_path / "input", PurePosixPath("input"))
        numbers = ["3", "16", "16", "1", "1"]
        done = executor.run([PurePosixPath("./driver"), "p", "b", "input", *numbers, "out"], timeout_s=60)
    assert done.exit_code == 1
    assert b"fewer samples" in done.stderr
