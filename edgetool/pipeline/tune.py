"""Tuning: recipes are searched, the promising ones judged by more and more images, the best measured on the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from edgetool.errors import ConfigError, QuantizeError
from edgetool.models.evaluate import open_session, run_samples
from edgetool.models.images import Split
from edgetool.models.layers import Restorable, noise_of, smallest_cause
from edgetool.models.opsets import DEFAULT_OPSET
from edgetool.models.quantize import Quantization, prepared
from edgetool.models.recipes import Recipe
from edgetool.models.samples import Samples
from edgetool.models.spec import ModelArtifact, Task
from edgetool.models.tasks.table import KINDS, kind_of
from edgetool.pipeline import steps
from edgetool.pipeline.candidates import Candidate, recommend
from edgetool.pipeline.costs import Cost, costs_on_target
from edgetool.pipeline.images import ImageSource
from edgetool.pipeline.plan import PlannedModel
from edgetool.pipeline.search import search
from edgetool.platform.context import StepContext
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.values import FileName, Name, NonNegative, Text, value
from edgetool.records.stats import paired_difference, proportion

TRIALS = 16
RUNGS = (0.25, 1.0)  # of the held-out images; half of the candidates reach the next (Jamieson & Talwalkar 2016)
FINALISTS = 4
STEPS_DB = (3.0, 6.0)  # that keeping nodes in fp32 is to gain
MOST_KEPT = 0.5  # of the nodes: to keep more is to deploy fp32
SENSITIVITY_SAMPLES = 8
JOURNAL, RESULT, RECIPE = "search.journal", "tuning.json", "recipe.json"


@value
class Tuning:
    """The file `tuning.json`: fp32 and the finalists, and which of them to deploy."""

    SCHEMA: ClassVar[int] = 1
    schema: int = SCHEMA
    model: FileName
    target: Name
    unit: Name | None  # of costs: "ns", "weighted instructions"; None where the target has none that mean anything
    judged_by: Name  # "accuracy", "agreement with fp32", "signal to noise"
    tried: NonNegative
    candidates: tuple[Candidate, ...]
    best: NonNegative  # index
    is_clear: bool  # the intervals leave no doubt
    reason: Text

    @property
    def recommended(self) -> Candidate:
        return self.candidates[self.best]


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """A model with its classes of the held-out images, or None where it doesn't classify."""

    artifact: ModelArtifact
    recipe: Recipe | None
    classes: npt.NDArray[np.int64] | None


def tune(model: PlannedModel, target: str, folder: Path, context: StepContext, *, trials: int = TRIALS) -> Tuning:
    """Search recipes for a model on a target; `folder` keeps what was tried, and an interrupted search goes on there.

    Writes tuning.json, and recipe.json where an int8 model is recommended. Raises ConfigError without images or Optuna,
    ModelError, and what measuring on the target raises.
    """
    source = model.images()
    if source is None:
        raise ConfigError("there are no images to calibrate with", hint="give --calibration DIR")
    fp32 = steps.export(model.request, source, context, opset=DEFAULT_OPSET, weights_mirror=model.weights_mirror)
    kept = _sets_to_keep(fp32, model, source, context)

    def quantized(recipe: Recipe) -> ModelArtifact:
        return steps.quantize(fp32, model.request, source, context, quantization=Quantization.STATIC, recipe=recipe)

    def judge(recipe: Recipe) -> tuple[float, int] | None:
        try:
            spec = quantized(recipe).spec
        except QuantizeError:
            return None
        return (spec.signal_to_noise_db or 0.0, spec.size_bytes)

    recipes = search(folder / JOURNAL, kept, trials, judge)
    if not recipes:
        raise QuantizeError(f"{fp32.spec.name}: no recipe could be followed")
    held_out = source.samples(model.request, fp32.spec, Split.HELD_OUT, 10_000)
    finalists = _halved(fp32, [(recipe, quantized(recipe)) for recipe in recipes], held_out, context)
    judged = [_judge(fp32, None, held_out), *finalists]
    costs, unit = costs_on_target([entry.artifact for entry in judged], model, source, target, context)
    reference = judged[0].classes
    labels = held_out.labels if fp32.spec.accuracy_means_something else None
    truth = reference if reference is None or labels is None else labels[: len(reference)]
    judged_by = "accuracy" if labels is not None else "agreement with fp32"
    candidates = tuple(_candidate(entry, reference, truth, cost) for entry, cost in zip(judged, costs, strict=True))
    best, is_clear, reason = recommend(candidates)
    tuning = Tuning(
        model=fp32.spec.name,
        target=target,
        unit=unit,
        judged_by="signal to noise" if reference is None else judged_by,
        tried=trials,
        candidates=candidates,
        best=best,
        is_clear=is_clear,
        reason=reason,
    )
    write_document(folder / RESULT, tuning)
    if tuning.recommended.recipe is not None:
        write_document(folder / RECIPE, tuning.recommended.recipe)
    return tuning


@value
class _Kept:
    sets: tuple[tuple[Name, ...], ...]


def _sets_to_keep(
    fp32: ModelArtifact, model: PlannedModel, source: ImageSource, context: StepContext
) -> tuple[tuple[str, ...], ...]:
    """None, and the smallest sets of nodes whose precision gains a few dB, by bisecting the default recipe's model."""
    int8 = steps.quantize(fp32, model.request, source, context, quantization=Quantization.STATIC)

    def make(folder: Path) -> None:
        samples = source.samples(model.request, fp32.spec, Split.CALIBRATION, SENSITIVITY_SAMPLES)
        with TemporaryDirectory(prefix="edgetool-") as scratch:
            restorable = Restorable.of(prepared(fp32.path, Path(scratch) / "prepared.onnx"), int8.path)
            noise = noise_of(restorable, samples)
            sets: dict[tuple[str, ...], None] = {(): None}
            for gain in STEPS_DB:
                wanted = noise([]) + gain

                def holds(names: Sequence[str], wanted: float = wanted) -> bool:
                    return noise(names) >= wanted

                found = smallest_cause(restorable.nodes, holds)
                if len(found) <= MOST_KEPT * len(restorable.nodes):
                    sets[found] = None
        write_document(folder / "kept.json", _Kept(sets=tuple(sets)))
        step.note(", ".join(str(len(nodes)) for nodes in sets))

    inputs = {"recipe": 2, "fp32": fp32.spec.sha256, "int8": int8.spec.sha256, "images": source.digests()}
    with context.progress.step("bisect for nodes to keep in fp32") as step:
        entry = context.store.entry("kept", inputs, make, force=context.force)
        return read_document(entry.path / "kept.json", _Kept).sets


def _halved(
    fp32: ModelArtifact, candidates: Sequence[tuple[Recipe, ModelArtifact]], held_out: Samples, context: StepContext
) -> list[_Judged]:
    """The finalists: at each rung the better half, by agreement with fp32 and then by noise, sees more images.

    Of a model that doesn't classify they are those with the least noise.
    """
    left = list(candidates)
    if kind_of(fp32.spec.task, fp32.spec.outputs) is not KINDS[Task.CLASSIFICATION]:
        left.sort(key=lambda entry: -(entry[1].spec.signal_to_noise_db or 0.0))  # a stable order
        return [_Judged(artifact=artifact, recipe=recipe, classes=None) for recipe, artifact in left[:FINALISTS]]
    judged: list[_Judged] = []
    for share in RUNGS:
        left = left[: max(FINALISTS, (len(left) + 1) // 2)]
        some = _first(held_out, max(1, round(share * len(held_out))))
        with context.progress.step(f"{len(left)} candidates on {len(some)} inputs"):
            reference = _judge(fp32, None, some).classes
            judged = [_judge(artifact, recipe, some) for recipe, artifact in left]
        judged.sort(key=lambda entry: -float(np.mean(entry.classes == reference)))  # a stable order
        left = [(entry.recipe, entry.artifact) for entry in judged if entry.recipe is not None]
    return judged[:FINALISTS]


def _first(samples: Samples, count: int) -> Samples:
    return replace(samples, arrays={name: array[:count] for name, array in samples.arrays.items()})


def _judge(artifact: ModelArtifact, recipe: Recipe | None, samples: Samples) -> _Judged:
    if kind_of(artifact.spec.task, artifact.spec.outputs) is not KINDS[Task.CLASSIFICATION]:
        return _Judged(artifact=artifact, recipe=recipe, classes=None)
    outputs = np.asarray(run_samples(open_session(artifact.path), samples)[0])
    classes = outputs.reshape(len(outputs), -1).argmax(axis=1)
    return _Judged(artifact=artifact, recipe=recipe, classes=classes)


def _candidate(
    entry: _Judged, reference: npt.NDArray[np.int64] | None, truth: npt.NDArray[np.int64] | None, cost: Cost
) -> Candidate:
    known = Candidate(
        recipe=entry.recipe,
        size_bytes=entry.artifact.spec.size_bytes,
        signal_to_noise_db=entry.artifact.spec.signal_to_noise_db,
        cost=cost.cost,
        cost_ratio=cost.ratio,
    )
    if entry.classes is None or reference is None or truth is None:
        return known
    right, before = entry.classes == truth, reference == truth
    return replace(
        known,
        accuracy=proportion(int(right.sum()), len(truth)),
        loss=None
        if entry.recipe is None
        else paired_difference(int((before & ~right).sum()), int((right & ~before).sum()), len(truth)),
    )
