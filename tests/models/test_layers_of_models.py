"""Layers of a model that one of them ruins in int8: where the noise begins, and which nodes keep it out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetool.errors import ModelError
from edgetool.models.artifacts import read_artifact
from edgetool.models.images import ImageSet
from edgetool.models.layers import (
    Restorable,
    noise_of,
    outputs_of,
    shared_layers,
    signal_to_noise,
    smallest_cause,
    with_outputs,
)
from edgetool.models.onnxfile import load_model
from edgetool.models.quantize import quantize_model
from edgetool.models.recipes import Recipe
from edgetool.models.samples import Samples, of_images
from edgetool.models.spec import ModelArtifact
from tests.support.models import SHAPE, save_model, tiny_inputs

CHANNELS = 8


def ruined_graph() -> onnx.ModelProto:
    """Five convolutions; between "spread" and "gather" one channel is 3000 times as large as the others.

    An activation has one scale, so that nothing of the other channels is left in 8 bits.
    """
    random = np.random.default_rng(8)
    spread = np.ones(CHANNELS, np.float32)
    spread[0] = 3000
    kernels: dict[str, npt.NDArray[Any]] = {
        "first": random.standard_normal((CHANNELS, 3, 3, 3)) / 3,
        "second": random.standard_normal((CHANNELS, CHANNELS, 1, 1)) / 2,
        "spread": np.diag(spread)[:, :, None, None],
        "gather": np.diag(1 / spread)[:, :, None, None],
        "last": random.standard_normal((CHANNELS, CHANNELS, 1, 1)) / 2,
    }
    nodes, name = [], "input"
    for kernel in kernels:
        pads = [1] * 4 if kernel == "first" else [0] * 4
        inputs = [name, f"{kernel}.w", f"{kernel}.b"]
        nodes.append(helper.make_node("Conv", inputs, [f"{kernel}.y"], name=kernel, pads=pads))
        name = f"{kernel}.y"
        if kernel in ("first", "spread"):  # the quantizer drops it where the quantized range ends at 0
            nodes.append(helper.make_node("Relu", [name], [f"{kernel}.r"], name=f"{kernel}.relu"))
            name = f"{kernel}.r"
    nodes.append(helper.make_node("GlobalAveragePool", [name], ["pooled"], name="pool"))
    nodes.append(helper.make_node("Flatten", ["pooled"], ["output"], name="flatten"))
    graph = helper.make_graph(
        nodes,
        "ruined",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, CHANNELS])],
        [
            *(numpy_helper.from_array(kernel.astype(np.float32), f"{name}.w") for name, kernel in kernels.items()),
            *(numpy_helper.from_array(np.zeros(CHANNELS, np.float32), f"{name}.b") for name in kernels),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(scope="module")
def fp32(tmp_path_factory: pytest.TempPathFactory) -> ModelArtifact:
    return read_artifact(save_model(tmp_path_factory.mktemp("ruined") / "ruined.onnx", ruined_graph()))


def quantized(fp32: ModelArtifact, folder: Path, recipe: Recipe) -> ModelArtifact:
    return quantize_model(fp32, folder, recipe=recipe, calibration=ImageSet(inputs=tiny_inputs(16, seed=5)))


@pytest.fixture(scope="module")
def int8_model(fp32: ModelArtifact, tmp_path_factory: pytest.TempPathFactory) -> ModelArtifact:
    return quantized(fp32, tmp_path_factory.mktemp("int8"), Recipe())


@pytest.fixture(scope="module")
def samples(fp32: ModelArtifact) -> Samples:
    return of_images(ImageSet(inputs=tiny_inputs(8, seed=9)), fp32.spec.inputs, "ruined")


def layer_noise(a: ModelArtifact, b: ModelArtifact, samples: Samples) -> dict[str, float]:
    one, other = load_model(a.path), load_model(b.path)
    layers = shared_layers(one, other)
    outputs = (
        outputs_of(with_outputs(one, [layer.reference for layer in layers]), samples),
        outputs_of(with_outputs(other, [layer.candidate for layer in layers]), samples),
    )
    return dict(zip([layer.node for layer in layers], signal_to_noise(*outputs), strict=True))


def test_the_noise_begins_at_the_layer_that_ruins_it(
    fp32: ModelArtifact, int8_model: ModelArtifact, samples: Samples
) -> None:
    found = layer_noise(fp32, int8_model, samples)
    assert list(found)[:4] == ["first.relu", "second", "spread.relu", "gather"]
    assert min(found["first.relu"], found["second"]) > 25
    assert found["gather"] < 5


def test_a_model_beside_itself_has_no_noise(fp32: ModelArtifact, samples: Samples) -> None:
    assert set(layer_noise(fp32, fp32, samples).values()) == {200.0}


def test_bisecting_finds_the_nodes_around_the_ruined_activation(
    fp32: ModelArtifact, int8_model: ModelArtifact, samples: Samples, tmp_path: Path
) -> None:
    restorable = Restorable.of(fp32.path, int8_model.path)
    ratio = noise_of(restorable, samples)
    assert ratio([]) < 10
    kept = smallest_cause(restorable.nodes, lambda names: ratio(names) >= 12)
    assert set(kept) == {"spread", "gather"}
    # The quantizer itself, told to keep them, loses as little.
    again = quantized(fp32, tmp_path, Recipe(keep_float=kept))
    outputs = (outputs_of(load_model(artifact.path), samples) for artifact in (fp32, again))
    assert min(signal_to_noise(*outputs)) == pytest.approx(ratio(kept), abs=1.5)


def test_with_every_node_put_back_nothing_is_lost(
    fp32: ModelArtifact, int8_model: ModelArtifact, samples: Samples
) -> None:
    restorable = Restorable.of(fp32.path, int8_model.path)
    assert noise_of(restorable, samples)(restorable.nodes) > 120


def test_a_model_without_quantized_nodes_cannot_be_bisected(fp32: ModelArtifact) -> None:
    with pytest.raises(ModelError, match="no node between"):
        Restorable.of(fp32.path, fp32.path)


@pytest.mark.parametrize("cause", [{"d"}, {"a", "h"}, {"b", "c", "g"}, set("abcdefgh")])
def test_a_smallest_cause_is_found_with_few_questions(cause: set[str]) -> None:
    asked: list[int] = []

    def holds(names: Sequence[str]) -> bool:
        asked.append(1)
        return cause <= set(names)

    assert set(smallest_cause("abcdefgh", holds)) == cause
    assert len(asked) <= 2 * len(cause) * 3 + 2
