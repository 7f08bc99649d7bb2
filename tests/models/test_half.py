"""fp32 → fp16 on the tiny model."""

from __future__ import annotations

from pathlib import Path

import onnx

from edgetool.models.half import halve_model
from edgetool.models.images import ImageSet
from edgetool.models.samples import of_images
from edgetool.models.spec import ModelArtifact, Precision


def test_an_fp16_model_has_the_inputs_and_outputs_of_its_parent_and_nearly_the_same_numbers(
    tiny: ModelArtifact, images: ImageSet, tmp_path: Path
) -> None:
    made = halve_model(tiny, tmp_path, held_out=of_images(images, tiny.spec.inputs, tiny.spec.name))
    assert (made.spec.precision, made.spec.parent) == (Precision.FP16, tiny.spec.sha256)
    assert (made.spec.inputs, made.spec.outputs) == (tiny.spec.inputs, tiny.spec.outputs)
    assert made.spec.signal_to_noise_db is not None
    assert 40 < made.spec.signal_to_noise_db < 100


def test_all_weights_are_fp16(tiny: ModelArtifact, tmp_path: Path) -> None:
    made = halve_model(tiny, tmp_path)
    types = {tensor.data_type for tensor in onnx.load(made.path).graph.initializer}
    assert onnx.TensorProto.FLOAT16 in types
    assert onnx.TensorProto.FLOAT not in types
