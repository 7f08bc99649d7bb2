"""PyTorch models for TensorFlow Lite: what is refused before its tools are installed; what they make, on request."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from edgetool.errors import ConfigError, EdgetoolError, ModelError, QuantizeError
from edgetool.harness.bench import open_bench
from edgetool.models.spec import ModelArtifact, ModelRequest, Precision
from edgetool.pipeline.plan import Plan, PlannedModel
from edgetool.pipeline.prepare import Preparation, PreparedCase
from edgetool.platform.context import StepContext
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store
from edgetool.records.compare import output_difference
from edgetool.records.measure import measure
from edgetool.runtimes.litert.convert import convert
from tests.support.records import model_spec

FACTORY = "package.module:make"


def refused(folder: Path, source: str, precision: Precision = Precision.FP32, **changes: object) -> EdgetoolError:
    """Why a model is not converted; nothing was installed for it."""
    model = ModelArtifact(path=folder / "model.onnx", spec=model_spec(**changes))
    context = StepContext(store=Store(folder / "cache"), progress=Silent())
    with pytest.raises(EdgetoolError) as caught:
        convert(model, ModelRequest(source=source), precision, None, folder, context, log=folder / "log")
    assert not (folder / "cache").exists()
    return caught.value


def test_an_onnx_file_is_refused(tmp_path: Path) -> None:
    assert isinstance(refused(tmp_path, "model.onnx"), ConfigError)


def test_two_inputs_are_refused_in_int8(tmp_path: Path) -> None:
    error = refused(tmp_path, FACTORY, Precision.INT8, inputs=model_spec().inputs * 2)
    assert (type(error), error.hint) == (QuantizeError, "deploy it with --precision fp32")


def test_integers_are_refused(tmp_path: Path) -> None:
    tokens = replace(model_spec().inputs[0], name="tokens", dtype="int64")
    error = refused(tmp_path, FACTORY, inputs=(tokens,))
    assert isinstance(error, ModelError)
    assert "tokens is int64" in error.message


def test_int8_without_images_is_refused(tmp_path: Path) -> None:
    assert isinstance(refused(tmp_path, FACTORY, Precision.INT8), QuantizeError)


@pytest.mark.skipif("EDGETOOL_TEST_LITERT" not in os.environ, reason="EDGETOOL_TEST_LITERT is not set")
@pytest.mark.parametrize("target", ["host", "qemu-riscv64"])
def test_what_litert_makes_says_what_pytorch_says(context: StepContext, target: str) -> None:
    """1 GB of tools the first time."""
    plan = Plan(models=(PlannedModel(source="mobilenet_v2"),), targets=(target,), runtimes=("auto", "tflite"), images=4)
    cases = [case for case in Preparation(tuple(plan.cases()), context).cases() if isinstance(case, PreparedCase)]
    outputs = {}
    for case in cases:
        with open_bench(case.bundle, case.target, context) as bench:
            recorded = measure(bench, case.model, instruments=("accuracy",), runtime=case.case.runtime)
        outputs[case.case.runtime, case.case.precision] = recorded.outputs
    for precision, most in ((Precision.FP32, 1e-4), (Precision.INT8, 0.5)):
        difference = output_difference(outputs["auto", Precision.FP32], outputs["tflite", precision], classes=True)
        assert difference is not None
        assert difference.max_abs_relative < most
        assert difference.same_top1 == difference.samples
