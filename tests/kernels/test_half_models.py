"""A model in fp16 runs in fp16 where there are kernels, and its weights are never cast at an inference."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.kernels.processors import VLENS, WITHOUT_VECTORS, emulator, with_halves, with_vectors
from tests.kernels.runner import Array, Runner, make_runner

TOLERANCE = 5e-3  # of the largest output: six layers, each rounded to 11 bits


def classifier() -> onnx.ModelProto:
    """Gemm, for which there is fp16, beside HardSwish, Mul and MatMul, for which there is none.

    The second Gemm is one that the fp16 kernels don't compute.
    """
    random = np.random.default_rng(5)
    shapes = {"gemm": (70, 40), "factor": (1, 70), "square": (70, 70), "biases": (5, 70), "matrix": (70, 33)}
    nodes = [
        helper.make_node("Cast", ["x"], ["x16"], to=TensorProto.FLOAT16),
        helper.make_node("HardSwish", ["x16"], ["a"]),
        helper.make_node("Gemm", ["a", "gemm"], ["b"], transB=1),
        helper.make_node("HardSwish", ["b"], ["c"]),
        helper.make_node("Mul", ["c", "factor"], ["d"]),
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


BUILDERS = {"classifier": classifier, "transposed": transposed}


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return make_runner(lambda name: BUILDERS[name](), "classifier", tmp_path_factory.mktemp("models"))


def run(runner: Runner, processor: str) -> Array:
    return runner.run("classifier", vlen=256, processor=(emulator(), "-cpu", processor))


@pytest.mark.parametrize("vlen", VLENS)
def test_fp16_computes_what_fp32_does_but_for_its_rounding(runner: Runner, vlen: int) -> None:
    in_fp32 = run(runner, with_vectors(vlen))
    in_fp16 = run(runner, with_halves(vlen))
    assert 0 < np.abs(in_fp16 - in_fp32).max() <= TOLERANCE * np.abs(in_fp32).max()


@pytest.mark.parametrize("processor", [*map(with_halves, VLENS), WITHOUT_VECTORS], ids=[*map(str, VLENS), "scalar"])
def test_any_axes_are_transposed(runner: Runner, processor: str) -> None:
    outputs = runner.run("transposed", vlen=256, processor=(emulator(), "-cpu", processor))
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
    assert used == {"Gemm": TensorProto.FLOAT16, "Mul": TensorProto.FLOAT, "MatMul": TensorProto.FLOAT}
    assert Counter(node.op_type for node in graph.node)["Cast"] <= 6
