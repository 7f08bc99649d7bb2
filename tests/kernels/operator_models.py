"""Models of single operators, which all take the one input; their outputs are one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

SHAPE = (2, 36, 18, 20)
CONTRIBUTED: dict[str, Any] = {"domain": "com.microsoft"}


def floats(*values: float) -> npt.NDArray[np.float32]:
    return np.array(values, np.float32)


def side_by_side(
    name: str,
    nodes: Sequence[onnx.NodeProto],
    weights: Mapping[str, npt.NDArray[Any]],
    outputs: Sequence[str],
    opset: int = 17,
) -> onnx.ModelProto:
    joined = [
        *(helper.make_node("Reshape", [output, "row"], [f"{output}_row"]) for output in outputs),
        helper.make_node("Concat", [f"{output}_row" for output in outputs], ["y"], axis=1),
    ]
    arrays = {**weights, "row": np.array([1, -1], np.int64)}
    graph = helper.make_graph(
        [*nodes, *joined],
        name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, None))],
        [numpy_helper.from_array(array, letter) for letter, array in arrays.items()],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def reduced() -> onnx.ModelProto:
    """Rows, columns and what is between them, of one matrix and of many."""
    axes = [[3], [2, 3], [1], [0], [0, 1], [1, 2], [0, 2, 3], [0, 1, 2, 3]]
    nodes = [helper.make_node("Reshape", ["x", "single"], ["one"])]
    outputs: list[str] = []
    for source, every in (("x", axes), ("one", [[1], [2], [0, 2]])):
        for operator in ("ReduceMean", "ReduceMax", "ReduceMin"):
            for chosen in every:
                outputs.append(f"y{len(outputs)}")
                nodes.append(helper.make_node(operator, [source], [outputs[-1]], axes=chosen))
    for number in range(len(axes)):
        nodes.append(helper.make_node("ReduceSum", ["x", f"a{number}"], [f"sum{number}"]))
        # As large as a mean, so that its rounding is seen.
        nodes.append(helper.make_node("Mul", [f"sum{number}", "hundredth"], [f"s{number}"]))
        outputs.append(f"s{number}")
    weights: dict[str, npt.NDArray[Any]] = {f"a{n}": np.array(chosen, np.int64) for n, chosen in enumerate(axes)}
    weights |= {"single": np.array([1, 72, 360], np.int64), "hundredth": floats(0.01)}
    return side_by_side("reduced", nodes, weights, outputs)


def bounded() -> onnx.ModelProto:
    """Bounds, slopes, extrema, normal planes, exponentials, and bytes that become floats."""
    random = np.random.default_rng(13)
    weights: dict[str, npt.NDArray[Any]] = {
        "low": np.array(-0.5, np.float32),
        "high": np.array(0.75, np.float32),
        "one": floats(0.25),
        "zero": np.array(120, np.uint8),
        "step": np.array(0.02, np.float32),
        "same": random.standard_normal(SHAPE).astype(np.float32),
        **{name: random.uniform(0.1, 2.0, 36).astype(np.float32) for name in ("scale", "bias")},
        "each": random.standard_normal((36, 1, 1)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Clip", ["x", "low", "high"], ["y0"]),
        helper.make_node("Clip", ["x", "low"], ["y1"]),
        helper.make_node("PRelu", ["x", "each"], ["y2"]),
        helper.make_node("PRelu", ["x", "one"], ["y3"]),
        helper.make_node("PRelu", ["x", "same"], ["y4"]),
        helper.make_node("Max", ["x", "each"], ["y5"]),
        helper.make_node("Min", ["one", "x"], ["y6"]),
        helper.make_node("Max", ["x", "same", "y6"], ["y7"]),
        helper.make_node("InstanceNormalization", ["x", "scale", "bias"], ["y8"]),
        helper.make_node("QuantizeLinear", ["x", "step", "zero"], ["bytes"]),
        helper.make_node("Cast", ["bytes"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["cast", "step"], ["y9"]),
        helper.make_node("Elu", ["x"], ["y10"], alpha=0.5),
        helper.make_node("Softplus", ["x"], ["y11"]),
        helper.make_node("LRN", ["x"], ["y12"], size=5, alpha=0.5),
        helper.make_node("LRN", ["x"], ["y13"], size=3, beta=0.5, bias=2.0),
    ]
    return side_by_side("bounded", nodes, weights, [f"y{i}" for i in range(14)])


def enlarged() -> onnx.ModelProto:
    """Nearest pixels of floats and of bytes, and depth that becomes space and space that becomes depth."""
    scales = {"twice": floats(1, 1, 2, 2), "larger": floats(1, 1, 1.5, 2.25), "smaller": floats(1, 1, 0.5, 0.7)}
    weights: dict[str, npt.NDArray[Any]] = {**scales, "zero": np.array(120, np.uint8)}
    weights["step"] = np.array(0.02, np.float32)
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "step", "zero"], ["bytes"]),
        helper.make_node("DepthToSpace", ["x"], ["d0"], blocksize=2),
        helper.make_node("DepthToSpace", ["x"], ["d1"], blocksize=3, mode="CRD"),
        helper.make_node("SpaceToDepth", ["x"], ["d2"], blocksize=2),
        helper.make_node("DepthToSpace", ["bytes"], ["deep"], blocksize=3),
        helper.make_node("DequantizeLinear", ["deep", "step", "zero"], ["d3"]),
    ]
    outputs = ["d0", "d1", "d2", "d3"]
    for scale in scales:
        attributes: dict[str, Any] = {"mode": "nearest"}
        if scale == "twice":
            attributes |= {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        nodes += [
            helper.make_node("Resize", ["x", "", scale], [f"{scale}_floats"], **attributes),
            helper.make_node("Resize", ["bytes", "", scale], [f"{scale}_bytes"], **attributes),
            helper.make_node("DequantizeLinear", [f"{scale}_bytes", "step", "zero"], [f"{scale}_back"]),
        ]
        outputs += [f"{scale}_floats", f"{scale}_back"]
    return side_by_side("enlarged", nodes, weights, outputs)


def pooled() -> onnx.ModelProto:
    """Averages of bytes with either sign, in either layout, with padding that counts or does not."""
    weights: dict[str, npt.NDArray[Any]] = {
        "step": np.array(0.02, np.float32),
        "mean_step": np.array(0.013, np.float32),
    }
    forms: list[dict[str, Any]] = [
        {"kernel_shape": [2, 2], "strides": [2, 2]},
        {"kernel_shape": [3, 3], "pads": [1] * 4},
        {"kernel_shape": [3, 3], "pads": [1, 0, 1, 2], "count_include_pad": 1, "strides": [1, 2]},
        {"kernel_shape": [5, 4], "strides": [3, 3], "ceil_mode": 1},
    ]
    # A single channel is the same in both layouts.
    nodes, outputs = [helper.make_node("ReduceMax", ["x"], ["most"], axes=[1])], []
    for kind, zero, mean_zero, source in (
        (np.uint8, 120, 7, "x"),
        (np.int8, -5, 3, "x"),
        (np.uint8, 120, 7, "most"),
    ):
        name, zeros = f"{source}_{kind.__name__}", kind.__name__
        weights |= {f"zero_{zeros}": np.array(zero, kind), f"mean_zero_{zeros}": np.array(mean_zero, kind)}
        nodes.append(helper.make_node("QuantizeLinear", [source, "step", f"zero_{zeros}"], [name]))
        nodes.append(helper.make_node("Transpose", [name], [f"{name}_last"], perm=[0, 2, 3, 1]))
        for number, form in enumerate(forms):
            for layout, last in ((name, 0), (f"{name}_last", 1)):
                mean = f"{layout}_{number}"
                scales = ["step", f"zero_{zeros}", "mean_step", f"mean_zero_{zeros}"]
                nodes += [
                    helper.make_node(
                        "QLinearAveragePool", [layout, *scales], [mean], channels_last=last, **form, **CONTRIBUTED
                    ),
                    helper.make_node("DequantizeLinear", [mean, "mean_step", f"mean_zero_{zeros}"], [f"{mean}_back"]),
                ]
                outputs.append(f"{mean}_back")
    return side_by_side("pooled", nodes, weights, outputs)


def looked_up() -> onnx.ModelProto:
    """Functions of one 8-bit tensor, with parameters that are constant and with the same ones that are not.

    The first half of the outputs can come from tables, the second half can't.
    """
    random = np.random.default_rng(17)
    weights: dict[str, npt.NDArray[Any]] = {
        "nothing": floats(0.0),
        "third": np.array(1 / 3, np.float32),
        "low": np.array(-0.4, np.float32),
        "high": np.array(1.1, np.float32),
        "each": random.uniform(0.5, 1.5, SHAPE).astype(np.float32),
    }
    nodes = [
        helper.make_node("Mul", ["x", "nothing"], ["zeros"]),
        helper.make_node("ReduceMax", ["zeros"], ["zero"], keepdims=0),
    ]
    steps = {"x": 0.02, "h": 1 / 255, "y": 0.031}
    outputs: dict[str, list[str]] = {"constant": [], "variable": []}
    for name, step in steps.items():
        weights[f"{name}_step"] = np.array(step, np.float32)
        nodes.append(helper.make_node("Add", [f"{name}_step", "zero"], [f"{name}_step_variable"]))
    for kind, made in outputs.items():
        suffix = "" if kind == "constant" else "_variable"
        x_step, h_step, y_step = (f"{name}_step{suffix}" for name in steps)
        for signed in (False, True):
            at = f"{kind}_{'s8' if signed else 'u8'}"
            x_zero, h_zero, y_zero = (f"{name}_zero_{signed}" for name in steps)
            dtype = np.int8 if signed else np.uint8
            for name, point in ((x_zero, 117), (h_zero, 3), (y_zero, 90)):
                weights[name] = np.array(point - (128 if signed else 0), dtype)
            q, h = [f"{at}_q", x_step, x_zero], [f"{at}_h", h_step, h_zero]
            nodes += [
                helper.make_node("QuantizeLinear", ["x", "x_step", x_zero], [q[0]]),
                helper.make_node("DequantizeLinear", q, [f"{at}_f"]),
                helper.make_node("HardSigmoid", [f"{at}_f"], [f"{at}_hf"], alpha=1 / 6),
                helper.make_node("QuantizeLinear", [f"{at}_hf", *h[1:]], [h[0]]),
                helper.make_node("QLinearMul", [*q, *h, y_step, y_zero], [f"{at}_0"], **CONTRIBUTED),
                helper.make_node("QLinearSigmoid", [*q, h_step, h_zero], [f"{at}_s"], **CONTRIBUTED),
                helper.make_node("QLinearMul", [*q, f"{at}_s", *h[1:], y_step, y_zero], [f"{at}_1"], **CONTRIBUTED),
                helper.make_node("Tanh", [f"{at}_f"], [f"{at}_tf"]),
                helper.make_node("QuantizeLinear", [f"{at}_tf", y_step, y_zero], [f"{at}_2"]),
                helper.make_node("Mul", [f"{at}_f", "third"], [f"{at}_m"]),
                helper.make_node("Add", ["high", f"{at}_m"], [f"{at}_a"]),
                helper.make_node("Clip", [f"{at}_a", "low", "high"], [f"{at}_cf"]),
                helper.make_node("QuantizeLinear", [f"{at}_cf", y_step, y_zero], [f"{at}_3"]),
                helper.make_node("QuantizeLinear", [f"{at}_f", y_step, f"y_zero_{not signed}"], [f"{at}_4"]),
                # No table: a factor is not one number.
                helper.make_node("Mul", [f"{at}_f", "each"], [f"{at}_ef"]),
                helper.make_node("QuantizeLinear", [f"{at}_ef", y_step, y_zero], [f"{at}_5"]),
            ]
            for number in range(6):
                nodes.append(
                    helper.make_node("Cast", [f"{at}_{number}"], [f"{at}_{number}_back"], to=TensorProto.FLOAT)
                )
                made.append(f"{at}_{number}_back")
    weights |= {"y_zero_True": np.array(-38, np.int8), "y_zero_False": np.array(90, np.uint8)}
    return side_by_side("looked_up", nodes, weights, [*outputs["constant"], *outputs["variable"]])


def softmaxed() -> onnx.ModelProto:
    """Softmax of 8-bit rows, unsigned and then signed, of the last axis, another one, and all from one on.

    In rows of steep differences one element is all but 1.
    """
    weights: dict[str, npt.NDArray[Any]] = {
        "step": np.array(0.02, np.float32),
        "steep": np.array(0.5, np.float32),
        "part": np.array(1 / 256, np.float32),
        "zero": np.array(120, np.uint8),
        "least": np.array(0, np.uint8),
        "signed_zero": np.array(-8, np.int8),
        "signed_least": np.array(-128, np.int8),
    }
    nodes, outputs = [], list[str]()
    for prefix in ("", "signed_"):
        zero, least = f"{prefix}zero", f"{prefix}least"
        nodes.append(helper.make_node("QuantizeLinear", ["x", "step", zero], [f"{prefix}q"]))
        for axis, opset, step in ((-1, 13, "step"), (1, 13, "step"), (2, 12, "step"), (-1, 13, "steep")):
            outputs.append(f"{prefix}y{len(outputs)}")
            nodes += [
                helper.make_node(
                    "QLinearSoftmax",
                    [f"{prefix}q", step, zero, "part", least],
                    [f"{outputs[-1]}q"],
                    axis=axis,
                    opset=opset,
                    **CONTRIBUTED,
                ),
                helper.make_node("DequantizeLinear", [f"{outputs[-1]}q", "part", least], [outputs[-1]]),
            ]
    return side_by_side("softmaxed", nodes, weights, outputs)


BUILDERS = {
    "softmaxed": softmaxed,
    "reduced": reduced,
    "bounded": bounded,
    "enlarged": enlarged,
    "pooled": pooled,
    "looked_up": looked_up,
}
