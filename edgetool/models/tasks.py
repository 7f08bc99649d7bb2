"""Determine a model's task, which decides how its outputs are judged and named."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.models.spec import SourceKind, Task, TensorSpec

CLASSIFIERS = frozenset({SourceKind.TORCHVISION, SourceKind.TIMM, SourceKind.HUGGING_FACE})


def guess_task(kind: SourceKind, outputs: Sequence[TensorSpec]) -> Task | None:
    """Return classification for a library's classifier, or None when the task is uncertain."""
    if kind in CLASSIFIERS and has_classes(outputs):
        return Task.CLASSIFICATION
    return None


def classifies(task: Task | None, outputs: Sequence[TensorSpec], *, labelled: bool) -> bool:
    """Return whether the first output's largest value names a class: by the task, or since there are labels."""
    return has_classes(outputs) and (task is Task.CLASSIFICATION or (task is None and labelled))


def has_classes(outputs: Sequence[TensorSpec]) -> bool:
    return bool(outputs) and len(outputs[0].shape) == 2 and outputs[0].shape[1] > 1
