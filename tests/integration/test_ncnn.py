"""ncnn cross-built and driven by the harness: four minutes for each triple the first time, so only on request."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgetool.bundles import Bundle, copy_bundle, open_bundle
from edgetool.errors import HarnessError, UnsupportedOperator
from edgetool.harness.bench import Bench, open_bench
from edgetool.measurements.operators import read_nodes
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


HALVES = ",zfh=true,zvfh=true"


def with_vlen(vlen_bits: int, more: str = "") -> Target:
    target = load_target("qemu-riscv64")
    cpu = f"rv64,v=true,vlen={vlen_bits},elen=64,vext_spec=v1.0{more}"
    return replace(target, executor={**target.executor, "cpu": cpu})


PLACES = {
    "host": lambda: load_target("host"),
    "vlen 128": lambda: with_vlen(128),
    "vlen 256": lambda: with_vlen(256),
    "vlen 256 with halves": lambda: with_vlen(256, HALVES),
    "aarch64": lambda: load_target("qemu-aarch64"),
}
PRECISIONS = (Precision.FP32, Precision.FP16, Precision.INT8)


@pytest.fixture(scope="module", params=PLACES)
def ncnn_kit(request: pytest.FixtureRequest, context: StepContext) -> Kit:
    target = replace(PLACES[request.param](), benchmark=QUICK, evaluation=EvaluationSpec(images=HELD_OUT))
    return provision(target, context, kind="ncnn")


@pytest.fixture(scope="module")
def bundle(ncnn_kit: Kit, tiny: ModelArtifact, images_path: Path, context: StepContext) -> Bundle:
    request = ModelRequest(source=str(tiny.path))
    source = ImageSource(calibration=images_path, held_out=images_path)
    models = [convert(tiny, "ncnn", precision, request, source, context) for precision in PRECISIONS]
    return package(models, ncnn_kit, request, source, context)


@pytest.fixture(scope="module")
def bench(ncnn_kit: Kit, bundle: Bundle, context: StepContext) -> Iterator[Bench]:
    with open_bench(bundle, ncnn_kit.target, context) as opened:  # self-tests
        yield opened


def has_halves(target: Target) -> bool:
    return target.triple != "riscv64-linux-gnu" or HALVES in str(target.executor["cpu"])


@pytest.mark.parametrize(("index", "least_db"), [(0, 100), (1, 50), (2, 25)])
def test_ncnn_says_what_onnx_runtime_says(
    bench: Bench, index: int, least_db: float, images: ImageSet, tiny_path: Path
) -> None:
    if PRECISIONS[index] is Precision.FP16 and not has_halves(bench.target):
        pytest.skip("without half precision")
    recorded = measure(bench, bench.bundle.manifest.models[index], runtime="ncnn")
    reference = run_session(open_session(tiny_path), images.inputs)[0]
    assert signal_to_noise_db(reference, recorded.outputs["logits"]) > least_db
    record = recorded.record
    assert record.timing is not None
    assert (record.subject.runtime.kind, record.environment.runtime and record.environment.runtime.name) == (
        "ncnn",
        "ncnn",
    )


def test_half_precision_is_refused_on_a_processor_without_it(bench: Bench) -> None:
    model = bench.bundle.manifest.models[PRECISIONS.index(Precision.FP16)]
    if has_halves(bench.target):
        half = bench.run(model, outputs=True).outputs["logits"]
        whole = bench.run(bench.bundle.manifest.models[0], outputs=True).outputs["logits"]
        assert not np.array_equal(half, whole)
    else:
        with pytest.raises(HarnessError, match="only on a processor with Zvfh"):
            bench.run(model)


def test_a_profile_has_each_layer_and_changes_no_output(bench: Bench, tmp_path: Path) -> None:
    model = bench.bundle.manifest.models[0]
    profiled = bench.run(model, outputs=True, samples=1, profile=tmp_path / "profile.json")
    plain = bench.run(model, outputs=True, samples=1)
    assert np.array_equal(profiled.outputs["logits"], plain.outputs["logits"])
    graph = next(path for path in model.files if path.endswith(".param"))
    layers = [line.split()[:2] for line in (bench.bundle.root / graph).read_text().splitlines()[2:]]
    assert [[node.operator, node.node] for node in read_nodes(tmp_path / "profile.json")] == [
        layer for layer in layers if layer[0] != "Input"
    ]


def test_two_threads_say_what_one_says(bench: Bench) -> None:
    model = bench.bundle.manifest.models[0]
    one, two = (bench.run(model, threads=threads, outputs=True).outputs["logits"] for threads in (1, 2))
    assert signal_to_noise_db(one, two) > 100


@pytest.mark.usefixtures("counting")
def test_ncnn_uses_vectors_and_two_inferences_are_alike(bench: Bench) -> None:
    if bench.target.triple != "riscv64-linux-gnu":
        pytest.skip("instructions are counted on riscv64")
    record = measure(bench, bench.bundle.manifest.models[0], instruments=("instructions",), runtime="ncnn").record
    counts = record.instructions
    assert counts is not None
    assert counts.kernels == "vector"
    first, second = (inference.raw for inference in counts.inferences)
    assert first == pytest.approx(second, abs=1000)  # what an allocator does differs a little each time


def param(old: bytes, new: bytes) -> tuple[str, Callable[[bytes], bytes]]:
    """A change of the graph's text."""
    return "param", lambda data: data.replace(old, new, 1)


CONVOLUTION = b"0=8 1=3 11=3"
# Of the tiny model: an input, a convolution, a pooling and an inner product.
DAMAGES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "empty graph": ("param", lambda data: data[:0]),
    "no graph": ("param", lambda data: b"\xff" * len(data)),
    "graph cut": ("param", lambda data: data[: len(data) // 2]),
    "graph cut within a number": ("param", lambda data: data.rstrip()[:-1]),
    "wrong magic": param(b"7767517", b"7767518"),
    "more layers than there are": param(b"4 4", b"400000000 4"),
    "fewer layers than there are": param(b"4 4", b"2 2"),
    "fewer blobs than there are": param(b"4 4", b"4 1"),
    "no layers": param(b"4 4", b"-4 -4"),
    "two thousand million inputs": param(b"convrelu_0 1 1", b"convrelu_0 2000000000 1"),
    "a loop": param(b"convrelu_0 1 1 input", b"convrelu_0 1 1 2"),
    "an unknown layer": param(b"Pooling", b"Secreting"),
    "an input as large as memory": param(b"0=16", b"0=2000000000"),
    "an input of a negative size": param(b"0=16", b"0=-16"),
    "no channels": param(CONVOLUTION, b"0=0 1=3 11=3"),
    "a kernel of no size": param(CONVOLUTION, b"0=8 1=0 11=3"),
    "a kernel larger than its weights": param(CONVOLUTION, b"0=8 1=30000 11=3"),
    "a stride of 0": param(b" 3=2 4=1", b" 3=0 4=1"),
    "padding larger than memory": param(b"13=2 14=1", b"13=2 14=1000000000"),
    "an array as large as memory": param(b" 9=1", b" -23310=2000000000,1"),
    "a parameter beyond all": param(b" 9=1", b" 70000=1"),
    "scales that are not there": param(b" 9=1", b" 9=1 8=2"),
    "no weights": ("bin", lambda data: data[:0]),
    "weights cut": ("bin", lambda data: data[:-100]),
    "weights and more": ("bin", lambda data: data + bytes(4)),
    "weights that say they are half floats": ("bin", lambda data: b"\x47\x6b\x30\x01" + data[4:]),
    "weights that say they are integers": ("bin", lambda data: b"\x38\x4b\x0d\x00" + data[4:]),
    "weights that say they are a table": ("bin", lambda data: b"\xff" * 4 + data[4:]),
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
