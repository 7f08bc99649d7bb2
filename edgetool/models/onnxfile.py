"""An ONNX file read, checked and described."""

from __future__ import annotations

from pathlib import Path

import onnx

from edgetool.errors import ModelError
from edgetool.models.spec import ModelSpec, Precision, TensorSpec
from edgetool.platform.files import sha256_file
from edgetool.platform.values import plain_name

# ONNX Runtime's release → the newest opset and IR version it runs:
# https://onnxruntime.ai/docs/reference/compatibility.html
NEWEST_OPSET = {11: 16, 12: 17, 13: 17, 14: 18, 15: 19, 16: 19, 17: 20, 18: 21, 19: 21, 20: 21, 21: 22, 22: 23, 23: 23}
NEWEST_IR = {11: 8, 12: 8, 13: 8, 14: 8, 15: 8, 16: 9, 17: 9, 18: 10, 19: 10, 20: 10, 21: 10, 22: 11, 23: 11}
DEFAULT_OPSET = 20  # what PyTorch's exporter writes without conversion
SIZE_LIMIT_BYTES = 2 * 1024**3  # protobuf's own


def newest_opset(runtime_version: str) -> int:
    """The newest opset that a release of ONNX Runtime runs.

    >>> newest_opset("1.21.0")
    22
    """
    return NEWEST_OPSET[_release(runtime_version, NEWEST_OPSET)]


def opset_for(runtime_versions: tuple[str, ...]) -> int:
    """The opset to export for runtimes of these releases: the exporter's own unless the oldest is older.

    >>> opset_for(("1.31.1", "1.14.0"))
    18
    """
    return min([DEFAULT_OPSET, *map(newest_opset, runtime_versions)])


def _release(version: str, table: dict[int, int]) -> int:
    minor = int(version.split(".")[1])
    return max(min(minor, max(table)), min(table))


def load_model(path: Path) -> onnx.ModelProto:
    """Parse and check an ONNX file. Raises ModelError when it is none, or its weights lie in other files."""
    try:
        if path.stat().st_size > SIZE_LIMIT_BYTES:
            raise ModelError(f"{path} is larger than 2 GiB")
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from error
    except ModelError:
        raise
    except Exception as error:  # protobuf's DecodeError has no public base class in common with onnx's own
        raise ModelError(f"{path} is not an ONNX model", hint="export one with `edgetool export`") from error
    if not model.graph.node or not model.opset_import:
        raise ModelError(f"{path} is not an ONNX model: it has no graph", hint="export one with `edgetool export`")
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise ModelError(
            f"{path} keeps its weights in other files (external data)",
            hint="save it in one file: onnx.save(onnx.load(path), path, save_as_external_data=False)",
        )
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise ModelError(f"{path} is not a valid ONNX model: {str(error).splitlines()[0]}") from error
    return model


def describe(
    path: Path,
    *,
    name: str,
    precision: Precision,
    weights: str,
    accuracy_means_something: bool,
    parent: str | None = None,
    signal_to_noise_db: float | None = None,
) -> ModelSpec:
    """The spec of a file. Raises ModelError, also for a shape that is not fixed."""
    model = load_model(path)
    constants = {tensor.name for tensor in model.graph.initializer}
    return ModelSpec(
        name=plain_name(name),
        precision=precision,
        sha256=sha256_file(path),
        size_bytes=path.stat().st_size,
        opset=next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 1),
        ir_version=model.ir_version,
        inputs=tuple(_tensor(path, entry) for entry in model.graph.input if entry.name not in constants),
        outputs=tuple(_tensor(path, entry) for entry in model.graph.output),
        weights=weights,
        accuracy_means_something=accuracy_means_something,
        parent=parent,
        signal_to_noise_db=signal_to_noise_db,
    )


def _tensor(path: Path, entry: onnx.ValueInfoProto) -> TensorSpec:
    tensor = entry.type.tensor_type
    free = [d.dim_param or "?" for d in tensor.shape.dim if not d.HasField("dim_value")]
    if free or not entry.type.HasField("tensor_type") or not tensor.HasField("shape"):
        raise ModelError(
            f"{path}: the shape of {entry.name!r} is not fixed ({', '.join(free) or 'unknown'})",
            hint="give it with --input-shape, for example --input-shape 1,3,224,224",
        )
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
    return TensorSpec(name=entry.name, dtype=dtype, shape=tuple(d.dim_value for d in tensor.shape.dim))


def fix_input_shape(model: onnx.ModelProto, path: Path, shape: tuple[int, ...]) -> onnx.ModelProto:
    """Give the only input a fixed shape and derive the others. Raises ModelError when there are several inputs."""
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [entry for entry in model.graph.input if entry.name not in constants]
    if len(inputs) != 1:
        raise ModelError(
            f"{path} has {len(inputs)} inputs ({', '.join(entry.name for entry in inputs)}): --input-shape is for one",
            hint="fix their shapes when exporting the model",
        )
    dimensions = inputs[0].type.tensor_type.shape.dim
    if len(dimensions) != len(shape):
        raise ModelError(
            f"{path}: input {inputs[0].name!r} has {len(dimensions)} dimensions, --input-shape {len(shape)}"
        )
    for dimension, wanted in zip(dimensions, shape, strict=True):
        if dimension.HasField("dim_value") and dimension.dim_value != wanted:
            raise ModelError(
                f"{path}: input {inputs[0].name!r} is fixed at {dimension.dim_value}, --input-shape says {wanted}"
            )
        dimension.dim_value = wanted
    names = {entry.name for entry in model.graph.output}
    del model.graph.value_info[:]
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    try:
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    except onnx.shape_inference.InferenceError as error:
        raise ModelError(
            f"{path}: no inner shapes follow from --input-shape: {str(error).splitlines()[0]}",
            hint="does the model take this shape?",
        ) from error
    assert {entry.name for entry in inferred.graph.output} == names
    return inferred
