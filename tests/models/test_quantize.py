"""fp32 → int8 on the tiny model."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgetool.errors import EdgetoolError, QuantizeError
from edgetool.models.evaluate import open_session, run_session, signal_to_noise_db
from edgetool.models.images import ImageSet
from edgetool.models.quantize import Quantization, quantize_model
from edgetool.models.spec import ModelArtifact, Precision
from tests.support import CLASSES, tiny_inputs

CALIBRATION = ImageSet(inputs=tiny_inputs(16, seed=5))


def test_static_quantization_keeps_the_outputs_up_to_its_noise(
    tiny: ModelArtifact, images: ImageSet, tmp_path: Path
) -> None:
    made = quantize_model(tiny, tmp_path, calibration=CALIBRATION, held_out=images)
    assert (made.spec.precision, made.spec.parent) == (Precision.INT8, tiny.spec.sha256)
    assert made.spec.signal_to_noise_db is not None
    assert 20 < made.spec.signal_to_noise_db < 200
    assert (made.spec.inputs, made.spec.outputs) == (tiny.spec.inputs, tiny.spec.outputs)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.onnx"]


def test_static_weights_are_signed_bytes_one_scale_for_each_channel(tiny_int8: ModelArtifact) -> None:
    graph = onnx.load(tiny_int8.path).graph
    kernels = [tensor for tensor in graph.initializer if tensor.dims[:] == [8, 3, 3, 3]]
    assert [tensor.data_type for tensor in kernels] == [onnx.TensorProto.INT8]
    assert [8] in [list(tensor.dims) for tensor in graph.initializer if tensor.name.endswith("_scale")]
    assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in graph.node}
    assert not {node.op_type for node in graph.node} & {"ConvInteger", "MatMulInteger"}


def test_dynamic_quantization_needs_no_calibration(tiny: ModelArtifact, images: ImageSet, tmp_path: Path) -> None:
    made = quantize_model(tiny, tmp_path, quantization=Quantization.DYNAMIC, held_out=images)
    assert made.spec.precision is Precision.INT8_DYNAMIC
    assert made.spec.signal_to_noise_db is not None
    assert math.isfinite(made.spec.signal_to_noise_db)
    assert "ConvInteger" in {node.op_type for node in onnx.load(made.path).graph.node}


@pytest.mark.parametrize("images", [None, ImageSet(inputs=tiny_inputs(0))])
def test_static_quantization_without_images_says_what_to_give(
    tiny: ModelArtifact, tmp_path: Path, images: ImageSet | None
) -> None:
    with pytest.raises(QuantizeError, match="needs calibration images") as caught:
        quantize_model(tiny, tmp_path, calibration=images)
    assert caught.value.hint is not None
    assert "--calibration" in caught.value.hint


def test_calibration_images_of_another_shape_are_an_error(tiny: ModelArtifact, tmp_path: Path) -> None:
    with pytest.raises(EdgetoolError):
        quantize_model(tiny, tmp_path, calibration=ImageSet(inputs=np.zeros((4, 3, 8, 8), np.float32)))


def test_a_model_that_is_none_is_an_error(tiny: ModelArtifact, tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"nonsense")
    (tmp_path / "out").mkdir()
    with pytest.raises(EdgetoolError):
        quantize_model(replace(tiny, path=broken), tmp_path / "out", calibration=CALIBRATION)


def test_a_failed_quantization_leaves_nothing(tiny: ModelArtifact, tmp_path: Path) -> None:
    with pytest.raises(QuantizeError):
        quantize_model(tiny, tmp_path)
    assert not list(tmp_path.iterdir())


def test_outputs_of_more_images_than_a_batch_are_joined(tiny: ModelArtifact, images: ImageSet) -> None:
    session = open_session(tiny.path)
    whole = run_session(session, images.inputs)[0]
    assert whole.shape == (len(images), CLASSES)
    assert np.array_equal(whole[2:3], run_session(session, images.inputs[2:3])[0])


def test_images_of_another_shape_cannot_be_run(tiny: ModelArtifact) -> None:
    with pytest.raises(EdgetoolError, match="the model's input is"):
        run_session(open_session(tiny.path), np.zeros((1, 3, 8, 8), np.float32))


@pytest.mark.parametrize(
    ("reference", "found", "ratio"),
    [([1.0], [1.0], 200.0), ([0.0], [1.0], -200.0), ([1.0], [0.0], 0.0), ([10.0], [9.0], 20.0)],
)
def test_signal_to_noise_is_bounded(reference: list[float], found: list[float], ratio: float) -> None:
    assert signal_to_noise_db(np.array(reference), np.array(found)) == pytest.approx(ratio)
