"""Store and run single nodes of a model in fp16."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

HALF = "tensor(float16)"


def halve_nodes(path: Path, names: Sequence[str]) -> None:
    """Rewrite a model's file so that these nodes take and give fp16, with casts around them and fp16 weights.

    Inputs that the operator doesn't take in fp16, such as indices and scales, stay as they are.
    """
    import onnx

    model = onnx.load(path)
    types = {
        value.name: value.type.tensor_type.elem_type
        for graph in (onnx.shape_inference.infer_shapes(model).graph,)
        for value in (*graph.value_info, *graph.input, *graph.output)
    }
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    made: dict[str, str] = {}  # a float tensor's name → that of its fp16 form
    nodes: list[onnx.NodeProto] = []

    def in_half(name: str) -> str:
        if name not in made:
            made[name] = f"{name}_in_fp16"
            if name in weights:
                array = onnx.numpy_helper.to_array(weights[name]).astype(np.float16)
                model.graph.initializer.append(onnx.numpy_helper.from_array(array, made[name]))
            else:
                nodes.append(_cast(name, made[name], onnx.TensorProto.FLOAT16))
        return made[name]

    for node in model.graph.node:
        if node.name in names:
            schema = onnx.defs.get_schema(node.op_type, opsets.get(node.domain, 1), node.domain)
            takes = list(_takes_half(schema.inputs, len(node.input)))
            for i, name in enumerate(node.input):
                is_float = name in weights and weights[name].data_type == onnx.TensorProto.FLOAT
                if name and takes[i] and (is_float or types.get(name) == onnx.TensorProto.FLOAT):
                    node.input[i] = in_half(name)
        nodes.append(node)
        if node.name in names:
            gives = list(_takes_half(schema.outputs, len(node.output)))
            for i, name in enumerate(node.output):
                if name and gives[i] and types.get(name) == onnx.TensorProto.FLOAT:
                    node.output[i] = f"{name}_of_fp16"
                    nodes.append(_cast(node.output[i], name, onnx.TensorProto.FLOAT))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    _drop_unused_weights(model)
    del model.graph.value_info[:]
    onnx.save(model, path)


def _takes_half(parameters: Sequence[onnx.defs.OpSchema.FormalParameter], count: int) -> Iterator[bool]:
    """Yield for each input or output of a node whether it may be fp16; the last of an operator may repeat."""
    for i in range(count):
        yield HALF in parameters[min(i, len(parameters) - 1)].types


def _cast(source: str, destination: str, to: int) -> onnx.NodeProto:
    import onnx

    return onnx.helper.make_node("Cast", [source], [destination], name=f"{destination}/Cast", to=to)


def _drop_unused_weights(model: onnx.ModelProto) -> None:
    used = {name for node in model.graph.node for name in node.input} | {value.name for value in model.graph.output}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
