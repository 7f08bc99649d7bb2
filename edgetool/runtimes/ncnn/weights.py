"""Where the weights of ncnn's layers lie in a model's file, as each layer's load_model reads them in 1.0.20261020.

An array of weights with a tag of four bytes before it may be stored in other types than float32; pnnx writes float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Protocol

import numpy as np

from edgetool.errors import QuantizeError
from edgetool.models.images import Float32Array

TAG = bytes(4)  # of float32
INT8_TAG = (0x000D4B38).to_bytes(4, "little")


class Settings(Protocol):
    """A layer of a graph."""

    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str: ...

    def setting(self, key: int, default: int = 0) -> int: ...


@dataclass(frozen=True)
class Part:
    """An array in the file: how many float32 it has, and whether a tag precedes it."""

    count: int
    tagged: bool = False


Layout = Callable[[Settings], Iterator[Part]]


def _convolution(*, dynamic: int | None = None, outputs: int = 0, bias: int = 5, size: int = 6) -> Layout:
    """The layout by parameter keys. With `dynamic` set, the weights are an input of the layer."""

    def parts(layer: Settings) -> Iterator[Part]:
        if dynamic is None or not layer.setting(dynamic):
            yield Part(layer.setting(size), tagged=True)
            yield Part(layer.setting(outputs) if layer.setting(bias) else 0)

    return parts


def _normalization(size: int, affine: int | None = None, arrays: int = 2) -> Layout:
    def parts(layer: Settings) -> Iterator[Part]:
        if affine is None or layer.setting(affine, 1):
            yield from [Part(layer.setting(size))] * arrays

    return parts


def _recurrent(gates: int, biases: int, hidden: int = 0) -> Layout:
    """`gates` matrices of the input and of the state, and `biases` arrays, for each direction."""

    def parts(layer: Settings) -> Iterator[Part]:
        directions = 2 if layer.setting(2) == 2 else 1
        outputs = layer.setting(0)
        cells = layer.setting(hidden, outputs)
        yield Part(layer.setting(1), tagged=True)
        yield Part(cells * biases * directions, tagged=True)
        yield Part(outputs * cells * gates * directions, tagged=True)
        if cells != outputs:
            yield Part(cells * outputs * directions, tagged=True)

    return parts


def _gemm(layer: Settings) -> Iterator[Part]:
    m, n, k = (layer.setting(key) for key in (7, 8, 9))
    if layer.setting(4):
        yield Part(m * k, tagged=True)
    if layer.setting(5):
        yield Part(n * k, tagged=True)
    if layer.setting(6) and layer.setting(10) != -1:
        yield Part({1: m, 2: m, 3: m * n, 4: n}.get(layer.setting(10), 1), tagged=True)


def _attention(layer: Settings) -> Iterator[Part]:
    width, size = layer.setting(0), layer.setting(2)
    for count in (size, width * layer.setting(3, width), width * layer.setting(4, width)):
        yield Part(count, tagged=True)
        yield Part(width)
    yield Part(size, tagged=True)
    yield Part(size // width if width else 0)


def _constant(layer: Settings) -> Iterator[Part]:
    sides = [side for key in (0, 1, 11, 2) if (side := layer.setting(key))]
    if sides:
        yield Part(math.prod(sides), tagged=layer.setting(21, 1) == 0)


def _scale(layer: Settings) -> Iterator[Part]:
    size = layer.setting(0)
    if size != -233:  # an input of the layer
        yield from [Part(size)] * (2 if layer.setting(1) else 1)


# Every kind whose class has a load_model, without those that only quantizers make.
LAYOUTS: dict[str, Layout] = {
    "BatchNorm": _normalization(0, arrays=4),
    "Bias": _normalization(0, arrays=1),
    "Convolution": _convolution(dynamic=19),
    "Convolution1D": _convolution(dynamic=19),
    "Convolution3D": _convolution(),
    "ConvolutionDepthWise": _convolution(dynamic=19),
    "ConvolutionDepthWise1D": _convolution(dynamic=19),
    "ConvolutionDepthWise3D": _convolution(),
    "Deconvolution": _convolution(dynamic=28),
    "Deconvolution1D": _convolution(dynamic=28),
    "Deconvolution3D": _convolution(),
    "DeconvolutionDepthWise": _convolution(dynamic=28),
    "DeconvolutionDepthWise1D": _convolution(dynamic=28),
    "DeconvolutionDepthWise3D": _convolution(),
    "DeformableConv2D": _convolution(),
    "Embed": _convolution(bias=2, size=3),
    "GRU": _recurrent(gates=3, biases=4),
    "Gemm": _gemm,
    "GroupNorm": _normalization(1, affine=3),
    "InnerProduct": _convolution(bias=1, size=2),
    "InstanceNorm": _normalization(0, affine=2),
    "LSTM": _recurrent(gates=4, biases=4, hidden=3),
    "LayerNorm": _normalization(0, affine=2),
    "MemoryData": _constant,
    "MultiHeadAttention": _attention,
    "Normalize": _normalization(3, arrays=1),
    "PReLU": _normalization(0, arrays=1),
    "Padding": _normalization(6, arrays=1),
    "RMSNorm": _normalization(0, affine=2, arrays=1),
    "RNN": _recurrent(gates=1, biases=1),
    "Scale": _scale,
}


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The weights of a layer."""

    arrays: tuple[Float32Array, ...]  # flat, in the order of the file
    raw: bytes  # as they are in the file


def parts_of(layer: Settings) -> tuple[Part, ...]:
    """Return the arrays of a layer in the order of the file; () for a layer without weights."""
    layout = LAYOUTS.get(layer.kind)
    return () if layout is None else tuple(part for part in layout(layer) if part.count)


def has_matrix(layer: Settings) -> bool:
    """Return whether the layer multiplies by weights of its own."""
    return layer.kind != "MemoryData" and any(part.tagged for part in parts_of(layer))


def read_weights(file: IO[bytes], layer: Settings) -> Weights:
    """Read the weights of the next layer. Raises QuantizeError when they aren't float32 or the file ends."""
    arrays, raw = [], b""
    for part in parts_of(layer):
        data = file.read(len(TAG) * part.tagged + 4 * part.count)
        tag, numbers = (data[: len(TAG)], data[len(TAG) :]) if part.tagged else (TAG, data)
        if tag != TAG:
            raise QuantizeError(f"the weights of {layer.name} are not float32")
        if len(numbers) != 4 * part.count:
            raise QuantizeError(f"the weights end within {layer.name}")
        arrays.append(np.frombuffer(numbers, dtype="<f4").astype(np.float32))
        raw += data
    return Weights(arrays=tuple(arrays), raw=raw)


def read_all(file: IO[bytes], layers: Sequence[Settings]) -> dict[str, Weights]:
    """Read the weights of all layers, by name. Raises QuantizeError when the file has more or less than theirs."""
    found = {layer.name: read_weights(file, layer) for layer in layers}
    if file.read(1):
        raise QuantizeError("the file of weights contains more than those of the graph's layers")
    return found


def in_8_bits(scaled: Float32Array) -> bytes:
    """Return an array of weights with its tag, rounded as ncnn rounds: half away from zero, to ±127.

    >>> in_8_bits(np.array([0.5, -1.5, 200], dtype=np.float32))[4:]
    b'\\x01\\xfe\\x7f\\x00'
    """
    rounded = np.copysign(np.floor(np.abs(scaled.astype(np.float64)) + 0.5), scaled)
    data = np.clip(rounded, -127, 127).astype(np.int8).tobytes()
    return INT8_TAG + data + bytes(-len(data) % len(INT8_TAG))
