"""What a model is for, which decides how its outputs are judged and what they are called."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.models.spec import SourceKind, Task, TensorSpec

CLASSIFIERS = frozenset({SourceKind.TORCHVISION, SourceKind.TIMM, SourceKind.HUGGING_FACE})


def guess_task(kind: SourceKind, outputs: Sequence[TensorSpec]) -> Task | None:
    """Classification for a library's classifier; None where nothing makes it certain."""
    if kind in CLASSIFIERS and has_classes(outputs):
        return Task.CLASSIFICATION
    return None


def classifies(task: Task | None, outputs: Sequence[TensorSpec], *, labelled: bool) -> bool:
    """Whether the largest of the first output's values is a class: it is said to be, or there are labels for it."""
    return has_classes(outputs) and (task is Task.CLASSIFICATION or (task is None and labelled))


def has_classes(outputs: Sequence[TensorSpec]) -> bool:
    return bool(outputs) and len(outputs[0].shape) == 2 and outputs[0].shape[1] > 1
