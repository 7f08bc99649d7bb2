"""Models run on this machine: exactly, whatever its processor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgetool.models.evaluate import open_session


def test_sums_of_8_bit_products_do_not_overflow(tmp_path: Path) -> None:
    """Which they do in ONNX Runtime's faster kernels for x86-64 without VNNI."""
    size = 64
    x, w = np.full((1, size, 1, 1), 255, np.uint8), np.full((4, size, 1, 1), 127, np.int8)
    scales = {"xs": np.float32(1), "ws": np.float32(1), "ys": np.float32(2.0**14)}
    zeros = {"xz": np.uint8(0), "wz": np.int8(0), "yz": np.uint8(0)}
    constants = [
        numpy_helper.from_array(np.asarray(array), name) for name, array in {**scales, **zeros, "w": w}.items()
    ]
    node = helper.make_node("QLinearConv", ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"], ["y"])
    graph = helper.make_graph(
        [node],
        "overflow",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.UINT8, [1, 4, 1, 1])],
        constants,
    )
    path = tmp_path / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    assert open_session(path).run(None, {"x": x})[0].ravel().tolist() == [round(size * 255 * 127 / 2**14)] * 4
