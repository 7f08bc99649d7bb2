"""Detect an ONNX model's precision from its operators and weights, and widen bfloat16 to float32."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from edgetool.models.onnxfile import graphs, nodes, tensors
from edgetool.models.spec import Precision

# ConvInteger's operators take activations that are quantized at each inference.
DYNAMIC = frozenset({"DynamicQuantizeLinear", "DynamicQuantizeMatMul", "ConvInteger", "MatMulInteger"})
FLOATS = {TensorProto.FLOAT: 4, TensorProto.FLOAT16: 2, TensorProto.BFLOAT16: 2, TensorProto.DOUBLE: 8}


def precision_of(model: onnx.ModelProto) -> Precision:
    """Return int8 for a model quantized in any form (QDQ, QLinear*, dynamic), or else its weights' precision."""
    operators = {node.op_type for node in nodes(model)}
    if operators & DYNAMIC:
        return Precision.INT8_DYNAMIC
    if any(name.startswith("QLinear") or name in ("QGemm", "DequantizeLinear") for name in operators):
        return Precision.INT8
    weights = weight_types(model)
    return Precision.FP16 if weights[TensorProto.FLOAT16] > weights.total() / 2 else Precision.FP32


def weight_types(model: onnx.ModelProto) -> Counter[int]:
    """Count the model's floating-point constants by type."""
    found: Counter[int] = Counter()
    for tensor in tensors(model):
        if tensor.data_type in FLOATS:
            found[tensor.data_type] += int(np.prod(tensor.dims, dtype=np.int64))
    return found


def has_bfloat16(model: onnx.ModelProto) -> bool:
    return TensorProto.BFLOAT16 in weight_types(model) or any(
        entry.type.tensor_type.elem_type == TensorProto.BFLOAT16 for entry in (*model.graph.input, *model.graph.output)
    )


def widen_bfloat16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Convert bfloat16 to float32, which is exact. ONNX Runtime's CPU kernels have no bfloat16."""
    for tensor in tensors(model):
        if tensor.data_type == TensorProto.BFLOAT16:
            array = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    for graph in graphs(model):
        for entry in (*graph.input, *graph.output, *graph.value_info):
            if entry.type.tensor_type.elem_type == TensorProto.BFLOAT16:
                entry.type.tensor_type.elem_type = TensorProto.FLOAT
    for node in nodes(model):
        for attribute in node.attribute:
            if attribute.name in ("to", "dtype", "output_dtype") and attribute.i == TensorProto.BFLOAT16:
                attribute.i = TensorProto.FLOAT
    return model
