"""Store and run a model or single nodes of it in fp16."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgetool.errors import QuantizeError
from edgetool.models.derived import describe_derived
from edgetool.models.samples import Samples
from edgetool.models.spec import ModelArtifact, Precision
from edgetool.platform.documents import write_document

if TYPE_CHECKING:
    import onnx

HALF = "tensor(float16)"


def halve_model(model: ModelArtifact, folder: Path, *, held_out: Samples | None = None) -> ModelArtifact:
    """Write a model's fp16 form as `model.onnx` and `model.json` to `folder`.

    Its inputs and outputs stay fp32, with casts behind and before them. The signal-to-noise ratio against `model` is
    measured on `held_out`, on this machine, which may compute fp16 in fp32. Raises QuantizeError.
    """
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    path = folder / "model.onnx"
    try:
        made = OnnxModel(convert_float_to_float16(onnx.load(model.path), keep_io_types=True))
        made.topological_sort()  # the converter puts its casts at the end
        onnx.save(made.model, path)
    except Exception as error:  # ONNX Runtime's and protobuf's exceptions derive from Exception and nothing nearer
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise QuantizeError(f"{model.spec.name}: cannot be converted to fp16: {said}") from error
    spec = describe_derived(model, path, Precision.FP16, held_out)
    write_document(folder / "model.json", spec)
    return ModelArtifact(path=path, spec=spec)


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
