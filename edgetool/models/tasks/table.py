"""The table of tasks, and which one a model has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgetool.models.spec import DETECTORS, SEGMENTERS, SourceKind, Task, TensorSpec
from edgetool.models.tasks import classification, detection, regression, segmentation
from edgetool.models.tasks.base import TaskKind

TORCHVISION = {**dict.fromkeys(DETECTORS, Task.DETECTION), **dict.fromkeys(SEGMENTERS, Task.SEGMENTATION)}
CLASSIFIERS = frozenset({SourceKind.TIMM, SourceKind.HUGGING_FACE})

KINDS: Mapping[Task, TaskKind] = {
    Task.CLASSIFICATION: classification.KIND,
    Task.DETECTION: detection.KIND,
    Task.SEGMENTATION: segmentation.KIND,
    Task.REGRESSION: regression.KIND,
    Task.EMBEDDING: TaskKind(),
    Task.NONE: TaskKind(),
}


def guess_task(kind: SourceKind, name: str, outputs: Sequence[TensorSpec]) -> Task | None:
    """Return the task of a library's model, or None when it is uncertain."""
    if kind is SourceKind.TORCHVISION:
        return TORCHVISION.get(name) or (Task.CLASSIFICATION if classification.has_classes(outputs) else None)
    return Task.CLASSIFICATION if kind in CLASSIFIERS and classification.has_classes(outputs) else None


def classifies(task: Task | None, outputs: Sequence[TensorSpec], *, labelled: bool) -> bool:
    """Return whether the first output's largest value names a class: by the task, or since there are labels."""
    return classification.has_classes(outputs) and (task is Task.CLASSIFICATION or (task is None and labelled))


def kind_of(task: Task | None, outputs: Sequence[TensorSpec]) -> TaskKind:
    """Return how a model is judged. Without a task, outputs of the form of classes may have labels."""
    if task is not None:
        return KINDS[task]
    return classification.KIND if classification.has_classes(outputs) else KINDS[Task.NONE]
