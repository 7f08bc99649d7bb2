"""Convert ONNX to ncnn: fp32 and fp16 with pnnx, int8 in the layout of ncnn's own quantizer, which is not on PyPI.

An int8 layer stores its weights in 8 bits, and its scales (elements per unit) after them.
Scales are computed as in ncnn2table and ncnn2int8: 127 ÷ the largest magnitude, per output channel for weights and over
the whole blob for a layer's input. A convolution whose output is read only by an int8 convolution keeps its output in 8
bits. Other layers stay in float32, and their weights are copied.
"""

from __future__ import annotations

import io
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.errors import ConfigError, ModelError, QuantizeError
from edgetool.models.images import Float32Array, ImageSet
from edgetool.models.spec import ModelArtifact, ModelRequest, Precision, TensorSpec
from edgetool.platform.context import StepContext
from edgetool.platform.process import run_tool
from edgetool.platform.values import plain_name
from edgetool.runtimes.ncnn.weights import has_matrix, in_8_bits, read_all

MAGIC = "7767517"
INT8_LIMIT = 127
INSTALL = 'pip install "edgetool[ncnn]"'
CONVOLUTIONS = ("Convolution", "ConvolutionDepthWise")
GROUPS = 7  # keys of parameters
INT8_TERM = 8
# The layers that ncnn computes in int8 from scales of their weights and inputs.
INT8_TERMS = {"Convolution": 2, "ConvolutionDepthWise": 1, "InnerProduct": 2}
PRODUCTS = ("Gemm", "MatMul", "SDPA")  # multiply even without weights of their own
REQUANTIZED = 100  # added to the term when the output stays in 8 bits


@dataclass(frozen=True, kw_only=True)
class NcnnModel:
    """A graph as text and its weights, in two files with the same stem."""

    param: Path

    @property
    def bin(self) -> Path:
        return self.param.with_suffix(".bin")


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A line of the graph."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    settings: tuple[str, ...]  # "0=32", "-23310=2,0.0,6.0"

    @classmethod
    def parse(cls, line: str) -> Layer:
        kind, name, inputs, outputs, *words = line.split()
        first, end = int(inputs), int(inputs) + int(outputs)
        return cls(
            kind=kind,
            name=name,
            inputs=tuple(words[:first]),
            outputs=tuple(words[first:end]),
            settings=tuple(words[end:]),
        )

    def __str__(self) -> str:
        counts = (str(len(self.inputs)), str(len(self.outputs)))
        return " ".join((self.kind, self.name, *counts, *self.inputs, *self.outputs, *self.settings))

    def setting(self, key: int, default: int = 0) -> int:
        return next((int(word.split("=")[1]) for word in self.settings if word.startswith(f"{key}=")), default)


def tool_versions() -> dict[str, str]:
    """Return the versions of the conversion tools. Raises ConfigError when one isn't installed."""
    found = {}
    for package in ("ncnn", "pnnx"):
        try:
            found[package] = version(package)
        except PackageNotFoundError as error:
            raise _not_installed(package) from error
    return found


def _not_installed(package: str) -> ConfigError:
    return ConfigError(f"{package} is not installed, but is required to convert models for ncnn", hint=INSTALL)


def scale_of(largest: npt.NDArray[np.floating]) -> Float32Array:
    """Return elements per unit; 1 where all values are zero."""
    return np.where(largest > 0, INT8_LIMIT / np.where(largest > 0, largest, 1), 1).astype(np.float32)


def convert(
    fp32: ModelArtifact,
    request: ModelRequest,
    precision: Precision,
    images: ImageSet | None,
    folder: Path,
    context: StepContext,
    *,
    log: Path,
) -> str | None:
    """Convert the ONNX model to `model.param` and `model.bin` in `folder`. `images` calibrate int8.

    Inputs and outputs keep their names. Return which layers are int8. Raises ConfigError when ncnn's tools are missing,
    ModelError for inputs that ncnn doesn't support, QuantizeError without images or without a layer that can be int8,
    BuildError when pnnx fails.
    """
    del request, context
    _check_inputs(fp32.spec.inputs, precision)
    if precision is Precision.INT8 and (images is None or len(images) == 0):
        raise QuantizeError("int8 in ncnn needs calibration images", hint="give --calibration DIR")
    made = NcnnModel(param=folder / "model.param")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        converted = run_pnnx(fp32.path, fp32.spec.inputs, Path(scratch), half=precision is Precision.FP16, log=log)
        layers = _sized(_renamed(read_layers(converted.param), fp32), fp32.spec.inputs)
        plain = NcnnModel(param=Path(scratch) / "plain.param")
        plain.bin.write_bytes(converted.bin.read_bytes())
        write_layers(layers, plain.param)
        if precision is not Precision.INT8:
            made.param.write_bytes(plain.param.read_bytes())
            made.bin.write_bytes(plain.bin.read_bytes())
            return None
        assert images is not None, "checked before"
        return quantize(plain, images.inputs, made)


def _check_inputs(inputs: Sequence[TensorSpec], precision: Precision) -> None:
    if precision is Precision.INT8_DYNAMIC:
        raise QuantizeError(f"ncnn doesn't support {precision}")
    for tensor in inputs:
        if tensor.dtype != "float32" or not 2 <= len(tensor.shape) <= 5 or tensor.shape[0] != 1:
            raise ModelError(
                f"ncnn needs float32 inputs with one sample, {tensor.name} is {tensor.dtype} {tensor.shape}"
            )
    if precision is Precision.INT8 and len(inputs) != 1:
        raise QuantizeError(
            f"int8 in ncnn is calibrated with one input, the model has {len(inputs)}",
            hint="deploy it with --precision fp32",
        )


def run_pnnx(model: Path, inputs: Sequence[TensorSpec], folder: Path, *, half: bool = False, log: Path) -> NcnnModel:
    """Convert an .onnx with pnnx in `folder`, its weights to 16 bits with `half`.

    Raises ConfigError when it isn't installed, BuildError when it fails."""
    found = find_spec("pnnx")
    if found is None or found.origin is None:
        raise _not_installed("pnnx")
    (folder / "model.onnx").write_bytes(model.read_bytes())
    sizes = ",".join(f"[{','.join(map(str, shape))}]" for shape in (tensor.shape for tensor in inputs))
    run_tool(
        [Path(found.origin).parent / "pnnx", "model.onnx", f"inputshape={sizes}", f"fp16={half:d}"],
        cwd=folder,
        log=log,
        timeout_s=600,
    )
    return NcnnModel(param=folder / "model.ncnn.param")


def _renamed(layers: Sequence[Layer], fp32: ModelArtifact) -> tuple[Layer, ...]:
    """Restore the model's input and output names, which pnnx replaces by in0, in1, … and out0, out1, …."""
    names = {f"in{i}": plain_name(tensor.name) for i, tensor in enumerate(fp32.spec.inputs)}
    names |= {f"out{i}": plain_name(tensor.name) for i, tensor in enumerate(fp32.spec.outputs)}
    blobs = {blob for layer in layers for blob in layer.outputs}
    if missing := sorted(set(names) - blobs):
        raise ModelError(f"{fp32.spec.name}: pnnx produced a graph without {', '.join(missing)}")
    if len(set(names.values())) != len(names) or set(names.values()) & (blobs - set(names)):
        raise ModelError(
            f"{fp32.spec.name}: two of {', '.join(sorted(names.values()))} have the same name in ncnn's graph"
        )
    return tuple(
        replace(
            layer,
            inputs=tuple(names.get(blob, blob) for blob in layer.inputs),
            outputs=tuple(names.get(blob, blob) for blob in layer.outputs),
        )
        for layer in layers
    )


def _sized(layers: Sequence[Layer], inputs: Sequence[TensorSpec]) -> tuple[Layer, ...]:
    """Add the sizes of the inputs, which the harness needs. pnnx omits them since ncnn doesn't need them."""
    shapes = {plain_name(tensor.name): tensor.shape[1:] for tensor in inputs}

    def sized(layer: Layer) -> Layer:
        if layer.kind != "Input" or layer.outputs[0] not in shapes:
            return layer
        shape = shapes[layer.outputs[0]]
        keys = {1: (0,), 2: (1, 0), 3: (2, 1, 0), 4: (2, 11, 1, 0)}[len(shape)]  # as Input's load_param reads them
        sizes = tuple(f"{key}={side}" for key, side in sorted(zip(keys, shape, strict=True)))
        return replace(layer, settings=sizes)

    return tuple(map(sized, layers))


def quantize(model: NcnnModel, images: Float32Array, done: NcnnModel) -> str:
    """Quantize the model to int8 and write it to the files of `done`. `images` (n, c, h, w) calibrate it.

    Return which layers are int8. Raises ConfigError when ncnn isn't installed, QuantizeError when none can be.
    """
    layers = read_layers(model.param)
    if not any(map(is_quantized, layers)):
        raise QuantizeError(
            f"ncnn has no int8 for any layer of the model: {described(layers)}", hint="deploy it with --precision fp32"
        )
    with model.bin.open("rb") as file:
        weights = read_all(file, layers)
    largest = largest_magnitudes(model, {layer.inputs[0] for layer in layers if is_quantized(layer)}, images)
    quantized = tuple(_with_terms(layers))
    data = io.BytesIO()
    for layer, with_term in zip(layers, quantized, strict=True):
        if not is_quantized(layer):
            data.write(weights[layer.name].raw)
            continue
        matrix, *bias = weights[layer.name].arrays
        rows = matrix.reshape(layer.setting(GROUPS if layer.kind == "ConvolutionDepthWise" else 0, 1), -1)
        of_weights = scale_of(np.abs(rows).max(axis=1))
        scales = [of_weights, scale_of(largest[layer.inputs[0]])]
        if with_term.setting(INT8_TERM) > REQUANTIZED:
            scales.append(scale_of(largest[_reader(layers, layer.outputs[0]).inputs[0]]))
        data.write(in_8_bits(rows * of_weights[:, np.newaxis]))
        data.write(b"".join(array.astype("<f4").tobytes() for array in (*bias, *scales)))
    write_layers(quantized, done.param)  # pnnx gives several Splits the same name
    done.bin.write_bytes(data.getvalue())
    return described(layers)


def is_quantized(layer: Layer) -> bool:
    """Return whether ncnn has int8 for the layer: a convolution whose weights are an input has none."""
    return layer.kind in INT8_TERMS and has_matrix(layer)


def described(layers: Sequence[Layer]) -> str:
    """Say which of the layers that multiply are int8. All layers that don't are float32.

    >>> described([Layer.parse("InnerProduct fc 1 1 a b 0=2 2=8"), Layer.parse("LSTM l 1 1 b c 0=2 1=16")])
    'int8 in 1 InnerProduct, float32 in 1 LSTM'
    """
    multiplying = [layer for layer in layers if has_matrix(layer) or layer.kind in PRODUCTS]
    said = []
    for precision, int8 in (("int8", True), ("float32", False)):
        counts = Counter(layer.kind for layer in multiplying if is_quantized(layer) == int8)
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
        said.append(f"{precision} in {kinds or 'none'}")
    return ", ".join(said)


def write_layers(layers: Sequence[Layer], param: Path) -> None:
    blobs = {blob for layer in layers for blob in layer.outputs}
    head = [MAGIC, f"{len(layers)} {len(blobs)}"]
    param.write_text("\n".join([*head, *map(str, layers)]) + "\n")


def read_layers(param: Path) -> tuple[Layer, ...]:
    """Read a graph. Raises QuantizeError when the file isn't an ncnn graph."""
    magic, _, *lines = param.read_text().splitlines()
    if magic != MAGIC:
        raise QuantizeError(f"{param.name} is not an ncnn graph")
    return tuple(map(Layer.parse, lines))


@contextmanager
def open_net(model: NcnnModel) -> Iterator[Any]:
    """Load the model with this machine's ncnn in float32.

    Raises ConfigError when ncnn isn't installed, QuantizeError.
    """
    try:
        import ncnn
    except ImportError as error:
        raise _not_installed("ncnn") from error
    with ncnn.Net() as net:
        net.opt.num_threads = 1  # ncnn's threads wait for one another in spin loops, possibly forever on a busy machine
        net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
        if net.load_param(str(model.param)) != 0 or net.load_model(str(model.bin)) != 0:
            raise QuantizeError(f"ncnn cannot load {model.param}")
        yield net


def largest_magnitudes(model: NcnnModel, blobs: set[str], images: Float32Array) -> dict[str, Float32Array]:
    """Return the largest magnitude of each blob over all images, computed by ncnn on this machine; shape ()."""
    found = dict.fromkeys(blobs, np.float32(0))
    with open_net(model) as net:
        for image in images:
            with net.create_extractor() as extractor:
                extractor.set_light_mode(False)  # keep every blob
                extractor.input(net.input_names()[0], as_mat(image))
                for blob in blobs:
                    _, data = extractor.extract(blob)
                    found[blob] = max(found[blob], np.abs(np.asarray(data)).max())
    return {blob: np.asarray(number, dtype=np.float32) for blob, number in found.items()}


def as_mat(image: Float32Array) -> Any:
    """Convert an image (c, h, w) to an ncnn matrix that owns its memory."""
    import ncnn

    return ncnn.Mat(np.ascontiguousarray(image)).clone()


def _with_terms(layers: Sequence[Layer]) -> Iterator[Layer]:
    for layer in layers:
        if not is_quantized(layer):
            yield layer
            continue
        term = INT8_TERMS[layer.kind] + (REQUANTIZED if _stays_in_int8(layers, layer) else 0)
        yield replace(layer, settings=(*layer.settings, f"{INT8_TERM}={term}"))


def _stays_in_int8(layers: Sequence[Layer], layer: Layer) -> bool:
    """Return whether a convolution's output is read only by one convolution, which is int8 too."""
    readers = [other for other in layers if layer.outputs[0] in other.inputs]
    return (
        layer.kind in CONVOLUTIONS
        and len(readers) == 1
        and readers[0].kind in CONVOLUTIONS
        and is_quantized(readers[0])
    )


def _reader(layers: Sequence[Layer], blob: str) -> Layer:
    return next(layer for layer in layers if blob in layer.inputs)
