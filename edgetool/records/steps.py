"""Find steps in a history: lasting changes of a metric, as opposed to chance."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgetool.platform.values import value
from edgetool.records.stats import Interval

EFFECT = 0.02  # smaller steps don't matter
SHORTEST = 2  # minimum points on each side, since a single one may be an outlier
PENALTY = 3.0  # for each step, times the logarithm of the number of points; see tests/records/test_steps.py


@value
class Step:
    """`after` is the index of the first point after the step. `ratio` is that of the medians on both sides."""

    after: int
    ratio: float


def find_steps(points: Sequence[Interval]) -> tuple[Step, ...]:
    """Find where the logarithm of a series in time order is best divided into constant pieces; () without changes.

    The pieces minimize the absolute distances of the points from the median of their piece, weighted by each point's
    interval and the scatter of the series, plus a penalty for each step. This is the piecewise constant fit of airspeed
    velocity (asv/step_detect.py), with a penalty that follows from the number of points as in Schwarz's criterion (Yao
    1988).
    """
    count = len(points)
    if count < 2 * SHORTEST:
        return ()
    logs = np.log([max(point.value, 1e-300) for point in points])
    own = np.array([math.log(max(point.high, 1e-300) / max(point.low, 1e-300)) / (2 * 1.96) for point in points])
    # From differences of neighbours, which steps hardly affect. 1.4826 converts a median to a standard deviation.
    scatter = 1.4826 * float(np.median(np.abs(np.diff(logs)))) / math.sqrt(2)
    deviations = np.sqrt(own**2 + scatter**2) + 1e-9
    penalty = PENALTY * math.log(count)
    costs = _costs(logs, deviations)
    best, cuts = np.full(count + 1, math.inf), np.zeros(count + 1, dtype=int)
    best[0] = -penalty
    for end in range(SHORTEST, count + 1):
        for start in range(end - SHORTEST + 1):
            if not math.isfinite(best[start]):
                continue
            cost = best[start] + penalty + costs[start, end]
            if cost < best[end]:
                best[end], cuts[end] = cost, start
    ends, end = [count], count
    while end > 0:
        end = int(cuts[end])
        ends.append(end)
    edges = ends[::-1]
    found = []
    for start, cut, end in zip(edges, edges[1:], edges[2:], strict=False):
        ratio = math.exp(float(np.median(logs[cut:end]) - np.median(logs[start:cut])))
        if abs(ratio - 1) >= EFFECT:
            found.append(Step(after=cut, ratio=ratio))
    return tuple(found)


def _costs(logs: npt.NDArray[np.float64], deviations: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of each piece from a start to an end: its points' distances from its median, in deviations."""
    count = len(logs)
    costs = np.full((count, count + 1), math.inf)
    for start in range(count):
        ordered: list[float] = []
        medians = []
        for log in logs[start:]:
            insort(ordered, log)
            medians.append((ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2)
        distances = np.abs(logs[start:] - np.array(medians)[:, None]) / deviations[start:]
        costs[start, start + 1 :] = np.tril(distances).sum(axis=1)
    return costs
