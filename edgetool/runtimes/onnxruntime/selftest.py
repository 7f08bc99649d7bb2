"""Does a runtime compute right? One small model whose every output is known, run before anything is timed.

Releases 1.11 to 1.20 multiplied matrices wrongly on riscv64: the packing of B was sixteen columns wide where the scalar
kernel read four, and rows past the second were skipped (onnxruntime #22530, #20030, repaired by #22125). The shapes
below straddle those widths, with B constant (packed once), given at run time (packed at each call) and transposed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from edgetool.errors import SelfTestFailed

Array = npt.NDArray[Any]

GEMM_SHAPES = ((1, 2, 2), (2, 2, 2), (3, 5, 4), (5, 3, 17), (4, 64, 15), (7, 33, 16), (17, 129, 33))  # M, K, N
# channels in, channels out, side, kernel, stride, groups: pointwise, first layer, depthwise, grouped
CONVOLUTIONS = (
    (8, 24, 7, 1, 1, 1),
    (3, 16, 9, 3, 2, 1),
    (12, 12, 7, 3, 1, 12),
    (12, 12, 8, 3, 2, 12),
    (8, 8, 6, 3, 1, 2),
)
# Sums of K products in another order differ by at most K · 2⁻²⁴ of the sum of magnitudes, a wrong kernel by O(1).
TOLERANCE = 1e-5
OPSET = 16


@dataclass
class SelfTest:
    """The model under construction: its nodes, what goes in and what must come out."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    inputs: dict[str, Array] = field(default_factory=dict)
    expected: dict[str, Array] = field(default_factory=dict)
    tolerances: dict[str, Array] = field(default_factory=dict)

    def input(self, name: str, array: Array) -> str:
        self.inputs[name] = array
        return name

    def constant(self, name: str, array: Array) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def add(
        self, operator: str, case: str, inputs: list[str], expected: Array, tolerance: Array, **attributes: Any
    ) -> None:
        self.nodes.append(helper.make_node(operator, inputs, [case], name=case, **attributes))
        self.expected[case] = expected
        self.tolerances[case] = tolerance

    def model(self) -> onnx.ModelProto:
        def values(arrays: Mapping[str, Array]) -> list[onnx.ValueInfoProto]:
            return [
                helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
                for name, array in arrays.items()
            ]

        graph = helper.make_graph(self.nodes, "selftest", values(self.inputs), values(self.expected), self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)

    def check(self, outputs: Mapping[str, Array], *, runtime: str) -> None:
        """Raises SelfTestFailed, naming each case whose numbers are wrong."""
        wrong = [text for case in self.expected if (text := self._judge(case, outputs.get(case)))]
        if wrong:
            raise SelfTestFailed(
                "\n  ".join(
                    [f"{runtime} computes wrong numbers: {len(wrong)} of {len(self.expected)} cases", *wrong[:8]]
                ),
                hint="ONNX Runtime before 1.21 is wrong on riscv64: package another runtime",
            )

    def _judge(self, case: str, found: Array | None) -> str | None:
        wanted = self.expected[case]
        if found is None or found.shape[1:] != wanted.shape[1:] or found.size != wanted.size:
            return f"{case}: no output of shape {wanted.shape}"
        distance = np.abs(found.reshape(wanted.shape).astype(np.float64) - wanted.astype(np.float64))
        bad = ~(distance <= self.tolerances[case])
        if not bad.any():
            return None
        at = int(np.argmax(np.where(bad, np.nan_to_num(distance, nan=np.inf), -1)))
        return f"{case}: {int(bad.sum())} of {bad.size} values, one is {found.flat[at]} and should be {wanted.flat[at]}"


def build_selftest() -> SelfTest:
    """The same model, inputs and expectations each time."""
    test = SelfTest()
    random = np.random.default_rng(0)
    for m, k, n in GEMM_SHAPES:
        _add_float_gemm(test, random, m, k, n)
        _add_int8_gemm(test, random, m, k, n)
    for shape in CONVOLUTIONS:
        _add_float_convolution(test, random, *shape)
        for unsigned in (False, True):
            _add_int8_convolution(test, random, *shape, unsigned=unsigned)
    return test


def write_selftest(test: SelfTest, folder: Path) -> dict[str, str]:
    """Write `model.onnx` and one raw file for each input; returns input name → file name."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(test.model(), folder / "model.onnx")
    files = {}
    for i, (name, array) in enumerate(test.inputs.items()):
        files[name] = f"{i}.bin"
        array.tofile(folder / files[name])
    return files


def _add_float_gemm(test: SelfTest, random: np.random.Generator, m: int, k: int, n: int) -> None:
    case = f"{m}x{k}x{n}"
    a = random.standard_normal((m, k)).astype(np.float32)
    b = random.standard_normal((k, n)).astype(np.float32)
    expected = (a.astype(np.float64) @ b.astype(np.float64)).astype(np.float32)
    tolerance = TOLERANCE * (np.abs(a) @ np.abs(b))
    name = test.input(f"a {case}", a)
    test.add("MatMul", f"MatMul {case} constant B", [name, test.constant(f"b {case}", b)], expected, tolerance)
    test.add("MatMul", f"MatMul {case} B at run time", [name, test.input(f"runtime b {case}", b)], expected, tolerance)
    transposed = test.constant(f"transposed b {case}", np.ascontiguousarray(b.T))
    test.add("Gemm", f"Gemm {case} transposed B", [name, transposed], expected, tolerance, transB=1)


def _requantize(accumulator: Array, multiplier: float, zero_point: int, dtype: type[np.integer]) -> Array:
    """round-half-even(accumulator · multiplier) + zero point, saturated; exact for a power of two."""
    limits = np.iinfo(dtype)
    scaled = np.rint(accumulator.astype(np.float64) * multiplier) + zero_point
    return np.asarray(np.clip(scaled, limits.min, limits.max), dtype=dtype)


def _quantization(test: SelfTest, name: str, scale: float, zero_point: int, dtype: type[np.integer]) -> list[str]:
    return [
        test.constant(f"{name} scale", np.asarray(scale, dtype=np.float32)),
        test.constant(f"{name} zero point", np.asarray(zero_point, dtype=dtype)),
    ]


def _int8(random: np.random.Generator, shape: tuple[int, ...], dtype: type[np.integer]) -> Array:
    limits = np.iinfo(dtype)
    return random.integers(limits.min, limits.max + 1, shape).astype(dtype)


def _weights(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Within ±63: x86-64 without VNNI adds two products in 16 bits, which larger weights overflow by design."""
    return random.integers(-63, 64, shape).astype(np.int8)


def _add_int8_gemm(test: SelfTest, random: np.random.Generator, m: int, k: int, n: int) -> None:
    case = f"QLinearMatMul {m}x{k}x{n} u8 s8"
    a, b = _int8(random, (m, k), np.uint8), _weights(random, (k, n))
    accumulator = (a.astype(np.int64) - 128) @ b.astype(np.int64)
    multiplier = 2.0**-8
    inputs = [
        *(test.input(f"a {case}", a), *_quantization(test, f"a {case}", 2.0**-4, 128, np.uint8)),
        *(test.constant(f"b {case}", b), *_quantization(test, f"b {case}", 2.0**-4, 0, np.int8)),
        *_quantization(test, f"y {case}", 1.0, 128, np.uint8),
    ]
    expected = _requantize(accumulator, multiplier, 128, np.uint8)
    test.add("QLinearMatMul", case, inputs, expected, np.zeros(expected.shape))


def _convolve(x: Array, w: Array, kernel: int, stride: int, groups: int) -> Array:
    """(1, c, s, s) ⋆ (o, c/groups, k, k), padded so that stride 1 keeps the side, in float64."""
    pad = kernel // 2
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(2, 3))[:, :, ::stride, ::stride]
    parts = zip(np.split(windows, groups, axis=1), np.split(w.astype(np.float64), groups, axis=0), strict=True)
    return np.concatenate([np.einsum("ncyxij,ocij->noyx", part, kernels) for part, kernels in parts], axis=1)


def _add_float_convolution(
    test: SelfTest, random: np.random.Generator, cin: int, cout: int, side: int, kernel: int, stride: int, groups: int
) -> None:
    case = f"Conv {cin}->{cout} {kernel}x{kernel} stride {stride} groups {groups}"
    x = random.standard_normal((1, cin, side, side)).astype(np.float32)
    w = random.standard_normal((cout, cin // groups, kernel, kernel)).astype(np.float32)
    expected = _convolve(x, w, kernel, stride, groups).astype(np.float32)
    tolerance = TOLERANCE * _convolve(np.abs(x), np.abs(w), kernel, stride, groups)
    names = [test.input(f"x {case}", x), test.constant(f"w {case}", w)]
    test.add("Conv", case, names, expected, tolerance, group=groups, strides=[stride] * 2, pads=[kernel // 2] * 4)


def _add_int8_convolution(
    test: SelfTest,
    random: np.random.Generator,
    cin: int,
    cout: int,
    side: int,
    kernel: int,
    stride: int,
    groups: int,
    *,
    unsigned: bool,
) -> None:
    dtype: type[np.integer] = np.uint8 if unsigned else np.int8
    zero_point = 120 if unsigned else -9
    case = f"QLinearConv {cin}->{cout} {kernel}x{kernel} stride {stride} groups {groups} {np.dtype(dtype).name} s8"
    x = _int8(random, (1, cin, side, side), dtype)
    w = _weights(random, (cout, cin // groups, kernel, kernel))
    scales = np.exp2(-random.integers(8, 11, cout)).astype(np.float32)  # per channel, powers of two
    bias = random.integers(-2000, 2000, cout).astype(np.int32)
    accumulator = _convolve(x.astype(np.int64) - zero_point, w, kernel, stride, groups) + bias.reshape(1, -1, 1, 1)
    scaled = accumulator * scales.reshape(1, -1, 1, 1)
    expected = _requantize(scaled, 1.0, zero_point, dtype)
    inputs = [
        *(test.input(f"x {case}", x), *_quantization(test, f"x {case}", 1.0, zero_point, dtype)),
        *(test.constant(f"w {case}", w), test.constant(f"w {case} scale", scales)),
        test.constant(f"w {case} zero point", np.zeros(cout, dtype=np.int8)),
        *(*_quantization(test, f"y {case}", 1.0, zero_point, dtype), test.constant(f"bias {case}", bias)),
    ]
    attributes = {"group": groups, "strides": [stride] * 2, "pads": [kernel // 2] * 4}
    test.add("QLinearConv", case, inputs, expected, np.zeros(expected.shape), **attributes)
