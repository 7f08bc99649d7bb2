"""ncnn cross-built, its driver under the emulator that counts: four minutes the first time, so only on request."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from edgetool.bench.sides import NcnnSide, open_plain, with_vlen
from edgetool.bundles import Bundle
from edgetool.executors.registry import load_target
from edgetool.models.evaluate import open_session, run_session, signal_to_noise_db
from edgetool.models.images import ImageSet
from edgetool.models.ncnn import convert, quantize
from edgetool.models.spec import Precision
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store
from edgetool.runtimes.emulator import CountingEmulator
from edgetool.runtimes.ncnn.build import LIBRARIES, build_driver
from edgetool.runtimes.toolchains import load_toolchain
from tests.support import SHAPE, tiny_inputs

pytestmark = [
    pytest.mark.skipif("EDGETOOL_TEST_NCNN" not in os.environ, reason="EDGETOOL_TEST_NCNN is not set"),
    pytest.mark.xdist_group("ncnn"),
]


@pytest.fixture(scope="module")
def driver(store: Store) -> Path:
    return build_driver(load_toolchain("riscv64-linux-gnu"), store, Silent())


@pytest.fixture(scope="module", params=["fp32", "int8"])
def side(
    request: pytest.FixtureRequest,
    driver: Path,
    tiny_path: Path,
    riscv_bundle: Bundle,
    tmp_path_factory: pytest.TempPathFactory,
) -> NcnnSide:
    folder = tmp_path_factory.mktemp("ncnn")
    model = convert(tiny_path, SHAPE, folder, log=folder / "log")
    if request.param == "int8":
        model = quantize(model, tiny_inputs(16, seed=5), folder)
    return NcnnSide(
        name="ncnn", release="ncnn", precision=Precision(request.param), driver=driver, model=model, bundle=riscv_bundle
    )


@pytest.mark.parametrize("vlen", [128, 256])
def test_ncnn_says_what_onnx_runtime_says(
    side: NcnnSide, counting: CountingEmulator, images: ImageSet, tiny_path: Path, vlen: int
) -> None:
    reference = run_session(open_session(tiny_path), images.inputs)[0]
    outputs = side.outputs(counting, with_vlen(load_target("qemu-riscv64"), vlen))
    assert signal_to_noise_db(reference, outputs) > (100 if side.precision == "fp32" else 25)


def test_ncnn_uses_vectors_and_two_inferences_are_alike(side: NcnnSide, counting: CountingEmulator) -> None:
    counts = side.count(counting, with_vlen(load_target("qemu-riscv64"), 256))
    assert (counts.kernels, counts.vlen_bits) == ("vector", 256)
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
    driver: Path, riscv_bundle: Bundle, counting: CountingEmulator, words: list[str], code: int, message: bytes
) -> None:
    with open_plain(load_target("qemu-riscv64"), counting) as executor:
        executor.put(riscv_bundle.root / "lib", PurePosixPath(LIBRARIES))
        executor.put(driver, PurePosixPath("driver"))
        done = executor.run([PurePosixPath("./driver"), *words], timeout_s=60)
    assert done.exit_code == code
    assert message in done.stderr


def test_an_input_that_is_too_short_is_an_error(side: NcnnSide, counting: CountingEmulator, tmp_path: Path) -> None:
    np.zeros(10, dtype=np.float32).tofile(tmp_path / "input")
    with open_plain(load_target("qemu-riscv64"), counting) as executor:
        executor.put(side.bundle.root / "lib", PurePosixPath(LIBRARIES))
        for path, name in ((side.driver, "driver"), (side.model.param, "p"), (side.model.bin, "b")):
            executor.put(path, PurePosixPath(name))
        executor.put(tmp_path / "input", PurePosixPath("input"))
        numbers = ["3", "16", "16", "1", "1"]
        done = executor.run([PurePosixPath("./driver"), "p", "b", "input", *numbers, "out"], timeout_s=60)
    assert done.exit_code == 1
    assert b"fewer samples" in done.stderr
