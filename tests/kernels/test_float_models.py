"""The cross-built runtime with vector kernels computes what it does without, whatever the number of threads."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetool.runtimes.emulator import CountingEmulator
from tests.kernels import joined_models, operator_models, window_models
from tests.kernels.processors import VLENS, WITH_MATRICES
from tests.kernels.runner import Runner, make_runner

# Another order of summation: some units in the seventh digit, times a layer's depth.
TOLERANCE = 1e-5


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A node after the one before it; `channels` of a convolution are those that it makes."""

    operator: str
    channels: int = 0
    kernel: int = 1
    attributes: tuple[tuple[str, Any], ...] = ()


def conv(channels: int, kernel: int = 1, **attributes: Any) -> Layer:
    return Layer(operator="Conv", channels=channels, kernel=kernel, attributes=tuple(attributes.items()))


def node(operator: str, **attributes: Any) -> Layer:
    return Layer(operator=operator, attributes=tuple(attributes.items()))


def chain(name: str, shape: tuple[int, ...], layers: Sequence[Layer]) -> onnx.ModelProto:
    """Layers in a row, with seeded weights of such a size that outputs are as large as inputs."""
    random = np.random.default_rng(5)
    nodes, weights = [], []
    value, channels = "x", shape[1]
    for index, layer in enumerate(layers):
        inputs, attributes = [value], dict(layer.attributes)
        if layer.operator == "Conv":
            each = channels // attributes.get("group", 1)
            shapes = {"w": (layer.channels, each, layer.kernel, layer.kernel), "b": (layer.channels,)}
            for letter, size in shapes.items():
                array = random.standard_normal(size) / np.sqrt(np.prod(size[1:]))
                weights.append(numpy_helper.from_array(array.astype(np.float32), f"{letter}{index}"))
            inputs += [f"w{index}", f"b{index}"]
            channels = layer.channels
        elif layer.operator == "Clip":
            bounds = np.array([-0.5, 1.5], np.float32)
            weights += [numpy_helper.from_array(bounds[i], f"{letter}{index}") for i, letter in enumerate("lh")]
            inputs += [f"l{index}", f"h{index}"]
        elif layer.operator == "Gemm":
            weights.append(
                numpy_helper.from_array(random.standard_normal((channels, 37)).astype(np.float32), f"m{index}")
            )
            inputs.append(f"m{index}")
        elif layer.operator == "LayerNormalization":
            rows = random.standard_normal((2, shape[-1])).astype(np.float32)
            weights += [numpy_helper.from_array(rows[i], f"{letter}{index}") for i, letter in enumerate("sb")]
            inputs += [f"s{index}", f"b{index}"]
        elif layer.operator == "Residual":
            inputs, layer = [value, f"v{index - 2}"], replace(layer, operator="Add")
        value = f"v{index}"
        nodes.append(helper.make_node(layer.operator, inputs, [value], name=value, **attributes))
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info(value, TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, name, ends, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnx.shape_inference.infer_shapes(model)


def clip() -> Layer:
    return node("Clip")


MODELS: dict[str, tuple[tuple[int, ...], list[Layer]]] = {
    "mobile": (
        (1, 3, 33, 41),
        [
            *(conv(24, 3, strides=[2, 2], pads=[1] * 4), clip()),
            *(conv(24, 3, pads=[1] * 4, group=24), clip(), conv(40), conv(200), clip()),
            *(conv(200, 3, strides=[2, 2], pads=[1] * 4, group=200), clip(), conv(48), conv(48), node("Residual")),
            *(conv(1000), clip(), node("GlobalAveragePool"), node("Flatten"), node("Gemm"), node("Softmax")),
        ],
    ),
    "residual": (
        (2, 3, 30, 30),
        [
            *(conv(32, 7, strides=[2, 2], pads=[3] * 4), node("Relu")),
            node("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4),
            *(conv(64, 3, strides=[2, 2], pads=[1] * 4), node("Relu"), conv(64, 3, pads=[1] * 4), node("Residual")),
            *(conv(17, 3, pads=[2] * 4, dilations=[2, 2]), node("LeakyRelu", alpha=0.1), conv(5), node("Sigmoid")),
        ],
    ),
    "odd": (
        (1, 5, 19, 23),
        [
            *(conv(20, 5, pads=[0, 1, 2, 3]), node("HardSigmoid"), conv(20, 5, group=20, pads=[2] * 4), node("Tanh")),
            node("AveragePool", kernel_shape=[3, 2], strides=[1, 2], pads=[1, 1, 1, 0], count_include_pad=1),
            *(conv(100, 3, group=4, pads=[1] * 4), node("Elu")),
            node("AveragePool", kernel_shape=[2, 3], pads=[0, 1, 1, 1]),
            *(conv(1, 3), node("LogSoftmax", axis=3), node("Erf")),
        ],
    ),
    # Narrow groups of which whole blocks can be made, and of which none can; pooling of half a block.
    "groups": (
        (1, 32, 19, 23),
        [
            *(conv(32, 3, pads=[1] * 4), node("HardSigmoid", alpha=0.3)),
            *(conv(64, 3, pads=[1] * 4, group=8), node("Relu"), conv(32, 3, strides=[2, 2], pads=[1] * 4, group=4)),
            *(conv(24), node("MaxPool", kernel_shape=[3, 3], pads=[1] * 4), conv(48, 3, pads=[1] * 4, group=6)),
            *(conv(64, 3, group=2), node("HardSwish"), conv(12), node("LeakyRelu", alpha=0.1)),
        ],
    ),
    # Odd numbers of narrow groups, the last of which fills half a block.
    "odd groups": (
        (2, 32, 11, 13),
        [
            *(conv(104), node("Relu"), conv(104, 3, pads=[1] * 4, group=13), node("Relu"), conv(24, 3, group=1)),
            *(conv(24, 3, pads=[1] * 4, group=3), conv(20), conv(20, 3, pads=[1] * 4, group=5), conv(9)),
        ],
    ),
    # Channels that are no multiple of four; activations with parameters or another use of their input.
    "uneven": (
        (2, 17, 19, 23),
        [
            *(conv(58), node("LeakyRelu", alpha=0.2), conv(58, 3, pads=[1] * 4, group=58), node("Elu"), conv(58)),
            *(node("HardSwish"), conv(117, 3, strides=[2, 2]), node("Sigmoid"), conv(117, 5, group=117)),
            *(node("Softplus"), node("MaxPool", kernel_shape=[2, 2]), conv(31), conv(31), node("Residual")),
        ],
    ),
    "normalized": (
        (2, 37, 197),
        [
            *(node("LayerNormalization", axis=-1), node("Tanh"), node("Residual")),
            *(node("LayerNormalization", axis=-1), node("Sigmoid"), node("LayerNormalization", axis=2)),
        ],
    ),
}


BUILDERS = {**joined_models.BUILDERS, **operator_models.BUILDERS, **window_models.BUILDERS}
NAMES = (*MODELS, *BUILDERS)


def build(name: str) -> onnx.ModelProto:
    return BUILDERS[name]() if name in BUILDERS else chain(name, *MODELS[name])


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return make_runner(build, "odd", tmp_path_factory.mktemp("models"))


def optimized(runner: Runner, name: str) -> Counter[tuple[str, str]]:
    """Return the domains and operators of the graph that the runtime ran."""
    return Counter(
        (node.domain, node.op_type) for node in onnx.load(runner.folder / f"{name}.optimized.onnx").graph.node
    )


@pytest.mark.parametrize("name", NAMES)
def test_vectors_change_nothing_but_the_rounding(runner: Runner, name: str) -> None:
    scalar = runner.run(name, vlen=256, scalar=True)
    assert np.all(np.isfinite(scalar))
    for vlen in VLENS:
        vector = runner.run(name, vlen=vlen)
        assert np.abs(vector - scalar).max() <= TOLERANCE * np.abs(scalar).max(), vlen


@pytest.mark.parametrize("name", NAMES)
def test_two_threads_compute_what_one_does(runner: Runner, name: str) -> None:
    assert np.array_equal(runner.run(name, vlen=256), runner.run(name, vlen=256, threads=2))


def test_convolutions_run_on_blocks_of_channels(runner: Runner) -> None:
    runner.run("mobile", vlen=256)
    nodes = optimized(runner, "mobile")
    assert nodes["com.microsoft.nchwc", "Conv"] == 8
    assert nodes["", "Clip"] == 0


def test_channels_of_any_number_run_on_blocks(runner: Runner) -> None:
    runner.run("uneven", vlen=256)
    nodes = optimized(runner, "uneven")
    assert nodes["com.microsoft.nchwc", "Conv"] == 7
    assert nodes["com.microsoft.nchwc", "ReorderInput"] == nodes["com.microsoft.nchwc", "ReorderOutput"] == 1


def test_groups_and_what_is_between_them_run_on_blocks(runner: Runner) -> None:
    runner.run("groups", vlen=256)
    nodes = optimized(runner, "groups")
    assert nodes["com.microsoft.nchwc", "Conv"] == 6
    assert nodes["com.microsoft.nchwc", "MaxPool"] == 1


def test_an_odd_number_of_groups_runs_on_blocks(runner: Runner) -> None:
    runner.run("odd groups", vlen=256)
    nodes = optimized(runner, "odd groups")
    assert nodes["com.microsoft.nchwc", "Conv"] == 7


def test_operators_of_the_newest_opset_run_on_blocks(runner: Runner) -> None:
    runner.run("newest", vlen=256)
    nodes = optimized(runner, "newest")
    blocks = "com.microsoft.nchwc"
    assert nodes[blocks, "Conv"] == 3  # the normalization is one, too
    assert nodes[blocks, "MaxPool"] == nodes[blocks, "GlobalAveragePool"] == 1
    assert nodes[blocks, "AveragePool"] == 3
    assert not {"HardSigmoid", "Relu", "BatchNormalization"} & {operator for _, operator in nodes}


@pytest.mark.parametrize("name", ["quantized", "resized", "softmaxed"])
@pytest.mark.parametrize("variant", ["wide16", "wide32", "packed64"])
def test_8_bit_data_keeps_its_bits_with_each_variant(runner: Runner, variant: str, name: str) -> None:
    wanted = runner.run(name, vlen=256, scalar=True)
    assert len(np.unique(wanted)) > 20
    for vlen in VLENS:
        assert np.array_equal(runner.run(name, vlen=vlen, variant=variant), wanted), vlen


def test_softmax_of_signed_and_unsigned_bytes_is_the_same(runner: Runner) -> None:
    """Also where an output would be one more than the largest byte."""
    unsigned, signed = np.split(runner.run("softmaxed", vlen=256).ravel(), 2)
    assert np.array_equal(unsigned, signed)
    assert unsigned.max() == 255 / 256


def test_8_bit_data_keeps_its_bits_with_matrix_products(runner: Runner, counting: CountingEmulator) -> None:
    wanted = runner.run("quantized", vlen=256, scalar=True)
    processor = (counting.program, "-cpu", WITH_MATRICES)
    assert np.array_equal(runner.run("quantized", vlen=256, variant="ime", processor=processor), wanted)
    kernels = json.loads((runner.folder / "result.json").read_text())["runtime"]["kernels"]
    assert kernels.endswith(" ime: asked for")


def test_functions_of_8_bit_data_are_tables_with_the_same_bits(runner: Runner) -> None:
    for outputs in (runner.run("looked_up", vlen=256, scalar=True), *(runner.run("looked_up", vlen=v) for v in VLENS)):
        tables, computed = np.split(outputs.ravel(), 2)
        assert np.array_equal(tables, computed)
        assert len(np.unique(tables)) > 100
    operators = Counter(operator for _, operator in optimized(runner, "looked_up").elements())
    assert operators["QLinearLookup"] == 10
    assert operators["HardSigmoid"] == operators["Tanh"] == operators["QLinearSigmoid"] == 2


def test_an_addition_is_normalized_with_its_sum(runner: Runner) -> None:
    runner.run("normalized", vlen=256)
    operators = Counter(operator for _, operator in optimized(runner, "normalized").elements())
    assert operators["SkipLayerNormalization"] == 1
    assert operators["LayerNormalization"] == 2


def test_without_vectors_the_graph_has_no_blocks(runner: Runner) -> None:
    runner.run("mobile", vlen=256, scalar=True)
    assert not any(domain == "com.microsoft.nchwc" for domain, _ in optimized(runner, "mobile"))
