"""TensorFlow Lite cross-built: who gets it, what is said when its sources can't be had; the real one, on request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgetool.errors import ConfigError, FetchError
from edgetool.harness.bench import open_bench
from edgetool.models.spec import Precision
from edgetool.pipeline.plan import Plan, PlannedModel
from edgetool.pipeline.prepare import Preparation, PreparedCase
from edgetool.platform.context import StepContext
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store
from edgetool.records.compare import output_difference
from edgetool.records.measure import measure
from edgetool.runtimes.litert import build, kind, prebuilt
from edgetool.runtimes.onnxruntime.sources import read_sources
from edgetool.runtimes.toolchains import load_toolchain
from tests.support.on_request import with_litert_tools

VECTORS = "rv64,v=true,vlen={},elen=64,vext_spec=v1.0"


@pytest.mark.parametrize(
    ("triple", "asked", "cached", "found"),
    [
        ("riscv64-linux-gnu", "auto", None, "fetched"),
        ("riscv64-linux-gnu", "auto", "cached", "cached"),
        ("riscv64-linux-gnu", "debian", "cached", "fetched"),
        ("riscv64-linux-gnu", "crossbuild", "cached", "built"),
        ("aarch64-linux-gnu", "auto", "cached", "fetched"),
    ],
)
def test_it_is_built_when_asked_for_and_used_from_then_on(
    triple: str, asked: str, cached: str | None, found: str, context: StepContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    monkeypatch.setattr(kind, "build", lambda *_: "built")
    monkeypatch.setattr(kind, "newest_crossbuilt", lambda *_, **__: cached)
    monkeypatch.setattr(prebuilt, "provide", lambda *_, **__: "fetched")
    provided: object = kind.provide(load_toolchain(triple), context, asked=asked, note=notes.append)
    assert provided == found
    assert any("--runtime tflite-crossbuild" in note for note in notes) == (asked == "auto" and cached is None)


@pytest.mark.parametrize("triple", ["aarch64-linux-gnu", "x86_64-linux-gnu"])
def test_it_is_not_built_where_there_is_a_wheel(triple: str, context: StepContext) -> None:
    with pytest.raises(ConfigError, match=f"no TensorFlow Lite for {triple}") as caught:
        kind.provide(load_toolchain(triple), context, asked="crossbuild", note=print)
    assert "--runtime tflite:" in str(caught.value.hint)


def test_sources_that_can_not_be_had_are_an_error_with_two_remedies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise FetchError("no mirror has it")

    monkeypatch.setattr(build, "fetch_sources", fail)
    toolchain = load_toolchain("riscv64-linux-gnu")
    assert toolchain.crossbuild is not None
    context = StepContext(store=Store(tmp_path), progress=Silent())
    with pytest.raises(FetchError, match="no mirror has it") as caught:
        build.build(toolchain, toolchain.crossbuild, context)
    assert caught.value.hint is not None
    assert "EDGETOOL_DEBIAN_MIRROR" in caught.value.hint
    assert "--runtime tflite-debian" in caught.value.hint


def test_the_progress_of_the_build_is_told() -> None:
    said: list[str] = []
    count = build._count("library", said.append)
    count("[12/880] Building CXX object a.cc.o")
    count("ninja: Entering directory")
    assert said == ["build library: 12 of 880 objects, a quarter of an hour on two idle cores in all"]


def test_each_patch_says_why() -> None:
    for patch in (build._recipe() / "patches").glob("*.patch"):
        assert len(patch.read_text().partition("--- a/")[0].splitlines()) > 2


def test_the_largest_source_is_taken_in_parts() -> None:
    chromium, fft2d = read_sources(build._recipe())
    assert "tensorflow/tensorflow/lite" in chromium.parts
    assert not fft2d.parts


@with_litert_tools
@pytest.mark.parametrize(("precision", "most"), [(Precision.FP32, 1e-5), (Precision.INT8, 0.1)])
def test_the_vectors_change_nothing_that_matters(context: StepContext, precision: Precision, most: float) -> None:
    plan = Plan(
        models=(PlannedModel(source="mobilenet_v2"),),
        targets=("qemu-riscv64",),
        runtimes=("tflite-crossbuild",),
        precisions=(precision,),
        images=2,
    )
    (case,) = Preparation(tuple(plan.cases()), context).cases()
    assert isinstance(case, PreparedCase)
    scalar, *vectors = [_outputs(case, cpu, context) for cpu in ("rv64,v=false", *map(VECTORS.format, (128, 256)))]
    for outputs in vectors:
        difference = output_difference(scalar, outputs, classes=True)
        assert difference is not None
        assert difference.max_abs_relative < most
        assert difference.same_top1 == difference.samples


def _outputs(case: PreparedCase, cpu: str, context: StepContext) -> Mapping[str, NDArray[np.generic]]:
    target = replace(case.target, executor={**case.target.executor, "cpu": cpu})
    with open_bench(case.bundle, target, context) as bench:
        recorded = measure(bench, case.model, instruments=("accuracy",), runtime="tflite-crossbuild")
    assert recorded.record.environment.runtime is not None
    assert recorded.record.environment.runtime.version == build.VERSION
    return recorded.outputs
