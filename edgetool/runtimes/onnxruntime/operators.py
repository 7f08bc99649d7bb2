"""Determine the operators and types that models need, as ONNX Runtime's reduced-operator configuration."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import TensorProto

from edgetool.errors import ModelError
from edgetool.models.spec import Precision
from edgetool.runtimes.onnxruntime.selftest import build_selftest

Needed = dict[tuple[str, int], set[str]]  # (domain, opset) → operators

# Operators that the target's optimizer may substitute, even if the host's optimizer doesn't.
FUSIONS = {
    "Conv": ("FusedConv", "QLinearConv"),
    "Gemm": ("FusedGemm", "QGemm"),
    "MatMul": ("FusedMatMul", "MatMulIntegerToFloat", "DynamicQuantizeMatMul"),
    "Erf": ("Gelu", "BiasGelu", "FastGelu"),
    "Gelu": ("Gelu", "BiasGelu", "FastGelu"),
    "Tanh": ("FastGelu",),
    "Sigmoid": ("QuickGelu", "QLinearSigmoid"),
    "LayerNormalization": ("SkipLayerNormalization", "SimplifiedLayerNormalization"),
    "ReduceMean": ("QLinearReduceMean", "QLinearGlobalAveragePool"),
    "MaxPool": ("NhwcMaxPool",),
    "GlobalAveragePool": ("QLinearGlobalAveragePool",),
    "AveragePool": ("QLinearAveragePool",),
    "Add": ("QLinearAdd", "BiasGelu", "BiasSoftmax"),
    "Mul": ("QLinearMul",),
    "Concat": ("QLinearConcat",),
    "LeakyRelu": ("QLinearLeakyRelu",),
    "Softmax": ("QLinearSoftmax", "BiasSoftmax"),
    "Where": ("QLinearWhere",),
}
# Substitutes in ONNX's own domain: quantized forms, layouts, and constants left by folding.
ONNX_FUSIONS = {
    "Conv": ("QLinearConv",),
    "MatMul": ("QLinearMatMul", "MatMulInteger"),
    "ReduceMean": ("LayerNormalization",),
}
# Substitutes on processors whose vector kernels need channel blocks.
BLOCKED_FUSIONS = {
    "Conv": ("Conv", "ReorderInput", "ReorderOutput"),
    "MaxPool": ("MaxPool",),
    "GlobalMaxPool": ("GlobalMaxPool",),
    "AveragePool": ("AveragePool",),
    "GlobalAveragePool": ("GlobalAveragePool",),
    "Resize": ("Upsample",),
}
ALWAYS = ("Cast", "Identity", "Transpose")
# ONNX Runtime's kernels assume these types, and its tests of reduced builds always include them.
BASE_TYPES = frozenset({"bool", "float", "int8_t", "int32_t", "int64_t", "uint8_t"})
CPP_TYPES: Mapping[int, str] = {
    TensorProto.FLOAT: "float",
    TensorProto.DOUBLE: "double",
    TensorProto.FLOAT16: "MLFloat16",
    TensorProto.BFLOAT16: "BFloat16",
    TensorProto.BOOL: "bool",
    TensorProto.STRING: "std::string",
    TensorProto.INT8: "int8_t",
    TensorProto.INT16: "int16_t",
    TensorProto.INT32: "int32_t",
    TensorProto.INT64: "int64_t",
    TensorProto.UINT8: "uint8_t",
    TensorProto.UINT16: "uint16_t",
    TensorProto.UINT32: "uint32_t",
    TensorProto.UINT64: "uint64_t",
}


FLOAT8 = frozenset(
    {TensorProto.FLOAT8E4M3FN, TensorProto.FLOAT8E4M3FNUZ, TensorProto.FLOAT8E5M2, TensorProto.FLOAT8E5M2FNUZ}
)


@dataclass(frozen=True, kw_only=True)
class Operators:
    """A set of operators: its title, ONNX Runtime's configuration for it, and options that disable unused features."""

    title: str
    config: str
    unused: tuple[str, ...]


def operators_of(models: Sequence[Path]) -> Operators:
    """Return the operators that the models and the self-test need, before and after optimization. Raises ModelError."""
    needed: Needed = defaultdict(set)
    numbers: set[int] = set()
    kinds: set[str] = set()
    with tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
        selftest = Path(scratch) / "selftest.onnx"

        def forms() -> Iterator[onnx.ModelProto]:
            for path in models:
                yield from _forms(path)
            half = TensorProto.FLOAT16 in numbers
            test = build_selftest([Precision.FP16] if half else [])
            onnx.save(test.model(), selftest)
            yield from _forms(selftest)

        for form in forms():
            opsets = {_domain(opset.domain): opset.version for opset in form.opset_import}
            for node in _nodes(form):
                domain = _domain(node.domain)
                if domain in opsets:
                    needed[domain, opsets[domain]].add(node.op_type)
            numbers |= set(_numbers(form))
            kinds |= set(_kinds(form))
    for (domain, opset), names in list(needed.items()):
        if domain == "ai.onnx":
            needed["com.microsoft", 1] |= _fused(names, FUSIONS)
            needed["com.microsoft.nchwc", 1] |= _fused(names, BLOCKED_FUSIONS)
            needed[domain, opset] |= _fused(names, ONNX_FUSIONS) | set(ALWAYS)
            if "QuantizeLinear" in names:
                needed["com.microsoft", 1] |= {"QuantizeLinear", "DequantizeLinear", "QLinearLookup"}
    types = BASE_TYPES | {CPP_TYPES[number] for number in numbers if number in CPP_TYPES}
    lines = [f"!globally_allowed_types;{','.join(sorted(types))}"]
    lines += [
        f"{domain};{opset};{','.join(sorted(names))}" for (domain, opset), names in sorted(needed.items()) if names
    ]
    count = len({(domain, name) for (domain, _), names in needed.items() for name in names})
    used = {
        "ML_OPS": "ai.onnx.ml" in {domain for domain, _ in needed},
        "FLOAT8_TYPES": bool(numbers & FLOAT8),
        "SPARSE_TENSORS": "sparse_tensor_type" in kinds,
        "OPTIONAL_TYPE": "optional_type" in kinds,
    }
    return Operators(
        title=f"{count} operators of {', '.join(sorted({path.stem for path in models}))}",
        config="\n".join(lines) + "\n",
        unused=tuple(f"onnxruntime_DISABLE_{name}" for name, is_used in used.items() if not is_used),
    )


def _fused(names: set[str], fusions: Mapping[str, tuple[str, ...]]) -> set[str]:
    return {fused for name in names for fused in fusions.get(name, ())}


def _domain(name: str) -> str:
    return name or "ai.onnx"


def _forms(path: Path) -> Iterator[onnx.ModelProto]:
    """Yield the model as it is, and as the host's runtime optimizes it at each level."""
    import onnxruntime as ort

    try:
        yield onnx.shape_inference.infer_shapes(onnx.load(path))
        with tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
            for level in (ort.GraphOptimizationLevel.ORT_ENABLE_BASIC, ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED):
                options = ort.SessionOptions()
                options.graph_optimization_level = level
                options.optimized_model_filepath = str(Path(scratch) / "optimized.onnx")
                options.log_severity_level = 4
                ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
                yield onnx.load(options.optimized_model_filepath)
    except Exception as error:
        # The libraries' exceptions for a damaged model have no common base.
        raise ModelError(f"cannot read the operators of {path}: {error}") from error


def _nodes(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """Yield all nodes, including those of branches, loops and functions."""
    for graph in _graphs(model):
        yield from graph.node
    for function in model.functions:
        yield from function.node


def _graphs(model: onnx.ModelProto) -> Iterator[onnx.GraphProto]:
    """Yield the model's graph and those of branches and loops."""
    waiting = [model.graph]
    nodes = [node for function in model.functions for node in function.node]
    while waiting or nodes:
        if waiting:
            graph = waiting.pop()
            yield graph
            nodes.extend(graph.node)
        else:
            for attribute in nodes.pop().attribute:
                waiting.extend([*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs])


def _values(model: onnx.ModelProto) -> Iterator[onnx.ValueInfoProto]:
    for graph in _graphs(model):
        yield from (*graph.input, *graph.output, *graph.value_info)


def _numbers(model: onnx.ModelProto) -> Iterator[int]:
    """Yield the element types of all tensors as ONNX's numbers."""
    yield from (value.type.tensor_type.elem_type for value in _values(model))
    yield from (tensor.data_type for graph in _graphs(model) for tensor in graph.initializer)
    yield from (attribute.t.data_type for node in _nodes(model) for attribute in node.attribute)


def _kinds(model: onnx.ModelProto) -> Iterator[str]:
    """Yield the kinds of values: "tensor_type", "optional_type" and so on."""
    yield from (kind for value in _values(model) if (kind := value.type.WhichOneof("value")))
    sparse = any(graph.sparse_initializer for graph in _graphs(model))
    if sparse or any(attribute.HasField("sparse_tensor") for node in _nodes(model) for attribute in node.attribute):
        yield "sparse_tensor_type"
