"""Which operators and types a runtime needs for given models, as ONNX Runtime's reduced-operator configuration."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import TensorProto

from edgetool.errors import ModelError

Needed = dict[tuple[str, int], set[str]]  # (domain, opset) → operators

# What the optimizer of the target's runtime may put in place of these, whatever the host's runtime makes of them.
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
    "GlobalAveragePool": ("QLinearGlobalAveragePool",),
    "AveragePool": ("QLinearAveragePool",),
    "Add": ("QLinearAdd", "BiasGelu", "BiasSoftmax"),
    "Mul": ("QLinearMul",),
    "Concat": ("QLinearConcat",),
    "LeakyRelu": ("QLinearLeakyRelu",),
    "Softmax": ("QLinearSoftmax", "BiasSoftmax"),
    "Where": ("QLinearWhere",),
}
# The same, in ONNX's own domain: quantized forms, layouts, and the constants that folding leaves behind.
ONNX_FUSIONS = {
    "Conv": ("QLinearConv",),
    "MatMul": ("QLinearMatMul", "MatMulInteger"),
    "ReduceMean": ("LayerNormalization",),
}
ALWAYS = ("Cast", "Identity", "Transpose")
# ORT's kernels assume these: it tests its reduced builds with no fewer.
BASE_TYPES = frozenset({"bool", "float", "int8_t", "int32_t", "int64_t", "uint8_t"})
CPP_TYPES = {
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


@dataclass(frozen=True, kw_only=True)
class Operators:
    """A set of operators: what it is called, and ORT's configuration for it."""

    title: str
    config: str


def operators_of(models: Sequence[Path]) -> Operators:
    """What the models need before and after ORT has optimized them. Raises ModelError."""
    needed: Needed = defaultdict(set)
    types = set(BASE_TYPES)
    for path in models:
        for model in _forms(path):
            opsets = {_domain(opset.domain): opset.version for opset in model.opset_import}
            for node in _nodes(model):
                domain = _domain(node.domain)
                if domain in opsets:
                    needed[domain, opsets[domain]].add(node.op_type)
            types |= _types(model)
    for (domain, opset), names in list(needed.items()):
        if domain == "ai.onnx":
            needed["com.microsoft", 1] |= {fused for name in names for fused in FUSIONS.get(name, ())}
            needed[domain, opset] |= {fused for name in names for fused in ONNX_FUSIONS.get(name, ())} | set(ALWAYS)
            if "QuantizeLinear" in names:
                needed["com.microsoft", 1] |= {"QuantizeLinear", "DequantizeLinear"}
    lines = [f"!globally_allowed_types;{','.join(sorted(types))}"]
    lines += [f"{domain};{opset};{','.join(sorted(names))}" for (domain, opset), names in sorted(needed.items())]
    count = sum(map(len, needed.values()))
    return Operators(
        title=f"{count} operators of {', '.join(sorted({path.stem for path in models}))}",
        config="\n".join(lines) + "\n",
    )


def _domain(name: str) -> str:
    return name or "ai.onnx"


def _forms(path: Path) -> Iterator[onnx.ModelProto]:
    """The model as it is and as the host's runtime optimizes it, level by level."""
    import onnxruntime as ort

    try:
        yield onnx.shape_inference.infer_shapes(onnx.load(path))
        with tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
            for level in (ort.GraphOptimizationLevel.ORT_ENABLE_BASIC, ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED):
                options = ort.SessionOptions()
                options.graph_optimization_level = level
                options.optimized_model_filepath = str(Path(scratch) / "optimized.onnx")
                options.log_severity_level = 3
                ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
                yield onnx.load(options.optimized_model_filepath)
    except Exception as error:
        # Neither library has a common base for what it raises on a broken model.
        raise ModelError(f"cannot read the operators of {path}: {error}") from error


def _nodes(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """All nodes, those of branches, loops and functions too."""
    waiting = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    while waiting:
        node = waiting.pop()
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                waiting.extend(graph.node)


def _types(model: onnx.ModelProto) -> set[str]:
    graph = model.graph
    numbers = {tensor.data_type for tensor in graph.initializer}
    numbers |= {value.type.tensor_type.elem_type for value in (*graph.input, *graph.output, *graph.value_info)}
    return {CPP_TYPES[number] for number in numbers if number in CPP_TYPES}
