"""Tuning: recipes are searched, the promising ones judged by more and more images, the best measured on the target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from edgetool.errors import ConfigError, QuantizeError
from edgetool.estimates.cores import load_core
from edgetool.models.evaluate import open_session, run_samples
from edgetool.models.images import Split
from edgetool.models.layers import Restorable, noise_of, smallest_cause
from edgetool.models.opsets import DEFAULT_OPSET
from edgetool.models.quantize import Quantization, prepared
from edgetool.models.recipes import Recipe
from edgetool.models.samples import Samples
from edgetool.models.spec import ModelArtifact, Task
from edgetool.models.tasks.base import Score, Truth, no_agreement
from edgetool.models.tasks.table import KINDS, kind_of
from edgetool.pipeline import steps
from edgetool.pipeline.candidates import Candidate, recommend
from edgetool.pipeline.costs import TIME, Cost, costs_on_target
from edgetool.pipeline.images import ImageSource
from edgetool.pipeline.plan import PlannedModel
from edgetool.pipeline.search import search
from edgetool.platform.context import StepContext
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.values import FileName, Name, NonNegative, Text, value
from edgetool.records.paired import paired_score
from edgetool.records.stats import Interval, paired_difference, proportion

A = TypeVar("A")
TRIALS = 16
RUNGS = (0.25, 1.0)  # of the held-out images; half of the candidates reach the next (Jamieson & Talwalkar 2016)
FINALISTS = 4
STEPS_DB = (3.0, 6.0)  # that keeping nodes in fp32 is to gain
MOST_KEPT = 0.5  # of the nodes: to keep more is to deploy fp32
SENSITIVITY_SAMPLES = 8
OUTPUTS_BYTES = 512 << 20  # of a detector or segmenter that are held at once: of so many images it is judged
JOURNAL, RESULT, RECIPE = "search.journal", "tuning.json", "recipe.json"


@value
class Tuning:
    """The file `tuning.json`: fp32 and the finalists, and which of them to deploy."""

    SCHEMA: ClassVar[int] = 1
    schema: int = SCHEMA
    model: FileName
    target: Name
    unit: Name | None  # of costs: "ns", "estimated cycles on CORE"; None where the target has none that mean anything
    judged_by: Name  # "accuracy", "agreement with fp32", "mAP", "mAP against fp32", "signal to noise"
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
    """A model with its classes of the held-out images, or its score; neither where only noise judges it."""

    artifact: ModelArtifact
    recipe: Recipe | None
    classes: npt.NDArray[np.int64] | None = None
    score: Score | None = None


@dataclass(frozen=True, kw_only=True)
class _Judge:
    """Inputs to judge on, and what is right or, where nobody says, what fp32 makes of them; empty for classifiers."""

    samples: Samples
    truth: Truth
    against: str = ""

    @classmethod
    def of(cls, fp32: ModelArtifact, samples: Samples) -> _Judge:
        kind = kind_of(fp32.spec.task, fp32.spec.outputs)
        if kind is KINDS[Task.CLASSIFICATION] or kind.take_for_true is no_agreement:
            return cls(samples=samples, truth={})
        outputs = _outputs(fp32, samples)
        if fp32.spec.accuracy_means_something and (score := _share(kind.judge(outputs, samples.truth))) and score.value:
            return cls(samples=samples, truth=samples.truth)
        return cls(samples=samples, truth=kind.take_for_true(outputs), against=" against fp32")

    def __call__(self, artifact: ModelArtifact, recipe: Recipe | None) -> _Judged:
        kind = kind_of(artifact.spec.task, artifact.spec.outputs)
        if kind is KINDS[Task.CLASSIFICATION]:
            outputs = next(iter(_outputs(artifact, self.samples).values()))
            classes = outputs.reshape(len(outputs), -1).argmax(axis=1)
            return _Judged(artifact=artifact, recipe=recipe, classes=classes)
        score = _share(kind.judge(_outputs(artifact, self.samples), self.truth)) if self.truth else None
        return _Judged(artifact=artifact, recipe=recipe, score=score)


def _outputs(artifact: ModelArtifact, samples: Samples) -> dict[str, npt.NDArray[Any]]:
    found = run_samples(open_session(artifact.path), samples)
    return {tensor.name: np.asarray(array) for tensor, array in zip(artifact.spec.outputs, found, strict=True)}


def _share(scores: Sequence[Score]) -> Score | None:
    """Return the first score of which a hundredth is a point."""
    return next((score for score in scores if score.has_points), None)


def tune(
    model: PlannedModel, target: str, folder: Path, context: StepContext, *, core: str, trials: int = TRIALS
) -> Tuning:
    """Search recipes for a model on a target; `folder` keeps what was tried, and an interrupted search goes on there.

    On an emulated target the cost is the estimated cycles of `core`. Writes tuning.json, and recipe.json where an int8
    model is recommended. Raises ConfigError without images or Optuna, ModelError, and what measuring on the target
    raises.
    """
    load_core(core)  # an unknown name is told before minutes of searching
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
    if kind_of(fp32.spec.task, fp32.spec.outputs) is not KINDS[Task.CLASSIFICATION]:
        held_out = _first(held_out, max(1, OUTPUTS_BYTES // _output_bytes(fp32)))
    judging, finalists = _halved(fp32, [(recipe, quantized(recipe)) for recipe in recipes], held_out, context)
    judged = [judging(fp32, None), *finalists]
    costs, unit = costs_on_target([entry.artifact for entry in judged], model, source, target, context, core)
    reference = judged[0].classes
    labels = held_out.labels if fp32.spec.accuracy_means_something else None
    truth = reference if reference is None or labels is None else labels[: len(reference)]
    judged_by = "signal to noise"
    if reference is not None:
        judged_by = "accuracy" if labels is not None else "agreement with fp32"
    elif judged[0].score is not None:
        judged_by = judged[0].score.name + judging.against
    candidates = tuple(_candidate(entry, judged[0], truth, cost) for entry, cost in zip(judged, costs, strict=True))
    best, is_clear, reason = recommend(candidates, "95 %" if unit == TIME else "by overlap")
    tuning = Tuning(
        model=fp32.spec.name,
        target=target,
        unit=unit,
        judged_by=judged_by,
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
) -> tuple[_Judge, list[_Judged]]:
    """The judge of all images and its finalists: at each rung the better half sees more images."""
    left = list(candidates)
    judged: list[_Judged] = []
    for share in RUNGS:
        left = passing(left, max(FINALISTS, (len(left) + 1) // 2))
        some = _first(held_out, max(1, round(share * len(held_out))))
        with context.progress.step(f"{len(left)} candidates on {len(some)} inputs"):
            judge = _Judge.of(fp32, some)
            reference = judge(fp32, None).classes
            judged = [judge(artifact, recipe) for recipe, artifact in left]
        judged.sort(key=lambda entry: _merit(entry, reference), reverse=True)  # a stable order
        left = [(entry.recipe, entry.artifact) for entry in judged if entry.recipe is not None]
    finalists = {recipe for recipe, _ in passing(left, FINALISTS)}
    return judge, [entry for entry in judged if entry.recipe in finalists]


def passing(ranked: Sequence[tuple[Recipe, A]], count: int) -> list[tuple[Recipe, A]]:
    """Return the first of a ranking, and the first that keeps nothing in floating point.

    Noise alone would rank it behind those that keep some nodes, and only the finalists' costs are measured.
    """
    passed = list(ranked[:count])
    whole = next((each for each in ranked if not each[0].keep_float), None)
    if whole is not None and all(recipe.keep_float for recipe, _ in passed):
        passed[-1] = whole
    return passed


def _merit(entry: _Judged, reference: npt.NDArray[np.int64] | None) -> tuple[float, float]:
    """Return the share of classes that are fp32's, or the score, and then signal to noise."""
    noise = entry.artifact.spec.signal_to_noise_db or 0.0
    if entry.classes is not None:
        return float(np.mean(entry.classes == reference)), noise
    return 0.0 if entry.score is None else entry.score.value, noise


def _first(samples: Samples, count: int) -> Samples:
    images = {name: len(array) // len(samples) for name, array in samples.truth.items()}  # of a sample: its batch
    return replace(
        samples,
        arrays={name: array[:count] for name, array in samples.arrays.items()},
        truth={name: array[: count * images[name]] for name, array in samples.truth.items()},
    )


def _output_bytes(artifact: ModelArtifact) -> int:
    return sum(math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize for tensor in artifact.spec.outputs) or 1


def _candidate(entry: _Judged, fp32: _Judged, truth: npt.NDArray[np.int64] | None, cost: Cost) -> Candidate:
    known = Candidate(
        recipe=entry.recipe,
        size_bytes=entry.artifact.spec.size_bytes,
        signal_to_noise_db=entry.artifact.spec.signal_to_noise_db,
        cost=cost.cost,
        cost_ratio=cost.ratio,
    )
    if entry.score is not None and fp32.score is not None:
        value, before = entry.score.value, fp32.score.value
        loss = paired_score(fp32.score, entry.score) or Interval(value=before - value, low=-1.0, high=1.0)  # too few
        accuracy = entry.score.interval or Interval(value=value, low=0.0, high=1.0)
        return replace(known, accuracy=accuracy, loss=None if entry.recipe is None else loss)
    if entry.classes is None or fp32.classes is None or truth is None:
        return known
    right, before_right = entry.classes == truth, fp32.classes == truth
    return replace(
        known,
        accuracy=proportion(int(right.sum()), len(truth)),
        loss=None
        if entry.recipe is None
        else paired_difference(int((before_right & ~right).sum()), int((right & ~before_right).sum()), len(truth)),
    )
