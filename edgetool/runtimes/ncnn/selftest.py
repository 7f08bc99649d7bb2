"""ncnn's numeric self-test: inner products and convolutions in float32, and in int8 with integers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgetool.models.spec import Precision
from edgetool.runtimes.ncnn.convert import INT8_TERM, INT8_TERMS, REQUANTIZED, Layer, NcnnModel, write_layers
from edgetool.runtimes.selftest import CONVOLUTIONS, Array, SelfTest, convolve

PRODUCTS = ((2, 2), (5, 4), (64, 15), (33, 16), (129, 33))  # inputs, outputs
# Winograd transforms differ from sums of K products by more than rounding; a wrong kernel differs by O(1).
TOLERANCE = 1e-4


@dataclass
class NcnnSelfTest(SelfTest):
    """The graph under construction and its weights."""

    layers: list[Layer] = field(default_factory=list)
    weights: list[bytes] = field(default_factory=list)
    model_name = "model.param"
    remedy = "build it again with --force, or measure another runtime"

    def write_model(self, path: Path) -> None:
        write_layers(self.layers, path)
        NcnnModel(param=path).bin.write_bytes(b"".join(self.weights))

    def add(self, kind: str, case: str, x: Array, w: Array, expected: Array, tolerance: Array, **settings: int) -> None:
        """Add a layer with its own input; `x` is (1, …). All scales are 1 in int8."""
        self.add_layer(kind, self.add_input(case, x), case, w, **settings)
        self.expect(case, expected, tolerance)

    def add_input(self, case: str, x: Array) -> str:
        """Add an input and return its blob."""
        sides = dict(zip((2, 1, 0) if x.ndim == 4 else (0,), x.shape[1:], strict=True))
        source = self.input(f"x_{case}", x)
        self.layers.append(_layer("Input", source, (), source, sides))
        return source

    def add_layer(self, kind: str, source: str, output: str, w: Array, **settings: int) -> None:
        numbers = {int(key.removeprefix("_")): number for key, number in settings.items()}
        self.layers.append(_layer(kind, output, (source,), output, numbers))
        term = numbers.get(INT8_TERM, 0)
        scales = (numbers.get(7, len(w)) + 1 + (term > REQUANTIZED)) * (term > 0)
        self.weights.append(bytes(4) + w.astype("<f4").tobytes() + np.ones(scales, "<f4").tobytes())


def _layer(kind: str, name: str, inputs: tuple[str, ...], output: str, settings: dict[int, int]) -> Layer:
    words = tuple(f"{key}={number}" for key, number in sorted(settings.items()))
    return Layer(kind=kind, name=name, inputs=inputs, outputs=(output,), settings=words)


def build_selftest(precisions: Collection[Precision] = tuple(Precision)) -> NcnnSelfTest:
    """Build the self-test: always the same model, inputs and expected outputs, in float32 for all precisions."""
    del precisions
    test = NcnnSelfTest()
    random = np.random.default_rng(0)
    for whole in (False, True):
        for k, n in PRODUCTS:
            _add_product(test, random, k, n, whole=whole)
        for shape in CONVOLUTIONS:
            _add_convolution(test, random, *shape, whole=whole)
    _add_chain(test, random, 64, 5)
    return test


def _numbers(random: np.random.Generator, shape: tuple[int, ...], *, whole: bool) -> Array:
    if whole:
        return random.integers(-63, 64, shape).astype(np.float32)
    return random.standard_normal(shape).astype(np.float32)


def _int8(kind: str, *, whole: bool) -> dict[str, int]:
    return {f"_{INT8_TERM}": INT8_TERMS[kind]} if whole else {}


def _add_product(test: NcnnSelfTest, random: np.random.Generator, k: int, n: int, *, whole: bool) -> None:
    x, w = _numbers(random, (1, k), whole=whole), _numbers(random, (n, k), whole=whole)
    expected = (x.astype(np.float64) @ w.T.astype(np.float64)).astype(np.float32)
    tolerance = TOLERANCE * (np.abs(x) @ np.abs(w.T))
    case = f"InnerProduct_{k}x{n}{'_int8' * whole}"
    test.add("InnerProduct", case, x, w, expected, tolerance, _0=n, _2=w.size, **_int8("InnerProduct", whole=whole))


def _add_convolution(
    test: NcnnSelfTest,
    random: np.random.Generator,
    cin: int,
    cout: int,
    side: int,
    kernel: int,
    stride: int,
    groups: int,
    *,
    whole: bool,
) -> None:
    x = _numbers(random, (1, cin, side, side), whole=whole)
    w = _numbers(random, (cout, cin // groups, kernel, kernel), whole=whole)
    expected = convolve(x, w, kernel, stride, groups).astype(np.float32)
    tolerance = TOLERANCE * convolve(np.abs(x), np.abs(w), kernel, stride, groups)
    kind = "Convolution" if groups == 1 else "ConvolutionDepthWise"
    case = f"{kind}_{cin}_{cout}_{kernel}x{kernel}_stride_{stride}{'_int8' * whole}"
    settings = {"_0": cout, "_1": kernel, "_3": stride, "_4": kernel // 2, "_6": w.size, **_int8(kind, whole=whole)}
    if groups > 1:
        settings["_7"] = groups
    test.add(kind, case, x, w, expected, tolerance, **settings)


def _add_chain(test: NcnnSelfTest, random: np.random.Generator, channels: int, side: int) -> None:
    """Add two pointwise convolutions, the first of which keeps its output in 8 bits. It reorders the channels."""
    x = _numbers(random, (1, channels, side, side), whole=True)
    order = random.permutation(channels)
    first = np.eye(channels, dtype=np.float32)[order][:, :, None, None]
    second = _numbers(random, (channels, channels, 1, 1), whole=True)
    expected = convolve(x[:, order], second, 1, 1, 1).astype(np.float32)
    tolerance = TOLERANCE * convolve(np.abs(x[:, order]), np.abs(second), 1, 1, 1)
    case, kind, settings = "Convolution_chain_int8", "Convolution", {"_0": channels, "_1": 1, "_6": second.size}
    kept = f"{case}_first"
    test.add_layer(kind, test.add_input(case, x), kept, first, **settings, _8=REQUANTIZED + INT8_TERMS[kind])
    test.add_layer(kind, kept, case, second, **settings, _8=INT8_TERMS[kind])
    test.expect(case, expected, tolerance)
