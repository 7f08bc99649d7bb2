"""Statistics of latency samples and accuracies: pure functions of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from edgetool.platform.values import value


@value
class Interval:
    """A value with its 95 % confidence interval."""

    value: float
    low: float
    high: float


@value
class LatencySummary:
    """Derived from samples, never stored alone. All in nanoseconds but `spread`."""

    count: int
    min_ns: float
    p50_ns: float
    p90_ns: float
    p99_ns: float
    max_ns: float
    spread: float  # interquartile range ÷ median


def summarize(samples_ns: Sequence[int]) -> LatencySummary:
    """Percentiles by linear interpolation (numpy's default). Raises ValueError without samples.

    >>> summarize([10, 20, 30, 40, 50]).p50_ns
    30.0
    """
    if not samples_ns:
        raise ValueError("no samples")
    low, p25, p50, p75, p90, p99, high = np.percentile(samples_ns, [0, 25, 50, 75, 90, 99, 100]).tolist()
    return LatencySummary(
        count=len(samples_ns),
        min_ns=low,
        p50_ns=p50,
        p90_ns=p90,
        p99_ns=p99,
        max_ns=high,
        spread=(p75 - p25) / p50 if p50 else 0.0,
    )


def median_ratio(
    candidate: Sequence[int], baseline: Sequence[int], *, resamples: int = 2000, seed: int = 0
) -> Interval:
    """median(candidate) ÷ median(baseline) with its 95 % percentile-bootstrap interval (Efron & Tibshirani 1993, 13).

    >>> median_ratio([20] * 9, [10] * 9)
    Interval(value=2.0, low=2.0, high=2.0)
    """
    random = np.random.default_rng(seed)

    def medians(samples: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        array = np.asarray(samples, dtype=np.float64)
        # At most 2000 of them a resample: the interval of a median narrows no further that anyone could see.
        drawn = random.integers(0, len(array), size=(resamples, min(len(array), 2000)))
        return np.median(array[drawn], axis=1)

    ratios = medians(candidate) / np.maximum(medians(baseline), 1.0)
    low, high = np.percentile(ratios, [2.5, 97.5]).tolist()
    return Interval(value=float(np.median(candidate) / max(np.median(baseline), 1.0)), low=low, high=high)


def proportion(successes: int, trials: int) -> Interval:
    """A share with its 95 % Wilson score interval (Wilson 1927), which holds near 0 and 1 too.

    >>> round(proportion(39, 40).low, 3)
    0.871
    """
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} of {trials} is no share")
    z = NormalDist().inv_cdf(0.975)
    p = successes / trials
    centre = (p + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * (p * (1 - p) / trials + z * z / (4 * trials * trials)) ** 0.5
    return Interval(value=p, low=max(0.0, centre - half), high=min(1.0, centre + half))


def paired_difference(only_baseline: int, only_candidate: int, trials: int) -> Interval:
    """How much smaller the candidate's share of successes is, of `trials` that both took, with its 95 % interval.

    `only_baseline` trials succeeded for the baseline alone, `only_candidate` for the candidate alone: the adjusted
    Wald interval for matched pairs (Agresti & Min 2005), which adds half a trial to each of the four outcomes.

    >>> paired_difference(2, 1, 360).value
    0.002777777777777778
    """
    if trials == 0:
        raise ValueError("no trials")
    z = NormalDist().inv_cdf(0.975)
    lost, gained, n = only_baseline + 0.5, only_candidate + 0.5, trials + 2
    centre = (lost - gained) / n
    half = z * max(0.0, lost + gained - (lost - gained) ** 2 / n) ** 0.5 / n
    return Interval(
        value=(only_baseline - only_candidate) / trials, low=max(-1.0, centre - half), high=min(1.0, centre + half)
    )
