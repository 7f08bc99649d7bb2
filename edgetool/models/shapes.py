"""Replace the dynamic axes that exporters leave by fixed shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import onnx

from edgetool.errors import ModelError
from edgetool.models.onnxfile import inputs_of, is_fixed
from edgetool.platform.names import name_hint

Shape = tuple[int, ...]
ONLY = ""  # stands for a model's single input


def fix_shapes(model: onnx.ModelProto, path: Path, shapes: Mapping[str, Shape]) -> onnx.ModelProto:
    """Set inputs' shapes, by name or by `ONLY`, and infer all other shapes.

    Error messages call the model `path`, the user's file. Raises ModelError for an unknown input, a shape that
    contradicts the model, and a shape that its layers don't admit.
    """
    inputs = {entry.name: entry for entry in inputs_of(model)}
    for name, shape in shapes.items():
        _fix(_named(inputs, name, path), path, shape)
    del model.graph.value_info[:]
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    try:
        return onnx.shape_inference.infer_shapes(model, strict_mode=True)
    except onnx.shape_inference.InferenceError as error:
        given = ", ".join(f"{name or next(iter(inputs))}={','.join(map(str, s))}" for name, s in shapes.items())
        raise ModelError(
            f"{path}: its layers do not admit --shape {given}: {str(error).splitlines()[0]}",
            hint="which shapes was the model made for?",
        ) from error


def _named(inputs: Mapping[str, onnx.ValueInfoProto], name: str, path: Path) -> onnx.ValueInfoProto:
    names = ", ".join(inputs)
    if name == ONLY and len(inputs) != 1:
        raise ModelError(
            f"{path} has {len(inputs)} inputs ({names}): --shape must name one",
            hint=f"for example --shape {next(iter(inputs), 'input')}=1,3,224,224, once for each",
        )
    if name == ONLY:
        return next(iter(inputs.values()))
    if name not in inputs:
        raise ModelError(f"{path} has no input {name!r}", hint=name_hint(name, inputs, what="its inputs"))
    return inputs[name]


def _fix(entry: onnx.ValueInfoProto, path: Path, shape: Shape) -> None:
    tensor = entry.type.tensor_type
    if not tensor.HasField("shape"):
        for _ in shape:
            tensor.shape.dim.add()
    axes = tensor.shape.dim
    if len(axes) != len(shape):
        raise ModelError(
            f"{path}: input {entry.name!r} has {len(axes)} axes, --shape gives {len(shape)}",
            hint=f"its shape: {_described(axes)}",
        )
    for axis, (dimension, wanted) in enumerate(zip(axes, shape, strict=True)):
        if is_fixed(dimension) and dimension.dim_value != wanted:
            raise ModelError(
                f"{path}: axis {axis} of input {entry.name!r} is fixed at {dimension.dim_value}, --shape says {wanted}",
                hint=f"its shape: {_described(axes)}; export the model with dynamic axes for others",
            )
        dimension.dim_value = wanted


def _described(axes: Iterable[onnx.TensorShapeProto.Dimension]) -> str:
    """Format a shape as --shape takes it, with the names of dynamic axes."""
    return ",".join(str(axis.dim_value) if is_fixed(axis) else axis.dim_param or "?" for axis in axes)
