"""Steps in a history: where a metric changed for good, rather than by chance."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from edgetool.platform.values import value
from edgetool.records.stats import Interval

EFFECT = 0.02  # a smaller step matters to nobody
SHORTEST = 2  # points on each side: a single one may be an outlier
PENALTY = 3.0  # of a step, in units of the logarithm of the number of points; see tests/records/test_steps.py


@value
class Step:
    """`after` is the index of the first point behind the step, `ratio` the medians' on its two sides."""

    after: int
    ratio: float


def find_steps(points: Sequence[Interval]) -> tuple[Step, ...]:
    """Where the logarithm of a series in order of time is best cut into constant pieces; () where nothing changed.

    The pieces minimize the points' absolute distances from their piece's median, each weighted by what its interval
    and the series' own scatter leave it, plus a penalty for each step: the piecewise constant fit of airspeed velocity
    (asv/step_detect.py), whose penalty follows from the number of points as in Schwarz's criterion (Yao 1988).
    """
    count = len(points)
    if count < 2 * SHORTEST:
        return ()
    logs = np.log([max(point.value, 1e-300) for point in points])
    own = np.array([math.log(max(point.high, 1e-300) / max(point.low, 1e-300)) / (2 * 1.96) for point in points])
    # From neighbours' differences, which a step hardly moves; 1.4826 makes a median deviation a standard deviation.
    scatter = 1.4826 * float(np.median(np.abs(np.diff(logs)))) / math.sqrt(2)
    deviations = np.sqrt(own**2 + scatter**2) + 1e-9
    penalty = PENALTY * math.log(count)
    best, cuts = np.full(count + 1, math.inf), np.zeros(count + 1, dtype=int)
    best[0] = -penalty
    for end in range(SHORTEST, count + 1):
        for start in range(end - SHORTEST + 1):
            if not math.isfinite(best[start]):
                continue
            piece = slice(start, end)
            cost = float(np.sum(np.abs(logs[piece] - np.median(logs[piece])) / deviations[piece]))
            if best[start] + penalty + cost < best[end]:
                best[end], cuts[end] = best[start] + penalty + cost, start
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
