"""Two models, or one in two places, layer by layer: where the noise begins, and which nodes to keep in fp32."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx

from edgetool.bundles import Bundle
from edgetool.errors import ConfigError
from edgetool.harness.bench import open_bench
from edgetool.models.artifacts import request_of
from edgetool.models.images import Split
from edgetool.models.layers import (
    Array,
    Layer,
    Restorable,
    noise_of,
    outputs_of,
    shared_layers,
    signal_to_noise,
    smallest_cause,
    with_outputs,
)
from edgetool.models.onnxfile import load_model
from edgetool.models.quantize import prepared
from edgetool.models.samples import Samples
from edgetool.models.spec import ModelArtifact, Precision, TensorSpec
from edgetool.pipeline import steps
from edgetool.pipeline.images import ImageSource
from edgetool.pipeline.plan import load_configured
from edgetool.platform.context import StepContext
from edgetool.platform.files import sha256_file
from edgetool.platform.values import Text, value

SAMPLES = 8
EXACT_DB = 60.0  # between models of one precision: rounding alone
QUANTIZED_DB = 10.0  # from fp32 to 8 bits
OUTPUTS = 60  # of one start of the harness, which takes 64 at most


@value
class LayerNoise:
    """What a layer's output has of noise, in dB of signal to noise against the reference on this machine."""

    layer: Layer
    host_db: float | None  # None for one model in two places
    target_db: float | None  # None without a target

    @property
    def worst_db(self) -> float:
        return min(db for db in (self.host_db, self.target_db) if db is not None)


@value
class Diff:
    """Layers in the reference's order."""

    reference: Text
    candidate: Text
    target: Text | None
    least_db: float
    layers: tuple[LayerNoise, ...]
    kept: tuple[Text, ...] | None = None  # nodes to keep in fp32; None unless it was bisected
    kept_db: float | None = None  # of the worst output then

    @property
    def first(self) -> LayerNoise | None:
        """The first layer with more noise than it may have."""
        return next((layer for layer in self.layers if layer.worst_db < self.least_db), None)


def diff(
    reference: ModelArtifact,
    candidate: ModelArtifact,
    source: ImageSource | None,
    context: StepContext,
    *,
    target: str | None = None,
    least_db: float | None = None,
    samples: int = SAMPLES,
    bisect: bool = False,
) -> Diff:
    """Compare the candidate's layers with the reference's on held-out inputs.

    The reference runs on this machine, the candidate here and on `target`. With `bisect` a smallest set of nodes is
    found that must stay in fp32 for every output to have `least_db`. Raises ModelError for models without layers in
    common, ConfigError without inputs, and what measuring on the target raises.
    """
    request = request_of(reference)
    if source is None:
        raise ConfigError("there are no inputs to compare on", hint="give --held-out, a folder of pictures or an .npz")
    if candidate.spec.inputs != reference.spec.inputs:
        raise ConfigError(f"{reference.path.name} and {candidate.path.name} have different inputs")
    inputs = source.samples(request, reference.spec, Split.HELD_OUT, samples)
    same_precision = reference.spec.precision == candidate.spec.precision
    least_db = least_db if least_db is not None else EXACT_DB if same_precision else QUANTIZED_DB
    with _comparable(reference, candidate) as path:
        one, other = load_model(path), load_model(candidate.path)
        layers = shared_layers(one, other)
        with context.progress.step(f"{len(layers)} layers on this machine"):
            expected = list(outputs_of(with_outputs(one, [layer.reference for layer in layers]), inputs))
            on_host = None
            if reference.path != candidate.path:
                there = outputs_of(with_outputs(other, [layer.candidate for layer in layers]), inputs)
                on_host = signal_to_noise(expected, there)
        on_target: list[float] | None = None
        if target is not None:
            found = _on_target(other, candidate, layers, inputs, source, context, target, samples)
            on_target = signal_to_noise(expected, found)
        kept = kept_db = None
        if bisect:
            kept, kept_db = _bisect(path, candidate, inputs, least_db, context)
    unknown: list[float | None] = [None] * len(layers)
    noises = zip(layers, on_host or unknown, on_target or unknown, strict=True)
    return Diff(
        reference=reference.path.name,
        candidate=candidate.path.name,
        target=target,
        least_db=least_db,
        layers=tuple(LayerNoise(layer=layer, host_db=host, target_db=there) for layer, host, there in noises),
        kept=kept,
        kept_db=kept_db,
    )


@contextmanager
def _comparable(reference: ModelArtifact, candidate: ModelArtifact) -> Iterator[Path]:
    """The reference as the quantizer saw it, so that its nodes are called as in what was made of it."""
    if reference.spec.precision != Precision.FP32 or candidate.spec.precision != Precision.INT8:
        yield reference.path
        return
    with TemporaryDirectory(prefix="edgetool-") as scratch:
        yield prepared(reference.path, Path(scratch) / "prepared.onnx")


def _bisect(
    fp32: Path, candidate: ModelArtifact, inputs: Samples, least_db: float, context: StepContext
) -> tuple[tuple[str, ...], float]:
    restorable = Restorable.of(fp32, candidate.path)
    ratio = noise_of(restorable, inputs)
    with context.progress.step(f"bisect {len(restorable.nodes)} nodes") as step:
        kept = () if ratio([]) >= least_db else smallest_cause(restorable.nodes, lambda names: ratio(names) >= least_db)
        step.note(f"{len(kept)} to keep in fp32")
    return kept, ratio(kept)


def _on_target(
    model: onnx.ModelProto,
    candidate: ModelArtifact,
    layers: Sequence[Layer],
    inputs: Samples,
    source: ImageSource,
    context: StepContext,
    target: str,
    samples: int,
) -> Iterator[list[Array]]:
    """The layers' outputs in the target's own runtime: models with some of them as outputs each, in one bundle."""
    kit = steps.provision(load_configured(target, {}, images=samples), context)
    names = list(dict.fromkeys(layer.candidate for layer in layers))
    with TemporaryDirectory(prefix="edgetool-") as scratch:
        parts = [
            _part(model, candidate, names[start : start + OUTPUTS], Path(scratch) / f"{start}.onnx")
            for start in range(0, len(names), OUTPUTS)
        ]
        bundle = steps.package(parts, kit, request_of(candidate), source, context)
        outputs = _run(bundle, kit, context, len(inputs))
    for i in range(len(inputs)):
        yield [outputs[layer.candidate][i] for layer in layers]


def _part(model: onnx.ModelProto, candidate: ModelArtifact, names: Sequence[str], path: Path) -> ModelArtifact:
    onnx.save(made := with_outputs(model, names), path)
    outputs = tuple(
        TensorSpec(
            name=entry.name, dtype="float32", shape=tuple(axis.dim_value for axis in entry.type.tensor_type.shape.dim)
        )
        for entry in made.graph.output
    )
    spec = replace(
        candidate.spec,
        name=f"layers-{path.stem}",
        sha256=sha256_file(path),
        size_bytes=path.stat().st_size,
        outputs=outputs,
    )
    return ModelArtifact(path=path, spec=spec)


def _run(bundle: Bundle, kit: steps.Kit, context: StepContext, samples: int) -> dict[str, Array]:
    found: dict[str, Array] = {}
    with open_bench(bundle, kit.target, context) as bench, context.progress.step(f"layers on {kit.target.name}"):
        for part in bundle.manifest.models:
            outputs = bench.run(part, outputs=True, samples=samples).outputs
            for tensor in part.spec.outputs:
                found[tensor.name] = outputs[tensor.name].reshape(samples, *tensor.shape)
    return found
