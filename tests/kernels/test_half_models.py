"""A model in fp16 runs in fp16 where there are kernels, and its weights are never cast at an inference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.kernels.operator_models import CONTRIBUTED, SHAPE, side_by_side
from tests.kernels.processors import VLENS, WITHOUT_VECTORS, emulator, with_halves, with_vectors
from tests.kernels.runner import Array, Runner, make_runner

TOLERANCE = 5e-3  # of the largest output: six layers, each rounded to 11 bits


def classifier() -> onnx.ModelProto:
    """Gemm and MatMul, for which there is fp16, beside Elu and Sum, for which there is none.

    The second Gemm is one that the fp16 kernels don't compute.
    """
    random = np.random.default_rng(5)
    shapes = {"gemm": (70, 40), "addend": (1, 70), "square": (70, 70), "biases": (5, 70), "matrix": (70, 33)}
    nodes = [
        helper.make_node("Cast", ["x"], ["x16"], to=TensorProto.FLOAT16),
        helper.make_node("Elu", ["x16"], ["a"]),
        helper.make_node("Gemm", ["a", "gemm"], ["b"], transB=1),
        helper.make_node("Elu", ["b"], ["c"]),
        helper.make_node("Sum", ["c", "addend"], ["d"]),
        helper.make_node("Gemm", ["d", "square", "biases"], ["e"], alpha=0.5),
        helper.make_node("MatMul", ["e", "matrix"], ["y16"]),
        helper.make_node("Cast", ["y16"], ["y"], to=TensorProto.FLOAT),
    ]
    weights = [
        numpy_helper.from_array((random.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float16), name)
        for name, shape in shapes.items()
    ]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (5, 40))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (5, 33))],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnx.shape_inference.infer_shapes(model)


TRANSPOSED = ((45, 42), (14, 9, 15), (5, 14, 3, 9), (3, 5, 2, 7, 9))  # 1890 elements each


def transposed() -> onnx.ModelProto:
    """Every permutation of two to five axes."""
    nodes = [helper.make_node("Cast", ["x"], ["x16"], to=TensorProto.FLOAT16)]
    weights, rows = [numpy_helper.from_array(np.array([-1], np.int64), "row")], []
    for shape in TRANSPOSED:
        rank = len(shape)
        weights.append(numpy_helper.from_array(np.array(shape, np.int64), f"shape{rank}"))
        nodes.append(helper.make_node("Reshape", ["x16", f"shape{rank}"], [f"x{rank}"]))
        for axes in permutations(range(rank)):
            name = "".join(map(str, axes))
            nodes.append(helper.make_node("Transpose", [f"x{rank}"], [f"t{name}"], perm=axes))
            nodes.append(helper.make_node("Reshape", [f"t{name}", "row"], [f"r{name}"]))
            rows.append(f"r{name}")
    nodes.append(helper.make_node("Concat", rows, ["y16"], axis=0))
    nodes.append(helper.make_node("Cast", ["y16"], ["y"], to=TensorProto.FLOAT))
    graph = helper.make_graph(
        nodes,
        "transposed",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1890,))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (None,))],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def elementwise() -> onnx.ModelProto:
    """Arithmetic with every way to broadcast, and activations, those among them that are fused."""
    weights = {
        "each": halves(2.0, 36, 1, 1),
        "last": halves(2.0, 20),
        "same": halves(2.0, *SHAPE),
        "one": halves(1.5),
        "root": np.array(np.sqrt(2), np.float16),
        "half": np.array(0.5, np.float16),
        "unit": np.array(1.0, np.float16),
    }
    nodes = [
        helper.make_node("Add", ["x16", "each"], ["y0"]),
        helper.make_node("Sub", ["last", "x16"], ["y1"]),
        helper.make_node("Mul", ["x16", "same"], ["y2"]),
        helper.make_node("Div", ["x16", "one"], ["y3"]),
        helper.make_node("Add", ["y7", "unit"], ["y7_one"]),
        helper.make_node("Div", ["one", "y7_one"], ["y4"]),
        helper.make_node("HardSigmoid", ["x16"], ["y5"], alpha=0.3, beta=0.4),
        helper.make_node("HardSwish", ["y3"], ["y6"]),
        helper.make_node("Sigmoid", ["x16"], ["y7"]),
        helper.make_node("Tanh", ["x16"], ["y8"]),
        helper.make_node("Mul", ["y7", "x16"], ["y9"]),
        helper.make_node("Div", ["y2", "root"], ["g0"]),
        helper.make_node("Erf", ["g0"], ["g1"]),
        helper.make_node("Add", ["g1", "unit"], ["g2"]),
        helper.make_node("Mul", ["y2", "g2"], ["g3"]),
        helper.make_node("Mul", ["g3", "half"], ["y10"]),
        helper.make_node("QuickGelu", ["x16"], ["y11"], alpha=1.5, **CONTRIBUTED),
    ]
    return in_halves("elementwise", nodes, weights, 12)


def rows() -> onnx.ModelProto:
    """Products of matrices in all forms, and what is computed of a row: means, norms and softmax."""
    weights = {
        "matrix": halves(0.2, 20, 50),
        "vector": halves(0.2, 20),
        "stack": halves(0.2, 36, 20, 17),
        "turned": halves(0.2, 2, 36, 29, 20),
        "columns": halves(0.2, 2, 36, 18, 13),
        "scale": halves(1.0, 20),
        "bias": halves(1.0, 20),
    }
    nodes = [
        helper.make_node("MatMul", ["x16", "matrix"], ["y0"]),
        helper.make_node("MatMul", ["x16", "vector"], ["y1"]),
        helper.make_node("MatMul", ["x16", "stack"], ["y2"]),
        helper.make_node("FusedMatMul", ["x16", "turned"], ["y3"], transB=1, alpha=0.5, **CONTRIBUTED),
        helper.make_node("FusedMatMul", ["x16", "columns"], ["y4"], transA=1, **CONTRIBUTED),
        helper.make_node("Softmax", ["x16"], ["y5"], axis=-1),
        helper.make_node("Softmax", ["x16"], ["y6"], axis=1),
        helper.make_node("LogSoftmax", ["x16"], ["y7"], axis=-1),
        helper.make_node("LayerNormalization", ["x16", "scale", "bias"], ["y8"]),
        *(
            helper.make_node("ReduceMean", ["x16"], [f"y{9 + number}"], axes=axes, keepdims=number % 2)
            for number, axes in enumerate([[2, 3], [1], [0, 1], [1, 3], [0, 2], [0, 1, 2, 3], [-1]])
        ),
    ]
    return in_halves("rows", nodes, weights, 16)


def convolved() -> onnx.ModelProto:
    """Groups, strides, dilations and paddings of images, lines and volumes; an activation and an addition are fused."""
    weights = {
        "whole": halves(0.1, 50, 36, 3, 3),
        "nine": halves(0.2, 20, 9, 3, 3),
        "three": halves(0.2, 36, 3, 5, 5),
        "points": halves(0.2, 6, 18, 1, 1),
        "line": halves(0.1, 24, 18, 3),
        "volume": halves(0.2, 12, 18, 3, 2, 3),
        "bias": halves(1.0, 36),
    }
    shapes = {"as_lines": [4, 18, 360], "as_volumes": [2, 36, 3, 6, 20]}
    nodes = [
        helper.make_node("Conv", ["x16", "whole"], ["y0"], pads=[1, 2, 2, 1], strides=[2, 1]),
        helper.make_node("Conv", ["x16", "nine"], ["y1"], group=4, pads=[2] * 4, dilations=[2, 2]),
        helper.make_node("Conv", ["x16", "three", "bias"], ["c2"], group=12, pads=[2] * 4),
        helper.make_node("Relu", ["c2"], ["y2"]),
        helper.make_node("Conv", ["x16", "points"], ["y3"], group=2, strides=[2, 2]),
        *(helper.make_node("Reshape", ["x16", shape], [f"x_{shape}"]) for shape in shapes),
        helper.make_node("Conv", ["x_as_lines", "line"], ["y4"], pads=[1, 1]),
        helper.make_node("Conv", ["x_as_volumes", "volume"], ["y5"], group=2, pads=[1] * 6),
        helper.make_node("Conv", ["x16", "three"], ["c6"], group=12, pads=[2] * 4),
        helper.make_node("Add", ["c6", "x16"], ["y6"]),
    ]
    integers = {name: np.array(shape, np.int64) for name, shape in shapes.items()}
    return in_halves("convolved", nodes, {**weights, **integers}, 7)


def halves(scale: float, *shape: int) -> npt.NDArray[np.float16]:
    random = np.random.default_rng(shape)
    return (scale * (random.random(shape or (1,)) + 0.1)).astype(np.float16)


def in_halves(
    name: str, nodes: list[onnx.NodeProto], weights: Mapping[str, npt.NDArray[Any]], outputs: int
) -> onnx.ModelProto:
    """Cast the input `x` to `x16`, and all outputs `y0`.. back."""
    casts = [helper.make_node("Cast", [f"y{n}"], [f"float{n}"], to=TensorProto.FLOAT) for n in range(outputs)]
    first = helper.make_node("Cast", ["x"], ["x16"], to=TensorProto.FLOAT16)
    return side_by_side(name, [first, *nodes, *casts], weights, [f"float{n}" for n in range(outputs)])


BUILDERS = {
    "classifier": classifier,
    "transposed": transposed,
    "elementwise": elementwise,
    "rows": rows,
    "convolved": convolved,
}


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return make_runner(lambda name: BUILDERS[name](), "classifier", tmp_path_factory.mktemp("models"))


def run(runner: Runner, processor: str, name: str = "classifier") -> Array:
    return runner.run(name, vlen=256, processor=(emulator(), "-cpu", processor))


@pytest.mark.parametrize("vlen", VLENS)
def test_fp16_computes_what_fp32_does_but_for_its_rounding(runner: Runner, vlen: int) -> None:
    in_fp32 = run(runner, with_vectors(vlen))
    in_fp16 = run(runner, with_halves(vlen))
    assert 0 < np.abs(in_fp16 - in_fp32).max() <= TOLERANCE * np.abs(in_fp32).max()


@pytest.mark.parametrize("name", ["elementwise", "rows", "convolved"])
@pytest.mark.parametrize("vlen", VLENS)
def test_operators_run_in_fp16(runner: Runner, name: str, vlen: int) -> None:
    in_fp32 = run(runner, with_vectors(vlen), name)
    in_fp16 = run(runner, with_halves(vlen), name)
    assert np.abs(in_fp16 - in_fp32).max() <= TOLERANCE * np.abs(in_fp32).max()
    graph = onnx.load(runner.folder / f"{name}.optimized.onnx").graph
    casts = [node for node in graph.node if node.op_type == "Cast"]
    outputs = [node for node in BUILDERS[name]().graph.node if node.op_type == "Cast"]
    assert len(casts) == len(outputs)


@pytest.mark.parametrize("processor", [*map(with_halves, VLENS), WITHOUT_VECTORS], ids=[*map(str, VLENS), "scalar"])
def test_any_axes_are_transposed(runner: Runner, processor: str) -> None:
    outputs = run(runner, processor, "transposed")
    given = np.random.default_rng(6).standard_normal(1890).astype(np.float32).astype(np.float16)
    wanted = [
        given.reshape(shape).transpose(axes).ravel() for shape in TRANSPOSED for axes in permutations(range(len(shape)))
    ]
    assert np.array_equal(outputs, np.concatenate(wanted))


@pytest.mark.parametrize("processor", [with_vectors(256), with_halves(256)], ids=["fp32", "fp16"])
def test_weights_are_cast_when_the_model_is_loaded(runner: Runner, processor: str) -> None:
    run(runner, processor)
    graph = onnx.load(runner.folder / "classifier.optimized.onnx").graph
    constant = {weight.name for weight in graph.initializer}
    assert not [node.name for node in graph.node if node.op_type == "Cast" and node.input[0] in constant]


def test_an_operator_with_weights_stays_in_fp16_between_others_that_do_not(runner: Runner) -> None:
    run(runner, with_halves(256))
    graph = onnx.load(runner.folder / "classifier.optimized.onnx").graph
    types = {weight.name: weight.data_type for weight in graph.initializer}
    used = {node.op_type: types.get(node.input[1]) for node in graph.node if len(node.input) > 1}
    assert used == {"Gemm": TensorProto.FLOAT16, "Sum": TensorProto.FLOAT, "MatMul": TensorProto.FLOAT16}
    assert Counter(node.op_type for node in graph.node)["Cast"] <= 6
