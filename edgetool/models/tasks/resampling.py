"""How far a score depends on the samples that happened to be held out: the same score of samples drawn again.

The draws are those of the bootstrap (Efron & Tibshirani 1993): as many samples as there are, with replacement. Each
is a weight for every sample, so that a metric made of sums over samples is computed for all draws at once.
"""

from __future__ import annotations

import numpy as np

from edgetool.models.tasks.base import Array, Score
from edgetool.records.stats import resampled_interval

DRAWS = 200  # a standard error of so many is right to a twentieth
SEED = 95


def weights(samples: int) -> Array:
    """Return how often each sample counts, (1 + DRAWS, samples): once in the first row, then as often as it is drawn.

    They are the same for as many samples, so that the scores of two models on the same samples are paired.
    """
    random = np.random.default_rng(SEED)
    rows = [np.bincount(random.integers(samples, size=samples), minlength=samples) for _ in range(DRAWS)]
    return np.array([np.ones(samples), *rows], np.float64)


def score_of(name: str, values: Array, samples: int, *, higher_is_better: bool | None, is_share: bool = False) -> Score:
    """Return the score of values in the order of `weights`: the first is the score, the others are its draws'."""
    value, *resampled = (float(f"{each:.6g}") for each in values.tolist())
    return Score(
        name=name,
        value=value,
        samples=samples,
        higher_is_better=higher_is_better,
        is_share=is_share,
        interval=resampled_interval(value, resampled, samples, is_share=is_share),
        resampled=tuple(resampled),
    )
