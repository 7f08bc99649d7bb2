"""The shape of a series of latencies: several modes or a drift, which a single median would hide."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgetool.platform.values import value
from edgetool.records.stats import Interval, correlation_time, median_ratio

EFFECT = 0.02  # closer modes don't matter
DRIFT = 0.05
SHARE = 0.1  # smallest share of the samples in each mode
VALLEY = 0.5  # largest density between two modes, relative to the lower one
FEWEST = 30  # independent samples; fewer don't determine a density
VALUES = 10  # fewer different values show only the clock's resolution
GRID = 256


@value
class Mode:
    """A group of samples."""

    median_ns: float
    share: float


def modes(samples: Sequence[int]) -> tuple[Mode, ...]:
    """Return the two modes of a bimodal series, else ().

    Modes are maxima of a kernel density estimate of the logarithms, with a Gaussian kernel of Silverman's width
    (Silverman 1986, 3.31) for the number of independent samples. Two maxima count if the density between them falls to
    half of the lower one's, each side of the valley has a tenth of the samples, and the medians of both sides differ by
    2 %. tests/records/test_shape.py documents the error rates.
    """
    logs = np.log(np.maximum(np.asarray(samples, dtype=np.float64), 1.0))
    independent = len(logs) / correlation_time(logs.tolist()) if len(logs) else 0
    if independent < FEWEST or len(np.unique(logs)) < VALUES:
        return ()
    low, p25, p75, high = np.percentile(logs, [1, 25, 75, 99])
    kept = logs[(logs >= low) & (logs <= high)]
    spread = min(float(kept.std()), float(p75 - p25) / 1.34) or float(kept.std())
    if spread == 0:
        return ()
    width = 0.9 * spread * independent**-0.2
    grid, density = _density(kept, width)
    valley = _valley(density)
    if valley is None:
        return ()
    sides = logs[logs <= grid[valley]], logs[logs > grid[valley]]
    medians = [float(np.median(side)) if len(side) else 0.0 for side in sides]
    if min(map(len, sides)) < SHARE * len(logs) or medians[1] - medians[0] < EFFECT:
        return ()
    return tuple(
        Mode(median_ns=float(np.exp(median)), share=len(side) / len(logs))
        for median, side in zip(medians, sides, strict=True)
    )


def _density(logs: npt.NDArray[np.float64], width: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    counts, edges = np.histogram(logs, GRID)
    grid = (edges[:-1] + edges[1:]) / 2
    distances = np.arange(1 - GRID, GRID) * (grid[1] - grid[0])
    return grid, np.convolve(np.exp(-0.5 * (distances / width) ** 2), counts, mode="valid")


def _valley(density: npt.NDArray[np.float64]) -> int | None:
    """Return the deepest valley next to the highest maximum, relative to the lower of the maxima around it."""
    top = int(density.argmax())
    best, found = VALLEY, None
    for peak in _maxima(density):
        first, last = sorted((top, peak))
        if first == last:
            continue
        between = first + int(density[first : last + 1].argmin())
        if density[between] <= best * density[peak]:
            best, found = float(density[between] / density[peak]), between
    return found


def _maxima(density: npt.NDArray[np.float64]) -> list[int]:
    padded = np.concatenate([[-1.0], density, [-1.0]])
    return np.flatnonzero((padded[1:-1] > padded[:-2]) & (padded[1:-1] >= padded[2:])).tolist()


def drift(samples: Sequence[int]) -> Interval | None:
    """Return how much slower the last third of a series is than the first, or None if that is within chance or 5 %.

    Thirds are used as in Cox & Stuart's test S3 (1955), which loses little compared with all pairs. Instead of signs,
    which assume independent neighbours, the interval of the ratio of medians is used.
    """
    third = len(samples) // 3
    if third < FEWEST // 2:
        return None
    found = median_ratio(samples[-third:], samples[:third])
    return found if found.low > 1 + DRIFT or found.high < 1 - DRIFT else None
