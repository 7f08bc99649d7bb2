"""Read, check, describe and write ONNX files, whose weights may lie in files beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import onnx
from onnx.external_data_helper import load_external_data_for_model

from edgetool.errors import ModelError
from edgetool.models.preprocessing import from_metadata
from edgetool.models.spec import ModelSpec, Precision, Task, TensorSpec
from edgetool.platform.files import is_inside, sha256_file
from edgetool.platform.values import plain_name

ONE_FILE_BYTES = 2 * 1024**3 - 1  # the largest message of protobuf; larger models keep their weights beside
WEIGHTS_LIMIT_BYTES = 64 * 1024**3
EXPORT_HINT = "export one with `edgetool export`"


def producers_of(path: Path) -> dict[str, str]:
    """Return the name of the node that computes each value of a model's graph. Raises ModelError."""
    return {value: node.name for node in load_graph(path).graph.node for value in node.output}


def load_model(path: Path) -> onnx.ModelProto:
    """Parse and check an ONNX file, its weights included.

    Raises ModelError for a file that isn't an ONNX model and for weights outside the model's folder.
    """
    model = load_graph(path)
    if external_files(model, path):
        try:
            load_external_data_for_model(model, str(path.parent))
        except Exception as error:  # onnx passes on any exception of its C++ code and protobuf
            raise ModelError(f"{path}: cannot read its weights: {_first_line(error)}") from error
    return model


def load_graph(path: Path) -> onnx.ModelProto:
    """Parse and check an ONNX file without loading weights from other files. Raises ModelError."""
    try:
        if path.stat().st_size > ONE_FILE_BYTES:
            raise ModelError(
                f"{path} is larger than 2 GiB",
                hint="protobuf ends there; save the weights beside it: onnx.save(…, save_as_external_data=True)",
            )
        if not path.is_file():
            raise ModelError(f"{path} is not a file")
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from error
    except ModelError:
        raise
    except Exception as error:  # protobuf's DecodeError has no public base class in common with onnx's own
        raise ModelError(f"{path} is not an ONNX model", hint=EXPORT_HINT) from error
    if not model.graph.node or not model.opset_import:
        raise ModelError(f"{path} is not an ONNX model: it has no graph", hint=EXPORT_HINT)
    external = external_files(model, path)
    try:
        onnx.checker.check_model(str(path) if external else model)
    except (onnx.checker.ValidationError, ValueError) as error:  # the latter for a text that is no UTF-8
        raise ModelError(f"{path} is not a valid ONNX model: {_first_line(error)}") from error
    return model


def external_files(model: onnx.ModelProto, path: Path) -> tuple[Path, ...]:
    """Return the files beside `path` that hold weights.

    Raises ModelError for a file that is missing, too large, or not a plain file in the model's folder.
    """
    locations: dict[str, None] = {}
    for tensor in tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            entries = {entry.key: entry.value for entry in tensor.external_data}
            locations[entries.get("location", "")] = None
    files = []
    for location in locations:
        file = path.parent / location
        if not is_inside(location) or not file.resolve().is_relative_to(path.parent.resolve()):
            raise ModelError(f"{path}: weights at {location!r} lie outside of the model's folder")
        if not file.is_file():
            raise ModelError(
                f"{path}: its weights are missing: {file}",
                hint=f"copy {location} beside {path.name}: the exporter wrote both",
            )
        files.append(file)
    if sum(file.stat().st_size for file in files) > WEIGHTS_LIMIT_BYTES:
        raise ModelError(f"{path}: its weights are larger than {WEIGHTS_LIMIT_BYTES >> 30} GiB")
    return tuple(files)


def tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Yield every constant: initializers and tensor attributes, including those of subgraphs and functions."""
    for graph in graphs(model):
        yield from graph.initializer
    for node in nodes(model):
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def graphs(model: onnx.ModelProto) -> Iterator[onnx.GraphProto]:
    """Yield the model's graph and all graphs inside its nodes."""
    yield model.graph
    for node in nodes(model):
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield attribute.g
            yield from attribute.graphs


def nodes(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """Yield every node, including those of subgraphs and functions."""
    waiting = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    while waiting:
        node = waiting.pop()
        yield node
        for attribute in node.attribute:
            inner = [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]
            waiting += [deeper for graph in inner for deeper in graph.node]


def save_model(model: onnx.ModelProto, path: Path, *, one_file_bytes: int = ONE_FILE_BYTES) -> tuple[Path, ...]:
    """Write a model as one file, or with its weights in `<name>.data` beside it when one file would be too large.

    Return the files. Don't use the model afterwards: its weights may have been moved out of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Weights are nearly all of a model; what is left of 2 GiB must hold the graph.
    if sum(tensor.ByteSize() for tensor in tensors(model)) < one_file_bytes * 0.98:
        onnx.save(model, path)
        return (path,)
    beside = path.with_name(f"{path.name}.data")
    beside.unlink(missing_ok=True)  # onnx appends to a file that is there
    onnx.save(model, path, save_as_external_data=True, location=beside.name, size_threshold=1024)
    return path, beside


def model_files(path: Path) -> tuple[Path, ...]:
    """Return the .onnx and the files that hold its weights. Raises ModelError."""
    return path, *external_files(load_graph(path), path)


def digest_files(files: tuple[Path, ...]) -> str:
    """Return the sha256 of a single .onnx, or of the digests of several files."""
    digests = [sha256_file(file) for file in files]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def inputs_of(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """Return the inputs that a caller feeds: the graph's inputs without its constants."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return [entry for entry in model.graph.input if entry.name not in constants]


def describe(
    path: Path,
    *,
    name: str,
    precision: Precision,
    weights: str,
    accuracy_means_something: bool,
    parent: str | None = None,
    signal_to_noise_db: float | None = None,
    task: Task | None = None,
    called: Path | None = None,
) -> ModelSpec:
    """Return the spec of a file, which error messages call `called`. Raises ModelError, also for a dynamic shape."""
    model = load_graph(path)
    files = (path, *external_files(model, path))
    return ModelSpec(
        name=plain_name(name),
        precision=precision,
        sha256=digest_files(files),
        size_bytes=sum(file.stat().st_size for file in files),
        opset=opset_of(model),
        ir_version=model.ir_version,
        inputs=tuple(_tensor(called or path, entry, least=1) for entry in inputs_of(model)),
        outputs=tuple(_tensor(called or path, entry) for entry in model.graph.output),
        weights=weights,
        accuracy_means_something=accuracy_means_something,
        parent=parent,
        signal_to_noise_db=signal_to_noise_db,
        preprocessing=from_metadata(model),
        task=task,
    )


def opset_of(model: onnx.ModelProto) -> int:
    return next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 1)


def _tensor(path: Path, entry: onnx.ValueInfoProto, *, least: int = 0) -> TensorSpec:
    tensor = entry.type.tensor_type
    kind = entry.type.WhichOneof("value")
    if kind not in ("tensor_type", None):
        raise ModelError(
            f"{path}: {entry.name!r} is of {kind.replace('_', ' ')}, not a tensor",
            hint="export the model with a tensor for each of its inputs and outputs",
        )
    if tensor.elem_type == onnx.TensorProto.STRING:
        raise ModelError(f"{path}: {entry.name!r} is of text", hint="leave what reads or writes text out of the model")
    axes = [(d, is_fixed(d, least)) for d in tensor.shape.dim]
    free = [f"axis {i} ({d.dim_param or 'unnamed'})" for i, (d, known) in enumerate(axes) if not known]
    if free or not tensor.HasField("shape"):
        sizes = ",".join(str(d.dim_value if known else 1) for d, known in axes) or "1"
        raise ModelError(
            f"{path}: the shape of {entry.name!r} is not fixed: {', '.join(free) or 'its rank is unknown'}",
            hint=f"fix it, for example with --shape {entry.name}={sizes}",
        )
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
    return TensorSpec(name=entry.name, dtype=dtype, shape=tuple(d.dim_value for d in tensor.shape.dim))


def is_fixed(dimension: onnx.TensorShapeProto.Dimension, least: int = 1) -> bool:
    """Return whether an axis has a length. Some exporters write −1 or 0 for one that hasn't."""
    return bool(dimension.HasField("dim_value") and dimension.dim_value >= least)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
