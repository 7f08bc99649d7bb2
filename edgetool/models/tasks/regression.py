"""Regression: the mean absolute error of every output that the truth has an array for."""

from __future__ import annotations

import numpy as np

from edgetool.errors import ModelError
from edgetool.models.tasks.base import Outputs, Score, TaskKind, Truth
from edgetool.models.tasks.resampling import score_of, weights


def judge(outputs: Outputs, truth: Truth) -> tuple[Score, ...]:
    """Return Σ |output − truth| ÷ count for outputs by name. Raises ModelError for another shape."""
    scores = []
    for name in outputs.keys() & truth.keys():
        if outputs[name].shape != truth[name].shape:
            raise ModelError(f"output {name!r} is {outputs[name].shape}, truth_{name} {truth[name].shape}")
        errors = np.abs(np.asarray(outputs[name], np.float64) - truth[name].astype(np.float64))
        samples = len(errors)
        means = weights(samples) @ errors.reshape(samples, -1).mean(axis=1) / samples
        scores.append(score_of(f"MAE of {name}", means, samples, higher_is_better=False))
    return tuple(sorted(scores, key=lambda score: score.name))


KIND = TaskKind(judge=judge)
