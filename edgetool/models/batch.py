"""Give a model another batch size."""

from __future__ import annotations

from pathlib import Path

from edgetool.errors import ModelError
from edgetool.models.onnxfile import load_graph


def write_batched(source: Path, destination: Path, batch: int) -> None:
    """Write a model of one sample as one of `batch` samples, which lie along the first axis of inputs and outputs.

    Reshapes to a constant shape of one sample take over the batch. Whether the outputs are still those of single
    samples is for the caller to check. Raises ModelError for a model with weights in other files or another batch.
    """
    import onnx

    model = load_graph(source)
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise ModelError(f"{source.name} has weights in other files")
    for entry in (*model.graph.input, *model.graph.output):
        dims = entry.type.tensor_type.shape.dim
        if not dims or dims[0].dim_value != 1:
            raise ModelError(f"{source.name}: {entry.name} is not of one sample")
        dims[0].dim_value = batch
    shapes = {node.input[1] for node in model.graph.node if node.op_type == "Reshape" and len(node.input) > 1}
    constants = [tensor for tensor in model.graph.initializer if tensor.name in shapes]
    constants += [
        a.t for node in model.graph.node if node.output[0] in shapes for a in node.attribute if a.name == "value"
    ]
    for tensor in constants:
        shape = onnx.numpy_helper.to_array(tensor).copy()
        if shape.size and shape[0] == 1:
            shape[0] = batch
            tensor.CopyFrom(onnx.numpy_helper.from_array(shape, tensor.name))
    del model.graph.value_info[:]
    onnx.save(model, destination)
