"""fp32 → int8 on the tiny model."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from edgetool.errors import ConfigError, EdgetoolError, ModelError, QuantizeError
from edgetool.models.evaluate import open_session, run_session, signal_to_noise_db
from edgetool.models.images import ImageSet
from edgetool.models.quantize import Quantization, quantize_model
from edgetool.models.ranges import least_squares_range
from edgetool.models.recipes import Float, Form, Integer, Ranges, Recipe, read_recipe
from edgetool.models.spec import ModelArtifact, Precision
from tests.support.models import CLASSES, tiny_inputs

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


def test_nodes_that_came_without_names_get_some_to_be_kept_by(
    tiny: ModelArtifact, images: ImageSet, tmp_path: Path
) -> None:
    model = onnx.load(tiny.path)
    for node in model.graph.node:
        node.name = ""
    onnx.save(model, tmp_path / "unnamed.onnx")
    unnamed = replace(tiny, path=tmp_path / "unnamed.onnx")
    recipe = Recipe(keep_float=(f"Conv:{next(node.output[0] for node in model.graph.node if node.op_type == 'Conv')}",))
    counts = []
    for name, how in (("all", Recipe()), ("kept", recipe)):
        (tmp_path / name).mkdir()
        made = quantize_model(unnamed, tmp_path / name, recipe=how, calibration=CALIBRATION, held_out=images)
        counts.append(sum(node.op_type == "QuantizeLinear" for node in onnx.load(made.path).graph.node))
    assert counts[1] < counts[0]


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


@pytest.mark.parametrize(
    ("recipe", "holds"),
    [
        (Recipe(form=Form.QOPERATOR), lambda graph: "QLinearConv" in {node.op_type for node in graph.node}),
        (Recipe(per_channel=False), lambda graph: not any(list(t.dims) == [8] for t in scales(graph))),
        (Recipe(activations=Integer.INT8), lambda graph: zero_points(graph) == {TensorProto.INT8}),
        (Recipe(weights=Integer.UINT8), lambda graph: TensorProto.UINT8 in kernels(graph)),
        (Recipe(keep_float=("conv",)), lambda graph: TensorProto.FLOAT in kernels(graph)),
        (Recipe(ranges=Ranges.PERCENTILE), lambda graph: TensorProto.INT8 in kernels(graph)),
        (Recipe(keep_float=("conv",), kept_in=Float.FP16), lambda graph: TensorProto.FLOAT16 in kernels(graph)),
        (Recipe(ranges=Ranges.MSE), lambda graph: TensorProto.INT8 in kernels(graph)),
        (Recipe(ranges=Ranges.ENTROPY, symmetric=True), lambda graph: TensorProto.INT8 in kernels(graph)),
    ],
)
def test_a_recipe_is_followed_and_kept_in_the_models_description(
    tiny: ModelArtifact,
    tmp_path: Path,
    recipe: Recipe,
    holds: Callable[[onnx.GraphProto], bool],
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = quantize_model(tiny, tmp_path, recipe=recipe, calibration=CALIBRATION)
    assert holds(onnx.load(made.path).graph)
    assert made.spec.quantized == recipe.title
    assert capsys.readouterr().out == ""


def test_nodes_kept_in_fp16_give_what_they_give_in_fp32(tiny: ModelArtifact, images: ImageSet, tmp_path: Path) -> None:
    outputs = []
    for kept_in in Float:
        (tmp_path / kept_in).mkdir()
        recipe = Recipe(keep_float=("conv", "relu", "gemm"), kept_in=kept_in)
        made = quantize_model(tiny, tmp_path / kept_in, recipe=recipe, calibration=CALIBRATION)
        outputs.append(run_session(open_session(made.path), images.inputs)[0])
    assert signal_to_noise_db(*outputs) > 40
    assert (outputs[0] != outputs[1]).any()


def test_the_range_of_least_squares_beats_the_observed_one_where_outliers_are_few() -> None:
    random = np.random.default_rng(1)
    values = np.concatenate([random.standard_normal(100_000), [40.0]])
    counts, edges = np.histogram(values, 2048, range=(-40, 40))
    found = least_squares_range(counts, edges, float(values.min()), 40.0)

    def error(low: float, high: float) -> float:
        step = (high - low) / 255
        rounded = np.clip(np.round((values - low) / step), 0, 255) * step + low
        return float(np.square(values - rounded).sum())

    assert error(*found) < 0.9 * error(float(values.min()), 40.0)


def test_int8_activations_with_uint8_weights_are_refused_with_what_to_take(tiny: ModelArtifact, tmp_path: Path) -> None:
    recipe = Recipe(activations=Integer.INT8, weights=Integer.UINT8)
    with pytest.raises(QuantizeError, match="no int8 activations with uint8 weights"):
        quantize_model(tiny, tmp_path, recipe=recipe, calibration=CALIBRATION)


def scales(graph: onnx.GraphProto) -> list[onnx.TensorProto]:
    return [tensor for tensor in graph.initializer if tensor.name.endswith("_scale")]


def zero_points(graph: onnx.GraphProto) -> set[int]:
    """Types of those of activations, as no weight of the model is called input, c, r or p."""
    return {t.data_type for t in graph.initializer if t.name in ("input_zero_point", "r_zero_point", "p_zero_point")}


def kernels(graph: onnx.GraphProto) -> set[int]:
    return {tensor.data_type for tensor in graph.initializer if list(tensor.dims) == [8, 3, 3, 3]}


def test_a_node_to_keep_that_is_not_there_is_named_with_those_like_it(tiny: ModelArtifact, tmp_path: Path) -> None:
    with pytest.raises(QuantizeError, match="no node 'konv' to keep") as caught:
        quantize_model(tiny, tmp_path, recipe=Recipe(keep_float=("konv",)), calibration=CALIBRATION)
    assert caught.value.hint == "did you mean conv?"


@pytest.mark.parametrize("name", ["recipe.toml", "recipe.json"])
def test_a_recipe_is_read_from_a_file_and_a_wrong_one_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(
        'schema = 1\nranges = "entropy"\n' if name.endswith("toml") else '{"schema": 1, "ranges": "entropy"}'
    )
    assert read_recipe(path) == Recipe(ranges=Ranges.ENTROPY)
    path.write_text(path.read_text().replace("entropy", "guess"))
    with pytest.raises(ConfigError, match=rf"{name}: ranges"):
        read_recipe(path)


def test_a_model_that_this_machines_runtime_does_not_load_is_named_and_nothing_is_printed(
    tiny: ModelArtifact, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = onnx.load(tiny.path)
    model.graph.node[0].domain = "com.acme"
    model.opset_import.append(onnx.helper.make_opsetid("com.acme", 1))
    onnx.save(model, tmp_path / "own.onnx")
    with pytest.raises(ModelError, match="not a registered function"):
        quantize_model(replace(tiny, path=tmp_path / "own.onnx"), tmp_path, calibration=CALIBRATION)
    assert capfd.readouterr() == ("", "")


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
