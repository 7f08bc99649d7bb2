"""Regression: the mean absolute error of every output that the truth has an array for."""

from __future__ import annotations

import numpy as np

from edgetool.errors import ModelError
from edgetool.models.tasks.base import Array, Outputs, Score, TaskKind, Truth
from edgetool.models.tasks.resampling import score_of, weights


def judge(outputs: Outputs, truth: Truth) -> tuple[Score, ...]:
    """Return Σ |output − truth| ÷ count for outputs by name. Raises ModelError where more than axes of one differ."""
    scores = []
    for name in outputs.keys() & truth.keys():
        if _longer_axes(outputs[name]) != _longer_axes(truth[name]):
            raise ModelError(f"output {name!r} is {outputs[name].shape}, truth_{name} {truth[name].shape}")
        right = truth[name].astype(np.float64).reshape(outputs[name].shape)
        errors = np.abs(np.asarray(outputs[name], np.float64) - right)
        samples = len(errors)
        means = weights(samples) @ errors.reshape(samples, -1).mean(axis=1) / samples
        scores.append(score_of(f"MAE of {name}", means, samples, higher_is_better=False))
    return tuple(sorted(scores, key=lambda score: score.name))


def _longer_axes(array: Array) -> tuple[int, ...]:
    """Return the shape without a sample's axes of length one, such as the batch that truth may have or leave out."""
    return (len(array), *(length for length in array.shape[1:] if length > 1))


KIND = TaskKind(judge=judge)
