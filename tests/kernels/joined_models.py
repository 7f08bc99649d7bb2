"""Models of nodes that depend on one another: what a runtime fuses, moves and keeps in 8 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def normalizations() -> onnx.ModelProto:
    """Every operator that normalizes layers, with all that is optional; their outputs one after the other."""
    random = np.random.default_rng(8)
    shape, width = (2, 37, 197), 197
    arrays = {"skip": random.standard_normal(shape), "each": random.standard_normal((1, 37, width))}
    arrays |= {name: random.standard_normal(width) for name in ("scale", "bias", "skip_bias")}
    contributed: dict[str, Any] = {"domain": "com.microsoft", "epsilon": 1e-5}
    nodes = [
        helper.make_node("LayerNormalization", ["x", "scale", "bias"], ["y0", "mean", "deviation"]),
        helper.make_node("Mul", ["x", "mean"], ["y1"]),
        helper.make_node("Mul", ["x", "deviation"], ["y2"]),
        helper.make_node("LayerNormalization", ["x", "each"], ["y3"]),
        helper.make_node("SimplifiedLayerNormalization", ["x", "scale"], ["y4"], epsilon=1e-5),
        helper.make_node(
            "SkipLayerNormalization", ["x", "skip", "scale", "bias", "skip_bias"], ["y5", "", "", "y6"], **contributed
        ),
        helper.make_node("SkipSimplifiedLayerNormalization", ["x", "skip", "scale"], ["y7"], **contributed),
        helper.make_node("Concat", [f"y{i}" for i in range(8)], ["y"], axis=0),
    ]
    weights = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in arrays.items()]
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, (16, 37, width))]
    graph = helper.make_graph(nodes, "normalizations", ends, outputs, weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def elementwise() -> onnx.ModelProto:
    """Every form of Gelu, and 8-bit data back from a scale for each row; their outputs one after the other."""
    random = np.random.default_rng(9)
    shape, width = (2, 37, 197), 197
    weights = [
        numpy_helper.from_array(random.standard_normal(width).astype(np.float32), "bias"),
        numpy_helper.from_array(random.uniform(0.01, 0.05, 37).astype(np.float32), "scale"),
        numpy_helper.from_array(random.integers(100, 150, 37).astype(np.uint8), "zero"),
    ]
    nodes = [
        helper.make_node("Gelu", ["x"], ["y0"]),
        helper.make_node("Gelu", ["x"], ["y1"], approximate="tanh"),
        helper.make_node("BiasGelu", ["x", "bias"], ["y2"], domain="com.microsoft"),
        helper.make_node("FastGelu", ["x"], ["y3"], domain="com.microsoft"),
        helper.make_node("FastGelu", ["x", "bias"], ["y4"], domain="com.microsoft"),
        helper.make_node("QuickGelu", ["x"], ["y5"], domain="com.microsoft", alpha=1.0),
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["bytes"]),
        helper.make_node("DequantizeLinear", ["bytes", "scale", "zero"], ["y6"]),
        helper.make_node("Concat", [f"y{i}" for i in range(7)], ["y"], axis=0),
    ]
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, (14, 37, width))]
    graph = helper.make_graph(nodes, "elementwise", ends, outputs, weights)
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def arithmetic() -> onnx.ModelProto:
    """The four operations, with and without a side that is repeated, and transpositions of one axis and of two."""
    random = np.random.default_rng(10)
    shape = (2, 37, 197)
    arrays = {"same": shape, "row": (197,), "each": (37, 1), "one": (1,)}
    weights = [
        numpy_helper.from_array(random.uniform(0.5, 2.0, size).astype(np.float32), name)
        for name, size in arrays.items()
    ]
    nodes, value = [], "x"
    for index, (operator, other) in enumerate((o, w) for o in ("Add", "Sub", "Mul", "Div") for w in arrays):
        inputs = [value, other] if index % 2 or operator == "Div" else [other, value]
        value = f"v{index}"
        nodes.append(helper.make_node(operator, inputs, [value]))
    nodes += [
        helper.make_node("Transpose", [value], ["turned"], perm=[0, 2, 1]),
        helper.make_node("Softmax", ["turned"], ["most"], axis=2),
        helper.make_node("Transpose", ["most"], ["y"], perm=[2, 1, 0]),
    ]
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, (37, 197, 2))]
    graph = helper.make_graph(nodes, "arithmetic", ends, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def quantized() -> onnx.ModelProto:
    """Groups of channels in 8 bits, a function and a concatenation by tables, and a transposition."""
    random = np.random.default_rng(11)
    floats = {"xs": 0.02, "ws": 0.01, "ys": 0.05, "zs": 1 / 256, "cs": 0.06}
    weights = [numpy_helper.from_array(np.asarray(number, np.float32), name) for name, number in floats.items()]
    zeros = {"xz": np.uint8(120), "yz": np.uint8(131), "zz": np.uint8(0), "wz": np.int8(0)}
    weights += [numpy_helper.from_array(np.asarray(zero), name) for name, zero in zeros.items()]
    weights += [
        numpy_helper.from_array(random.integers(-127, 128, (48, 8, 3, 3)).astype(np.int8), "w"),
        numpy_helper.from_array(random.integers(-2000, 2000, 48).astype(np.int32), "b"),
    ]
    contributed: dict[str, Any] = {"domain": "com.microsoft"}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "xs", "xz"], ["q"]),
        helper.make_node(
            "QLinearConv", ["q", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"], ["c"], group=3, pads=[1] * 4
        ),
        helper.make_node("QLinearSigmoid", ["c", "ys", "yz", "zs", "zz"], ["s"], **contributed),
        helper.make_node(
            "QLinearConcat", ["cs", "yz", "c", "ys", "yz", "s", "zs", "zz"], ["both"], axis=1, **contributed
        ),
        helper.make_node("Transpose", ["both"], ["turned"], perm=[2, 3, 1, 0]),
        helper.make_node("DequantizeLinear", ["turned", "cs", "yz"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, (2, 24, 17, 19))]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, (17, 19, 96, 2))]
    graph = helper.make_graph(nodes, "quantized", ends, outputs, weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def moved() -> onnx.ModelProto:
    """Channels scaled and shifted, parts taken and joined, and planes that grow and shrink; all of it in a row."""
    random = np.random.default_rng(12)
    arrays = {name: random.uniform(0.5, 2.0, 8) for name in ("scale", "bias", "mean", "variance")}
    weights = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in arrays.items()]
    whole = {"parts": [3, 5], "row": [1, -1], "starts": [2, 5], "ends": [30, 40], "axes": [2, 3]}
    whole |= {"pads": [0, 1, 0, 2, 0, 0, 3, 1]}
    weights += [numpy_helper.from_array(np.array(values, np.int64), name) for name, values in whole.items()]
    scales = {"grown": [1, 1, 2, 2.5], "shrunk": [1, 1, 0.5, 0.7]}
    weights += [numpy_helper.from_array(np.array(values, np.float32), name) for name, values in scales.items()]
    nodes = [
        helper.make_node("BatchNormalization", ["x", "scale", "bias", "mean", "variance"], ["y0"]),
        helper.make_node("Split", ["y0", "parts"], ["few", "most"], axis=1),
        helper.make_node("Concat", ["most", "few"], ["y1"], axis=1),
        helper.make_node("Slice", ["y1", "starts", "ends", "axes"], ["y2"]),
        helper.make_node("Pad", ["y2", "pads"], ["y3"], mode="reflect"),
        helper.make_node("Resize", ["y3", "", "grown"], ["y4"], mode="linear"),
        helper.make_node(
            "Resize", ["y4", "", "shrunk"], ["y5"], mode="linear", coordinate_transformation_mode="align_corners"
        ),
        *(helper.make_node("Reshape", [f"y{i}", "row"], [f"r{i}"]) for i in range(6)),
        helper.make_node("Concat", [f"r{i}" for i in range(6)], ["y"], axis=1),
    ]
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, (2, 8, 37, 41))]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, None))]
    graph = helper.make_graph(nodes, "moved", ends, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


BUILDERS = {
    "moved": moved,
    "normalizations": normalizations,
    "elementwise": elementwise,
    "arithmetic": arithmetic,
    "quantized": quantized,
}
