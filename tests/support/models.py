"""A tiny model, as a graph, a file and inputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgetool.models.images import Float32Array

SHAPE = (1, 3, 16, 16)


CLASSES = 10


def tiny_graph(shape: Sequence[int | str] = SHAPE, *, names: tuple[str, str] = ("input", "logits")) -> onnx.ModelProto:
    """Conv, Relu, pooling, Gemm: (n, 3, h, w) → (n, 10); a string is a free dimension."""
    random = np.random.default_rng(7)
    constants = {
        "kernel": random.standard_normal((8, 3, 3, 3)),
        "bias": random.standard_normal(8),
        "matrix": random.standard_normal((8, CLASSES)),
        "offset": random.standard_normal(CLASSES),
    }
    nodes = [
        helper.make_node("Conv", [names[0], "kernel", "bias"], ["c"], name="conv", pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("GlobalAveragePool", ["r"], ["p"], name="pool"),
        helper.make_node("Flatten", ["p"], ["f"], name="flatten"),
        helper.make_node("Gemm", ["f", "matrix", "offset"], [names[1]], name="gemm"),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(names[0], TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info(names[1], TensorProto.FLOAT, [shape[0], CLASSES])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def save_model(path: Path, model: onnx.ModelProto) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


def tiny_inputs(count: int, seed: int = 3) -> Float32Array:
    return np.random.default_rng(seed).standard_normal((count, *SHAPE[1:]), dtype=np.float32)
