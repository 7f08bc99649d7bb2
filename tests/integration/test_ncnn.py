"""ncnn cross-built and driven by the harness: four minutes for each triple the first time, so only on request."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgetool.bundles import Bundle, copy_bundle, open_bundle
from edgetool.errors import HarnessError, UnsupportedOperator
from edgetool.harness.bench import Bench, open_bench
from edgetool.models.evaluate import open_session, run_session, signal_to_noise_db
from edgetool.models.images import ImageSet
from edgetool.models.spec import ModelArtifact, ModelRequest, Precision
from edgetool.pipeline.images import ImageSource
from edgetool.pipeline.steps import Kit, convert, package, provision
from edgetool.platform.context import StepContext
from edgetool.records.measure import measure
from edgetool.targets.registry import load_target, open_executor
from edgetool.targets.spec import EvaluationSpec, Target
from tests.conftest import HELD_OUT
from tests.support.bundles import QUICK, bench_of

pytestmark = [
    pytest.mark.skipif("EDGETOOL_TEST_NCNN" not in os.environ, reason="EDGETOOL_TEST_NCNN is not set"),
    pytest.mark.xdist_group("ncnn"),
]


def with_vlen(vlen_bits: int) -> Target:
    target = load_target("qemu-riscv64")
    return replace(target, executor={**target.executor, "cpu": f"rv64,v=true,vlen={vlen_bits},elen=64,vext_spec=v1.0"})


PLACES = {"host": lambda: load_target("host"), "vlen 128": lambda: with_vlen(128), "vlen 256": lambda: with_vlen(256)}


@pytest.fixture(scope="module", params=PLACES)
def ncnn_kit(request: pytest.FixtureRequest, context: StepContext) -> Kit:
    target = replace(PLACES[request.param](), benchmark=QUICK, evaluation=EvaluationSpec(images=HELD_OUT))
    return provision(target, context, kind="ncnn")


@pytest.fixture(scope="module")
def bundle(ncnn_kit: Kit, tiny: ModelArtifact, images_path: Path, context: StepContext) -> Bundle:
    request = ModelRequest(source=str(tiny.path))
    source = ImageSource(calibration=images_path, held_out=images_path)
    models = [
        convert(tiny, "ncnn", precision, request, source, context) for precision in (Precision.FP32, Precision.INT8)
    ]
    return package(models, ncnn_kit, request, source, context)


@pytest.fixture(scope="module")
def bench(ncnn_kit: Kit, bundle: Bundle, context: StepContext) -> Iterator[Bench]:
    with open_bench(bundle, ncnn_kit.target, context) as opened:  # self-tests
        yield opened


@pytest.mark.parametrize(("index", "least_db"), [(0, 100), (1, 25)])
def test_ncnn_says_what_onnx_runtime_says(
    bench: Bench, index: int, least_db: float, images: ImageSet, tiny_path: Path
) -> None:
    recorded = measure(bench, bench.bundle.manifest.models[index], runtime="ncnn")
    reference = run_session(open_session(tiny_path), images.inputs)[0]
    assert signal_to_noise_db(reference, recorded.outputs["logits"]) > least_db
    record = recorded.record
    assert record.timing is not None
    assert (record.subject.runtime.kind, record.environment.runtime and record.environment.runtime.name) == (
        "ncnn",
        "ncnn",
    )


@pytest.mark.usefixtures("counting")
def test_ncnn_uses_vectors_and_two_inferences_are_alike(bench: Bench) -> None:
    if bench.target.name == "host":
        pytest.skip("this machine's instructions are not counted")
    record = measure(bench, bench.bundle.manifest.models[0], instruments=("instructions",), runtime="ncnn").record
    counts = record.instructions
    assert counts is not None
    assert counts.kernels == "vector"
    first, second = (inference.raw for inference in counts.inferences)
    assert first == pytest.approx(second, abs=1000)  # what an allocator does differs a little each time


DAMAGES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "empty graph": ("param", lambda data: data[:0]),
    "no graph": ("param", lambda data: b"\xff" * len(data)),
    "graph cut": ("param", lambda data: data[: len(data) // 2]),
    "more layers than there are": ("param", lambda data: data.replace(b"4 4", b"400000000 4", 1)),
    "no layers": ("param", lambda data: data.replace(b"4 4", b"-4 -4", 1)),
    "an input as large as memory": ("param", lambda data: data.replace(b"0=16", b"0=2000000000", 1)),
    "no weights": ("bin", lambda data: data[:0]),
    "weights cut": ("bin", lambda data: data[:-100]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_hostile_model_ends_in_an_error(bench: Bench, tmp_path: Path, damage: str) -> None:
    ending, change = DAMAGES[damage]
    copied = copy_bundle(bench.bundle, tmp_path / "bundle")
    model = copied.manifest.models[0]
    path = copied.root / next(name for name in model.files if name.endswith(ending))
    path.write_bytes(change(path.read_bytes()))
    with (
        bench_of(open_executor(bench.target), open_bundle(copied.root, verify=False), bench.target) as hostile,
        pytest.raises((HarnessError, UnsupportedOperator)),
    ):
        hostile.run(model, benchmark=QUICK)
