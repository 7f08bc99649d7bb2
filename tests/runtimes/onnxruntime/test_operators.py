"""What a model needs of a runtime: its operators before and after optimization, and its types."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetool.errors import ModelError
from edgetool.runtimes.onnxruntime.operators import operators_of
from edgetool.runtimes.onnxruntime.selftest import OPSET, build_selftest


def convolution(path: Path, *, opset: int = 17) -> Path:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["y"], name="relu"),
    ]
    weights = numpy_helper.from_array(np.ones((4, 3, 1, 1), np.float32), "w")
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, 4, 4])
        for name, channels in (("x", 3), ("y", 4))
    ]
    graph = helper.make_graph(nodes, "sample", values[:1], values[1:], [weights])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)
    return path


def lines_of(config: str) -> dict[str, set[str]]:
    return {line.rpartition(";")[0]: set(line.rpartition(";")[2].split(",")) for line in config.splitlines()}


def test_the_models_own_operators_are_kept_and_no_others(tmp_path: Path) -> None:
    lines = lines_of(operators_of([convolution(tmp_path / "a.onnx")]).config)
    assert {"Conv", "Relu"} <= lines["ai.onnx;17"]
    assert "MaxPool" not in lines["ai.onnx;17"]


def test_the_self_test_can_run_on_what_is_kept(tmp_path: Path) -> None:
    lines = lines_of(operators_of([convolution(tmp_path / "a.onnx")]).config)
    assert {node.op_type for node in build_selftest([]).model().graph.node} <= lines[f"ai.onnx;{OPSET}"]


def test_blocked_convolutions_are_kept_where_there_is_a_convolution(tmp_path: Path) -> None:
    lines = lines_of(operators_of([convolution(tmp_path / "a.onnx")]).config)
    assert lines["com.microsoft.nchwc;1"] == {"Conv", "ReorderInput", "ReorderOutput"}


def test_what_no_model_makes_use_of_is_switched_off(tmp_path: Path) -> None:
    unused = operators_of([convolution(tmp_path / "a.onnx")]).unused
    assert "onnxruntime_DISABLE_ML_OPS" in unused
    assert "onnxruntime_DISABLE_SPARSE_TENSORS" in unused


def test_sparse_weights_are_made_use_of(tmp_path: Path) -> None:
    path = convolution(tmp_path / "a.onnx")
    model = onnx.load(path)
    values = numpy_helper.from_array(np.ones(1, np.float32), "sparse")
    indices = numpy_helper.from_array(np.zeros(1, np.int64))
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4]))
    model.graph.node.append(helper.make_node("Identity", ["sparse"], ["z"]))
    model.graph.output.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [4]))
    onnx.save(model, path)
    assert "onnxruntime_DISABLE_SPARSE_TENSORS" not in operators_of([path]).unused


def test_what_the_optimizer_makes_of_them_is_kept(tmp_path: Path) -> None:
    lines = lines_of(operators_of([convolution(tmp_path / "a.onnx")]).config)
    assert "FusedConv" in lines["com.microsoft;1"]


def test_types_that_no_model_has_are_left_out(tmp_path: Path) -> None:
    types = lines_of(operators_of([convolution(tmp_path / "a.onnx")]).config)["!globally_allowed_types"]
    assert "float" in types
    assert not types & {"double", "std::string", "MLFloat16"}


def test_models_of_several_opsets_are_joined(tmp_path: Path) -> None:
    models = [convolution(tmp_path / "a.onnx", opset=13), convolution(tmp_path / "b.onnx", opset=17)]
    operators = operators_of(models)
    assert {"ai.onnx;13", "ai.onnx;17"} <= set(lines_of(operators.config))
    assert operators.title.endswith("of a, b")


def test_the_same_models_give_the_same_configuration(tmp_path: Path) -> None:
    models = [convolution(tmp_path / "a.onnx", opset=13), convolution(tmp_path / "b.onnx")]
    assert operators_of(models) == operators_of(models[::-1])


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"a\.onnx"):
        operators_of([tmp_path / "a.onnx"])
