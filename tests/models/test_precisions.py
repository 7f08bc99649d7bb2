"""The precision of a model that anybody made, and bfloat16."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetool.errors import QuantizeError
from edgetool.models.artifacts import read_artifact
from edgetool.models.evaluate import open_session
from edgetool.models.export import export_model
from edgetool.models.images import ImageSet
from edgetool.models.onnxfile import load_graph
from edgetool.models.precisions import precision_of
from edgetool.models.quantize import Quantization, quantize_model
from edgetool.models.spec import ModelArtifact, ModelRequest, Precision
from tests.support.models import SHAPE, save_model, tiny_graph, tiny_inputs


def quantized(tiny: ModelArtifact, folder: Path, form: str) -> Path:
    """The tiny model as ONNX Runtime's own tools quantize it."""
    from onnxruntime.quantization import QuantFormat, quantize_dynamic, quantize_static

    from edgetool.models.quantize import CalibrationFeeds

    path = folder / f"{form}.onnx"
    if form == "dynamic":
        quantize_dynamic(tiny.path, path)
    else:
        feeds = CalibrationFeeds([{"input": tiny_inputs(1)}])
        quantize_static(tiny.path, path, feeds, quant_format=QuantFormat[form])
    return path


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("form", "precision"),
    [("QDQ", Precision.INT8), ("QOperator", Precision.INT8), ("dynamic", Precision.INT8_DYNAMIC)],
)
def test_a_quantized_model_is_recognised_and_not_quantized_again(
    tiny: ModelArtifact, tmp_path: Path, form: str, precision: Precision
) -> None:
    found = read_artifact(quantized(tiny, tmp_path, form))
    assert found.spec.precision == precision
    with pytest.raises(QuantizeError, match=f"is {precision} already"):
        quantize_model(found, tmp_path, calibration=ImageSet(inputs=tiny_inputs(4)))


def narrow(model: onnx.ModelProto, kind: int) -> onnx.ModelProto:
    """The model with weights, input and output of a 16-bit type."""
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if kind == TensorProto.FLOAT16:
            tensor.CopyFrom(numpy_helper.from_array(array.astype(np.float16), tensor.name))
        else:
            tensor.CopyFrom(helper.make_tensor(tensor.name, kind, array.shape, array.ravel().tolist()))
    for entry in (*model.graph.input, *model.graph.output):
        entry.type.tensor_type.elem_type = kind
    return model


def test_a_model_of_16_bit_weights_is_fp16(tmp_path: Path) -> None:
    path = save_model(tmp_path / "half.onnx", narrow(tiny_graph(), TensorProto.FLOAT16))
    assert precision_of(load_graph(path)) == Precision.FP16


def test_an_fp16_model_is_not_quantized(tmp_path: Path) -> None:
    path = save_model(tmp_path / "half.onnx", narrow(tiny_graph(), TensorProto.FLOAT16))
    with pytest.raises(QuantizeError, match="is fp16 already"):
        quantize_model(read_artifact(path), tmp_path, quantization=Quantization.DYNAMIC)


def test_bfloat16_is_widened_exactly_and_said(tmp_path: Path) -> None:
    path = save_model(tmp_path / "brain.onnx", narrow(tiny_graph(), TensorProto.BFLOAT16))
    (tmp_path / "out").mkdir()
    made = export_model(ModelRequest(source=str(path)), tmp_path / "out", opset=20)
    assert made.notes == ("bfloat16 widened to float32",)
    assert made.artifact.spec.precision == Precision.FP32
    assert np.isfinite(open_session(made.artifact.path).run(None, {"input": tiny_inputs(1)})[0]).all()


@pytest.mark.parametrize(("opset", "converted"), [(9, True), (11, False), (17, False), (22, False)])
def test_an_old_opset_is_converted_and_computes_the_same(tmp_path: Path, opset: int, converted: bool) -> None:
    model = tiny_graph(SHAPE)
    model.opset_import[0].version = opset
    model.ir_version = 4 if opset < 11 else 8
    path = save_model(tmp_path / "m.onnx", model)
    (tmp_path / "out").mkdir()
    made = export_model(ModelRequest(source=str(path)), tmp_path / "out", opset=20)
    assert bool(made.notes) == converted
    before, after = (open_session(p).run(None, {"input": tiny_inputs(1)})[0] for p in (path, made.artifact.path))
    np.testing.assert_array_equal(before, after)


def test_an_opset_newer_than_the_runtimes_is_converted(tmp_path: Path) -> None:
    model = tiny_graph(SHAPE)
    model.opset_import[0].version, model.ir_version = 23, 11
    path = save_model(tmp_path / "m.onnx", model)
    (tmp_path / "out").mkdir()
    made = export_model(ModelRequest(source=str(path)), tmp_path / "out", opset=20)
    assert made.notes == ("opset 23 converted to 22", "IR version 11 lowered to 10")
