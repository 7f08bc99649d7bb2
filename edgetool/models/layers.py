"""Read the outputs of a model's layers, measure their noise, and put single layers back to fp32."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from edgetool.errors import ModelError
from edgetool.models.evaluate import noise_ratio_db, open_session
from edgetool.models.onnxfile import load_model
from edgetool.models.samples import Samples
from edgetool.platform.values import Text, value

Array = npt.NDArray[Any]
DEQUANTIZED = "_DequantizeLinear_Output"  # ONNX Runtime's quantizer adds it to an activation's name
WHOLE = "/fp32"
DROPPED = ("Clip", "Relu")
PAIR = ("QuantizeLinear", "DequantizeLinear")


@value
class Layer:
    """A node's name, and the tensors with its output in both models."""

    node: Text
    operator: Text
    reference: Text
    candidate: Text


def shared_layers(reference: onnx.ModelProto, candidate: onnx.ModelProto) -> tuple[Layer, ...]:
    """Return the reference's nodes whose float output the candidate also has, plain or dequantized, in graph order.

    Raises ModelError when the models share no layer.
    """
    floats = _float_shapes(reference).keys()
    there = {name for node in candidate.graph.node for name in node.output}
    found = []
    for node in reference.graph.node:
        name = next((output for output in node.output if output in floats), None)
        if name is None or node.op_type in PAIR:
            continue
        same = name if name in there else None
        if (twin := f"{name}{DEQUANTIZED}" if f"{name}{DEQUANTIZED}" in there else same) is not None:
            found.append(Layer(node=node.name or name, operator=node.op_type, reference=name, candidate=twin))
    if not found:
        raise ModelError(
            "the two models share no layer: no tensor of the one has a twin in the other",
            hint="compare an fp32 model with the int8 model in QDQ form that was made of it",
        )
    return tuple(found)


def _float_shapes(model: onnx.ModelProto) -> dict[str, onnx.ValueInfoProto]:
    inferred = onnx.shape_inference.infer_shapes(model).graph
    entries = (*inferred.value_info, *inferred.output)
    return {entry.name: entry for entry in entries if entry.type.tensor_type.elem_type == TensorProto.FLOAT}


def with_outputs(model: onnx.ModelProto, tensors: Sequence[str]) -> onnx.ModelProto:
    """Return the model with these tensors as its only outputs. Raises ModelError for a tensor of unknown shape."""
    shapes = _float_shapes(model)
    made = onnx.ModelProto()
    made.CopyFrom(model)
    del made.graph.output[:]
    for name in tensors:
        entry = shapes.get(name) or shapes.get(name.removesuffix(DEQUANTIZED))
        if entry is None:
            raise ModelError(f"the shape of {name!r} is unknown", hint="export the model again with fixed shapes")
        output = made.graph.output.add()
        output.CopyFrom(entry)
        output.name = name
    return made


def outputs_of(model: onnx.ModelProto, samples: Samples) -> Iterable[list[Array]]:
    """Yield the outputs of each sample, run in this machine's runtime."""
    with tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
        path = Path(scratch) / "model.onnx"
        onnx.save(model, path)
        session = open_session(path)
        for feeds in samples.feeds():
            yield session.run(None, feeds)


def signal_to_noise(reference: Iterable[list[Array]], candidate: Iterable[list[Array]]) -> list[float]:
    """Return each output's signal-to-noise ratio in dB over all samples. Raises ModelError when shapes differ."""
    sums: npt.NDArray[np.float64] | None = None
    for one, other in zip(reference, candidate, strict=True):
        pairs = [(a.astype(np.float64), b.astype(np.float64)) for a, b in zip(one, other, strict=True)]
        if any(a.shape != b.shape for a, b in pairs):
            raise ModelError("outputs of the two models differ in shape")
        squares = np.array([(np.square(a).sum(), np.square(a - b).sum()) for a, b in pairs])
        sums = squares if sums is None else sums + squares
    return [] if sums is None else [noise_ratio_db(signal, noise) for signal, noise in sums.tolist()]


@dataclass(frozen=True, kw_only=True)
class Restorable:
    """A QDQ model whose nodes can be put back to fp32 one by one, without another quantization."""

    fp32: onnx.ModelProto
    int8: onnx.ModelProto

    @classmethod
    def of(cls, fp32: Path, int8: Path) -> Restorable:
        """Pair the two models' nodes. Raises ModelError for a model that isn't in QDQ form."""
        made = cls(fp32=load_model(fp32), int8=load_model(int8))
        if not made.nodes:
            raise ModelError(f"{int8.name} has no node between QuantizeLinear and DequantizeLinear")
        return made

    @property
    def nodes(self) -> tuple[str, ...]:
        """Return the nodes that read or write a quantized activation and are in the fp32 model too, in graph order."""
        known = {node.name for node in self.fp32.graph.node if node.name}
        pairs = _pairs(self.int8)
        quantized = {*pairs, *pairs.values()}
        return tuple(
            node.name
            for node in self.int8.graph.node
            if node.name in known and node.op_type not in PAIR and quantized & {*node.input, *node.output}
        )

    def restored(self, names: Iterable[str]) -> onnx.ModelProto:
        """Return the model as if the quantizer had kept these nodes in fp32, with their fp32 weights.

        An activation stays quantized when another node that writes or reads it is quantized.
        """
        kept = set(names)
        model = onnx.ModelProto()
        model.CopyFrom(self.int8)
        graph = model.graph
        original = {node.name: node for node in self.fp32.graph.node}
        weights = {tensor.name: tensor for tensor in self.fp32.graph.initializer}
        pairs = _pairs(model)
        held = {tensor.name for tensor in graph.initializer}
        neighbours: dict[str, set[str]] = {name: set() for name in pairs}
        dequantized = {twin: name for name, twin in pairs.items()}
        for node in graph.node:
            if node.op_type not in PAIR:
                for name in (*node.input, *node.output):
                    if (activation := dequantized.get(name, name)) in neighbours:
                        neighbours[activation].add(node.name)
        bypassed = {pairs[name]: name for name, ends in neighbours.items() if ends <= kept}
        bypassed |= {twin: _reactivated(graph, self.fp32, name) for twin, name in bypassed.items()}
        for node in graph.node:
            if node.op_type in PAIR:
                continue
            for i, name in enumerate(node.input):
                if name in bypassed:
                    node.input[i] = bypassed[name]
                elif node.name in kept and name not in dequantized and i < len(original[node.name].input):
                    weight = weights.get(original[node.name].input[i])
                    if weight is not None:
                        node.input[i] = whole = f"{weight.name}{WHOLE}"  # its own name may be a dequantized twin's
                        if whole not in held:
                            tensor = graph.initializer.add()
                            tensor.CopyFrom(weight)
                            tensor.name = whole
                            held.add(whole)
        # A pair may end in an output of the model, which keeps its name.
        outputs = {entry.name for entry in graph.output}
        for node in graph.node:
            if node.op_type == "DequantizeLinear" and node.output[0] in bypassed and node.output[0] in outputs:
                source = bypassed[node.output[0]]
                node.CopyFrom(helper.make_node("Identity", [source], [node.output[0]], name=node.name))
        return model


def _reactivated(graph: onnx.GraphProto, fp32: onnx.ModelProto, name: str) -> str:
    """What to read in place of an activation that is no longer quantized.

    The quantizer drops a Relu or Clip whose bounds are those of the quantized range: it comes back.
    """
    producer = next((node for node in fp32.graph.node if name in node.output), None)
    place = next((i for i, node in enumerate(graph.node) if name in node.output), None)
    if producer is None or place is None or producer.op_type not in DROPPED or graph.node[place].name == producer.name:
        return name
    bounds = []
    for bound in producer.input[1:]:
        tensor = next((tensor for tensor in fp32.graph.initializer if tensor.name == bound), None)
        if tensor is not None:
            own = graph.initializer.add()
            own.CopyFrom(tensor)
            own.name = f"{name}/{bound}"
        bounds.append(bound if tensor is None else f"{name}/{bound}")
    again = onnx.NodeProto()
    again.CopyFrom(producer)
    del again.input[:], again.output[:]
    again.input.extend([name, *bounds])
    again.output.append(whole := f"{name}{WHOLE}")
    graph.node.insert(place + 1, again)
    return whole


def _pairs(model: onnx.ModelProto) -> dict[str, str]:
    """Map each activation to its dequantized twin."""
    sources = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "QuantizeLinear"}
    return {
        sources[node.input[0]]: node.output[0]
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in sources
    }


def smallest_cause(names: Sequence[str], holds: Callable[[Sequence[str]], bool]) -> tuple[str, ...]:
    """Return a minimal set of names for which `holds` is true, by QuickXplain (Junker 2004). It must hold for all.

    No name in the set can be left out. For k of n names, `holds` is called about k log₂(n ÷ k) times.
    """

    def explain(kept: list[str], has_grown: bool, left: Sequence[str]) -> list[str]:
        if has_grown and holds(kept):
            return []
        if len(left) == 1:
            return list(left)
        first, second = left[: len(left) // 2], left[len(left) // 2 :]
        of_second = explain([*kept, *first], True, second)
        of_first = explain([*kept, *of_second], bool(of_second), first)
        return [*of_first, *of_second]

    return tuple(explain([], True, names)) if names else ()


def noise_of(restorable: Restorable, samples: Samples) -> Callable[[Sequence[str]], float]:
    """Return a function from nodes put back to fp32 to the worst output's signal-to-noise ratio in dB."""
    reference = list(outputs_of(restorable.fp32, samples))
    known: dict[frozenset[str], float] = {}

    def ratio(names: Sequence[str]) -> float:
        key = frozenset(names)
        if key not in known:
            known[key] = min(signal_to_noise(reference, outputs_of(restorable.restored(names), samples)))
        return known[key]

    return ratio
