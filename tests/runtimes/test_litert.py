"""Models for TensorFlow Lite: what is refused before its tools are installed; what they make, on request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetool.errors import EdgetoolError, ModelError, QuantizeError
from edgetool.harness.bench import open_bench
from edgetool.models.artifacts import read_artifact
from edgetool.models.evaluate import open_session
from edgetool.models.spec import ModelArtifact, ModelRequest, Precision
from edgetool.models.zoo import digits_images
from edgetool.pipeline.plan import Plan, PlannedModel
from edgetool.pipeline.prepare import Preparation, PreparedCase
from edgetool.platform.context import StepContext
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store
from edgetool.records.compare import output_difference
from edgetool.records.measure import measure
from edgetool.runtimes.litert.convert import convert
from edgetool.runtimes.litert.from_onnx import with_layout
from edgetool.runtimes.litert.program import REFUSED
from tests.integration.test_own_models import SIDE, network, segmenter, two_inputs, weights
from tests.support.on_request import with_litert_tools
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


@pytest.mark.parametrize(
    ("source", "instead"), [("net.onnx", "give the PyTorch model"), (FACTORY, "in ONNX Runtime; ")]
)
def test_what_its_tools_refuse_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, instead: str
) -> None:
    def refuse(words: Sequence[str], *_: object, **__: object) -> None:
        (Path(words[-1]) / REFUSED).write_text("TensorFlow Lite has no operator for DFT")

    monkeypatch.setattr("edgetool.runtimes.litert.convert.run_python", refuse)
    error = refused(tmp_path, source)
    assert error.message.endswith(": TensorFlow Lite has no operator for DFT")
    assert instead in str(error.hint)


def test_what_keeps_a_layout_changes_no_output(tmp_path: Path) -> None:
    plain, kept = tmp_path / "plain.onnx", tmp_path / "kept.onnx"
    onnx.save(segmenter(), plain)
    onnx.save(with_layout(segmenter()), kept)
    picture = np.random.default_rng(0).standard_normal((1, 3, SIDE, SIDE), np.float32)
    (wanted,) = open_session(plain).run(None, {"input": picture})
    (found,) = open_session(kept).run(None, {"edgetool_input_0": picture})
    np.testing.assert_array_equal(found, wanted)


def with_two_scales() -> onnx.ModelProto:
    """Features that are outputs and read by other nodes; the input's name is none in TensorFlow Lite."""
    nodes = [
        helper.make_node("Conv", ["images:0", "stem"], ["fine"], pads=[1] * 4),
        helper.make_node("MaxPool", ["fine"], ["coarse"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Resize", ["coarse", "", "scales"], ["larger"], mode="nearest"),
        helper.make_node("Concat", ["fine", "larger"], ["both"], axis=1),
    ]
    shapes = {"fine": [1, 8, SIDE, SIDE], "coarse": [1, 8, SIDE // 2, SIDE // 2], "both": [1, 16, SIDE, SIDE]}
    constants = [weights("stem", 8, 3, 3, 3), numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")]
    return network(nodes, {"images:0": [1, 3, SIDE, SIDE]}, shapes, constants)


def from_onnx(model: onnx.ModelProto, folder: Path, context: StepContext) -> Path:
    """Convert it. Its outputs are compared with ONNX Runtime's on the way."""
    path = folder / "net.onnx"
    onnx.save(model, path)
    request = ModelRequest(source=str(path))
    convert(read_artifact(path), request, Precision.FP32, None, folder, context, log=folder / "log")
    return folder / "model.tflite"


@with_litert_tools
@pytest.mark.parametrize("make", [segmenter, two_inputs, with_two_scales])
def test_an_onnx_model_keeps_its_shapes_and_outputs(
    tmp_path: Path, context: StepContext, make: Callable[[], onnx.ModelProto]
) -> None:
    assert from_onnx(make(), tmp_path, context).stat().st_size > 0


@with_litert_tools
def test_an_operator_that_tensorflow_lite_lacks_is_named(tmp_path: Path, context: StepContext) -> None:
    spectrum = helper.make_node("DFT", ["signal"], ["spectrum"])
    with pytest.raises(ModelError, match=r"no operator for DFT$") as caught:
        from_onnx(network([spectrum], {"signal": [1, 8, 2]}, {"spectrum": [1, 8, 2]}, []), tmp_path, context)
    assert "deploy it in ONNX Runtime" in str(caught.value.hint)


@with_litert_tools
@pytest.mark.parametrize("target", ["host", "qemu-riscv64"])
@pytest.mark.parametrize("form", ["PyTorch", "ONNX"])
def test_what_its_tools_make_says_what_pytorch_says(context: StepContext, form: str, target: str) -> None:
    """1 GB of tools the first time."""
    model = PlannedModel(source="mobilenet_v2")
    plan = Plan(models=(model,), targets=(target,), runtimes=("auto", "tflite"), images=4)
    if form == "ONNX":
        exported = Preparation(tuple(plan.cases()), context).model(model, Precision.FP32)
        plan = replace(plan, models=(PlannedModel(source=str(exported.path), calibration=str(digits_images())),))
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
