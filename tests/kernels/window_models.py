"""Models of pooling and resizing, and one of the newest opset; they take the input of `operator_models`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from tests.kernels.operator_models import floats, side_by_side

NEWEST_OPSET = 22
AVERAGES: list[dict[str, Any]] = [{"count_include_pad": 0}, {"count_include_pad": 1}]


def windows() -> onnx.ModelProto:
    """Extrema and averages of lines, planes and volumes."""
    weights: dict[str, npt.NDArray[Any]] = {
        "line": np.array([2, 36, 360], np.int64),
        "volume": np.array([2, 6, 6, 18, 20], np.int64),
    }
    nodes = [helper.make_node("Reshape", ["x", name], [f"x_{name}"]) for name in weights]
    forms: dict[str, list[dict[str, Any]]] = {
        "x_line": [
            {"kernel_shape": [4], "strides": [4]},
            {"kernel_shape": [3], "pads": [1, 1]},
            {"kernel_shape": [7], "strides": [2], "pads": [0, 5]},
            {"kernel_shape": [5], "strides": [3], "ceil_mode": 1},
        ],
        "x": [
            {"kernel_shape": [3, 3], "pads": [1] * 4},
            {"kernel_shape": [2, 5], "strides": [2, 3], "pads": [0, 2, 1, 1]},
            {"kernel_shape": [18, 20]},
        ],
        "x_volume": [
            {"kernel_shape": [2, 3, 2], "strides": [1, 2, 2]},
            {"kernel_shape": [3, 3, 3], "strides": [2, 1, 1], "pads": [1] * 6},
        ],
    }
    outputs: list[str] = []
    for source, every in forms.items():
        for form in every:
            for operator, more in (("MaxPool", {}), *(("AveragePool", choice) for choice in AVERAGES)):
                outputs.append(f"y{len(outputs)}")
                nodes.append(helper.make_node(operator, [source], [outputs[-1]], **form, **more))
    return side_by_side("windows", nodes, weights, outputs)


def resized() -> onnx.ModelProto:
    """Bytes of either sign between others, channels first and last."""
    scales = {"larger": (1.5, 2.25), "smaller": (0.5, 0.7)}
    weights: dict[str, npt.NDArray[Any]] = {"step": np.array(0.02, np.float32)}
    nodes, outputs = [], list[str]()
    for kind, zero in (np.uint8, 120), (np.int8, -5):
        first, last = f"{kind.__name__}_first", f"{kind.__name__}_last"
        weights[f"zero_{first}"] = np.array(zero, kind)
        nodes += [
            helper.make_node("QuantizeLinear", ["x", "step", f"zero_{first}"], [first]),
            helper.make_node("Transpose", [first], [last], perm=[0, 2, 3, 1]),
        ]
        for name, (height, width) in scales.items():
            weights |= {f"{name}_first": floats(1, 1, height, width), f"{name}_last": floats(1, height, width, 1)}
            for mode in ("half_pixel", "align_corners"):
                for layout, source in (("first", first), ("last", last)):
                    made = f"{source}_{name}_{mode}"
                    how = {"mode": "linear", "coordinate_transformation_mode": mode}
                    nodes += [
                        helper.make_node("Resize", [source, "", f"{name}_{layout}"], [made], **how),
                        helper.make_node("DequantizeLinear", [made, "step", f"zero_{first}"], [f"{made}_back"]),
                    ]
                    outputs.append(f"{made}_back")
    return side_by_side("resized", nodes, weights, outputs)


def newest() -> onnx.ModelProto:
    """Convolutions with what is fused into them and what stays in their blocks, of opset 22."""
    random = np.random.default_rng(19)
    weights: dict[str, npt.NDArray[Any]] = {}

    def conv(source: str, output: str, channels: tuple[int, int], side: int) -> onnx.NodeProto:
        shape = (*channels, side, side)
        weights[f"{output}_w"] = (random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
        weights[f"{output}_b"] = random.standard_normal(channels[0]).astype(np.float32)
        inputs = [source, f"{output}_w", f"{output}_b"]
        return helper.make_node("Conv", inputs, [output], pads=[side // 2] * 4)

    weights |= {name: random.uniform(0.5, 2.0, 48).astype(np.float32) for name in ("scale", "bias", "mean", "variance")}
    nodes = [
        *(conv("x", "c0", (48, 36), 3), helper.make_node("HardSigmoid", ["c0"], ["h"], alpha=0.3)),
        helper.make_node("MaxPool", ["h"], ["m"], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4),
        helper.make_node("BatchNormalization", ["m", "scale", "bias", "mean", "variance"], ["n"]),
        *(helper.make_node("Relu", ["n"], ["r"]), conv("r", "c1", (32, 48), 1)),
        helper.make_node("AveragePool", ["c1"], ["a0"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        helper.make_node("AveragePool", ["c1"], ["a1"], kernel_shape=[3, 3], pads=[1] * 4, count_include_pad=1),
        helper.make_node("AveragePool", ["c1"], ["a2"], kernel_shape=[3, 3], pads=[1, 0, 1, 2], dilations=[2, 1]),
        helper.make_node("GlobalAveragePool", ["c1"], ["g"]),
    ]
    return side_by_side("newest", nodes, weights, ["a0", "a1", "a2", "g"], opset=NEWEST_OPSET)


BUILDERS = {"windows": windows, "resized": resized, "newest": newest}
