"""Accuracy: run the held-out inputs on the target and judge the outputs as the model's task is judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgetool.bundles import Bundle, BundledModel, truth_of
from edgetool.errors import HarnessError
from edgetool.harness.bench import Bench, title
from edgetool.harness.harness import Outputs, finite_outputs
from edgetool.measurements.reading import Instrument, Reading
from edgetool.models.spec import Task
from edgetool.models.tasks.base import Score, TaskKind
from edgetool.models.tasks.own import own_scores
from edgetool.models.tasks.table import KINDS, classifies, kind_of
from edgetool.platform.format import plural
from edgetool.platform.values import NonNegative, Positive, Sha256, value

TOP = 5
NOTHING = TaskKind().doing  # what is said of a task without a verb


@value
class Accuracy:
    images: Positive
    inputs_sha256: Sha256
    predictions: tuple[int, ...]  # the class with the largest logit, in the order of the images
    labels: tuple[int, ...] | None = None  # None without labels, or when the model's accuracy is meaningless
    correct_top5: NonNegative | None = None  # labels among the five largest logits; None with five classes or fewer

    def __post_init__(self) -> None:
        """Check the lengths. Raises ValueError, naming the field, unless each has one entry per image."""
        for name, found in (("predictions", self.predictions), ("labels", self.labels)):
            if found is not None and len(found) != self.images:
                raise ValueError(f"{len(found)} {name} of {self.images} images")

    def correct_of_first(self, count: int) -> int | None:
        """Return how many of the first `count` images were classified correctly, or None without labels."""
        if self.labels is None:
            return None
        pairs = zip(self.predictions[:count], self.labels[:count], strict=True)
        return sum(predicted == label for predicted, label in pairs)


def measure(bench: Bench, model: BundledModel) -> Reading:
    """Run every sample once, separately from the timing, since this may use more threads.

    The measurement is None for a model that doesn't classify; its outputs are returned all the same, and scores where
    its task has a metric and there is truth. Raises HarnessError when outputs are missing or not finite, ModelError for
    outputs that the task's metric can't read, ConfigError for a metric of the user's that fails.
    """
    manifest, evaluation = bench.bundle.manifest, bench.target.evaluation
    wanted = manifest.inputs[0].samples if manifest.inputs else 1
    kind = kind_of(model.spec.task, model.spec.outputs)
    is_classifier = kind is KINDS[Task.CLASSIFICATION]
    judged = _classifies(bench.bundle, model) if is_classifier else manifest.truth is not None
    does = f"{kind.doing} {plural(wanted, 'image')}"
    if not judged or kind.doing == NOTHING:
        does = f"{NOTHING} {plural(wanted, 'sample')}"
    with bench.context.progress.step(f"{does}, {model.spec.precision} on {bench.place}") as step:
        outcome = bench.run(
            model,
            threads=evaluation.threads,
            outputs=True,
            on_sample=lambda done: step.count(done, wanted, "samples"),
        )
        outputs = outcome.outputs
        if outcome.run.samples != wanted or not outputs:
            raise HarnessError(
                f"{title(model)}: ran {outcome.run.samples} of {wanted} samples with {len(outputs)} outputs"
            )
        if not finite_outputs(list(outputs.values())):
            raise HarnessError(f"{title(model)}: the outputs are not finite numbers")
        accuracy = _judge(bench.bundle, model, outputs, samples=wanted)
        scores = _scores(bench, model, outputs, samples=wanted)
        found = [f"{score.name} {score.value:.4g}" for score in scores]
        if accuracy is not None and accuracy.labels is not None:
            found.insert(0, f"{accuracy.correct_of_first(accuracy.images)} correct")
        if found:
            step.note(", ".join(found))
    return Reading(measurement=accuracy, outcome=outcome, outputs=outputs, scores=scores)


def _classifies(bundle: Bundle, model: BundledModel) -> bool:
    labelled = bundle.manifest.labels is not None
    return not bundle.manifest.noise and classifies(model.spec.task, model.spec.outputs, labelled=labelled)


def _judge(bundle: Bundle, model: BundledModel, outputs: Outputs, *, samples: int) -> Accuracy | None:
    """Classify as many rows as inputs were given. Labels that don't cover all of them are ignored."""
    logits = next(iter(outputs.values()))
    if not _classifies(bundle, model) or logits.ndim != 2 or logits.shape[1] < 2:
        return None
    predictions = logits[: samples * bundle.manifest.inputs[0].tensor.shape[0]].argmax(axis=1)
    labels = bundle.manifest.labels if model.spec.accuracy_means_something else None
    if labels is not None and len(labels) < len(predictions):
        labels = None
    return Accuracy(
        images=len(predictions),
        inputs_sha256=bundle.manifest.inputs[0].sha256,
        predictions=tuple(predictions.tolist()),
        labels=None if labels is None else labels[: len(predictions)],
        correct_top5=None if labels is None else correct_among(logits[: len(predictions)], labels[: len(predictions)]),
    )


def _scores(bench: Bench, model: BundledModel, outputs: Outputs, *, samples: int) -> tuple[Score, ...]:
    """Judge by the task's metric, unless the weights are random, and by the user's own."""
    manifest = bench.bundle.manifest
    if not manifest.inputs or manifest.noise:
        return ()
    shape = manifest.inputs[0].tensor.shape
    total, count = manifest.inputs[0].samples, samples
    truth = truth_of(bench.bundle)
    if manifest.labels is not None:
        truth = {**truth, "labels": np.array(manifest.labels, np.int64)}
    if shape and any(len(array) == total * shape[0] for array in truth.values()):  # by image, not by batch
        count = samples * shape[0]
    truth = {name: array[:count] for name, array in truth.items()}
    outputs = {name: array[:count] if len(array) >= count else array for name, array in outputs.items()}
    kind = kind_of(model.spec.task, model.spec.outputs)
    scores: tuple[Score, ...] = ()
    if model.spec.accuracy_means_something:
        scores = kind.judge(outputs, {name: array for name, array in truth.items() if name != "labels"})
    return (*scores, *own_scores(bench.metrics, outputs, truth, count))


def correct_among(logits: npt.NDArray[np.generic], labels: Sequence[int], count: int = TOP) -> int | None:
    """Count the rows whose label is among the `count` largest logits, or None with no more classes than that.

    >>> correct_among(np.array([[0.1, 0.9, 0.5], [0.1, 0.9, 0.5]]), [2, 0], count=2)
    1
    """
    if logits.shape[1] <= count:
        return None
    largest = np.argsort(logits, axis=1)[:, -count:]
    return int((largest == np.asarray(labels)[:, np.newaxis]).any(axis=1).sum())


INSTRUMENT = Instrument(measure=measure)
