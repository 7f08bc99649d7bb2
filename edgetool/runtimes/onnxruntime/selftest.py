"""Numeric self-test: a small model with known outputs, run before anything is timed.

ONNX Runtime 1.11 to 1.20 multiplied matrices wrongly on riscv64: B was packed sixteen columns wide where the scalar
kernel read four, and rows past the second were skipped (onnxruntime #22530, #20030, fixed by #22125). The shapes below
straddle those widths, with B constant (packed once), given at run time (packed in each call) and transposed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgetool.models.spec import Precision
from edgetool.runtimes.selftest import CONVOLUTIONS, Array, SelfTest, convolve

GEMM_SHAPES = ((1, 2, 2), (2, 2, 2), (3, 5, 4), (5, 3, 17), (4, 64, 15), (7, 33, 16), (17, 129, 33))  # M, K, N
# Reordered sums of K products differ by at most K · 2⁻²⁴ of the sum of magnitudes; a wrong kernel differs by O(1).
TOLERANCE = 1e-5
OPSET = 16


@dataclass
class OnnxSelfTest(SelfTest):
    """The model under construction."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    model_name = "model.onnx"
    remedy = (
        "package another runtime: ONNX Runtime before 1.21 is wrong on riscv64, "
        "and 1.21 is on aarch64 in fp16 convolutions of groups"
    )

    def write_model(self, path: Path) -> None:
        onnx.save(self.model(), path)

    def constant(self, name: str, array: Array) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def add(
        self, operator: str, case: str, inputs: list[str], expected: Array, tolerance: Array, **attributes: Any
    ) -> None:
        self.nodes.append(helper.make_node(operator, inputs, [case], name=case, **attributes))
        self.expect(case, expected, tolerance)

    def half(self, name: str, array: Array) -> str:
        """Add an fp32 input of the model, and return the name of its fp16 form."""
        half = f"{name} fp16"
        self.nodes.append(
            helper.make_node("Cast", [self.input(name, array)], [half], name=half, to=onnx.TensorProto.FLOAT16)
        )
        return half

    def add_half(self, operator: str, case: str, inputs: list[str], expected: Array, **attributes: Any) -> None:
        """Add a node that gives fp16, and a cast of it to fp32. What is expected is exact."""
        half = f"{case} fp16"
        self.nodes.append(helper.make_node(operator, inputs, [half], name=half, **attributes))
        exact = np.zeros(expected.shape)
        self.add("Cast", case, [half], expected.astype(np.float32), exact, to=onnx.TensorProto.FLOAT)

    def model(self) -> onnx.ModelProto:
        def values(arrays: Mapping[str, Array]) -> list[onnx.ValueInfoProto]:
            return [
                helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
                for name, array in arrays.items()
            ]

        graph = helper.make_graph(self.nodes, "selftest", values(self.inputs), values(self.expected), self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def build_selftest(precisions: Collection[Precision] = tuple(Precision)) -> OnnxSelfTest:
    """Build the self-test: always the same model, inputs and expected outputs, with fp16 among the precisions or not.

    A runtime that is wrong in fp16 alone may run all other models.
    """
    test = OnnxSelfTest()
    random = np.random.default_rng(0)
    for m, k, n in GEMM_SHAPES:
        _add_float_gemm(test, random, m, k, n)
        _add_int8_gemm(test, random, m, k, n)
    for shape in CONVOLUTIONS:
        _add_float_convolution(test, random, *shape)
        for unsigned in (False, True):
            _add_int8_convolution(test, random, *shape, unsigned=unsigned)
    if Precision.FP16 in precisions:
        for transposed in (False, True):
            _add_half_gemm(test, random, 5, 300, 33, transposed=transposed)
        for shape in CONVOLUTIONS:
            _add_half_convolution(test, random, *shape)
    return test


def _add_float_gemm(test: OnnxSelfTest, random: np.random.Generator, m: int, k: int, n: int) -> None:
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


def _add_half_gemm(
    test: OnnxSelfTest, random: np.random.Generator, m: int, k: int, n: int, *, transposed: bool
) -> None:
    case = f"Gemm {m}x{k}x{n} fp16{' transposed B' if transposed else ''}"
    a, b, bias = _integers(random, (m, k), 2), _integers(random, (k, n), 1), _integers(random, (n,), 3)
    names = [
        test.half(f"a {case}", a),
        test.constant(f"b {case}", (b.T if transposed else b).astype(np.float16)),
        test.constant(f"bias {case}", bias.astype(np.float16)),
    ]
    test.add_half("Gemm", case, names, a @ b + bias, transB=int(transposed))


def _add_half_convolution(
    test: OnnxSelfTest,
    random: np.random.Generator,
    cin: int,
    cout: int,
    side: int,
    kernel: int,
    stride: int,
    groups: int,
) -> None:
    case = f"Conv {cin}->{cout} {kernel}x{kernel} stride {stride} groups {groups} fp16"
    x = _integers(random, (1, cin, side, side), 2)
    w = _integers(random, (cout, cin // groups, kernel, kernel), 1)
    bias = _integers(random, (cout,), 3)
    names = [
        test.half(f"x {case}", x),
        test.constant(f"w {case}", w.astype(np.float16)),
        test.constant(f"bias {case}", bias.astype(np.float16)),
    ]
    expected = np.maximum(convolve(x, w, kernel, stride, groups) + bias.reshape(1, -1, 1, 1), 0)
    test.nodes.append(
        helper.make_node(
            "Conv",
            names,
            [f"conv {case}"],
            group=groups,
            strides=[stride] * 2,
            pads=[kernel // 2] * 4,
            name=f"conv {case}",
        )
    )
    test.add_half("Relu", case, [f"conv {case}"], expected)


def _integers(random: np.random.Generator, shape: tuple[int, ...], most: int) -> Array:
    """Return small integers: fp16 has all sums of them up to 2048, which every order of additions gives."""
    return random.integers(-most, most + 1, shape).astype(np.float32)


def _requantize(accumulator: Array, multiplier: float, zero_point: int, dtype: type[np.integer]) -> Array:
    """Return round-half-even(accumulator · multiplier) + zero point, saturated. Exact for powers of two."""
    limits = np.iinfo(dtype)
    scaled = np.rint(accumulator.astype(np.float64) * multiplier) + zero_point
    return np.asarray(np.clip(scaled, limits.min, limits.max), dtype=dtype)


def _quantization(test: OnnxSelfTest, name: str, scale: float, zero_point: int, dtype: type[np.integer]) -> list[str]:
    return [
        test.constant(f"{name} scale", np.asarray(scale, dtype=np.float32)),
        test.constant(f"{name} zero point", np.asarray(zero_point, dtype=dtype)),
    ]


def _int8(random: np.random.Generator, shape: tuple[int, ...], dtype: type[np.integer]) -> Array:
    limits = np.iinfo(dtype)
    return random.integers(limits.min, limits.max + 1, shape).astype(dtype)


def _weights(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return weights within ±63: x86-64 without VNNI adds two products in 16 bits, which larger weights overflow."""
    return random.integers(-63, 64, shape).astype(np.int8)


def _add_int8_gemm(test: OnnxSelfTest, random: np.random.Generator, m: int, k: int, n: int) -> None:
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


def _add_float_convolution(
    test: OnnxSelfTest,
    random: np.random.Generator,
    cin: int,
    cout: int,
    side: int,
    kernel: int,
    stride: int,
    groups: int,
) -> None:
    case = f"Conv {cin}->{cout} {kernel}x{kernel} stride {stride} groups {groups}"
    x = random.standard_normal((1, cin, side, side)).astype(np.float32)
    w = random.standard_normal((cout, cin // groups, kernel, kernel)).astype(np.float32)
    expected = convolve(x, w, kernel, stride, groups).astype(np.float32)
    tolerance = TOLERANCE * convolve(np.abs(x), np.abs(w), kernel, stride, groups)
    names = [test.input(f"x {case}", x), test.constant(f"w {case}", w)]
    test.add("Conv", case, names, expected, tolerance, group=groups, strides=[stride] * 2, pads=[kernel // 2] * 4)


def _add_int8_convolution(
    test: OnnxSelfTest,
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
    accumulator = convolve(x.astype(np.int64) - zero_point, w, kernel, stride, groups) + bias.reshape(1, -1, 1, 1)
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
