"""Rows of estimates: a counted mix, a core, an interval of cycles and the limiting part."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from edgetool.estimates.cores import Core
from edgetool.estimates.estimate import ARITHMETIC, Bound, Estimate, estimate, geometric_mean, runs_on
from edgetool.harness.instructions import InstructionMix
from edgetool.measurements.instructions import InstructionCounts
from edgetool.platform.values import Name, Text, value

KIND = "estimated"  # marks every row wherever it is shown


@value
class Interval:
    low: float
    high: float


@value
class OperatorEstimate:
    """The estimate for all nodes of one operator."""

    operator: Name
    cycles: Interval
    bound_by: Bound
    share: float  # of the sum of all operators' midpoints


@value
class EstimateRow:
    """The estimate of a counted mix on a core. No time was measured, which `kind` states in every row."""

    of: Text  # what was counted
    core: Name
    core_title: Name
    kind: Name = KIND
    cycles: Interval
    ms: Interval  # at the core's clock
    bound_by: Bound
    parts: dict[Bound, float]  # cycles that each part is busy
    with_memory: bool  # whether the caches were modelled
    operators: tuple[OperatorEstimate, ...] = ()
    caveat: Text | None = None

    @property
    def alu(self) -> float:
        """The cycles of the busiest arithmetic unit."""
        return max(self.parts[bound] for bound in ARITHMETIC)

    @property
    def middle(self) -> float:
        """The geometric middle of the interval in cycles."""
        return math.sqrt(self.cycles.low * self.cycles.high)


def row(of: str, mix: InstructionMix, core: Core, *, counts: InstructionCounts | None = None) -> EstimateRow:
    """Estimate a mix on a core, including its operators when `counts` has them."""
    found = estimate(mix, core)
    return EstimateRow(
        of=of,
        core=core.name,
        core_title=core.title,
        cycles=Interval(low=found.low, high=found.high),
        ms=Interval(low=found.ms(found.low), high=found.ms(found.high)),
        bound_by=found.binding,
        parts=found.bounds,
        with_memory=found.memory is not None,
        operators=() if counts is None else tuple(_operators(counts, core)),
        caveat=core.caveat,
    )


def rows(of: str, counts: InstructionCounts, cores: Iterable[Core]) -> tuple[EstimateRow, ...]:
    """Return a row for each core that would execute the counted instructions."""
    mix = counts.mean
    return tuple(row(of, mix, core, counts=counts) for core in cores if runs_on(mix, counts.vlen_bits, core))


def _operators(counts: InstructionCounts, core: Core) -> Iterator[OperatorEstimate]:
    found: list[tuple[str, Estimate]] = [(entry.operator, estimate(entry.mix, core)) for entry in counts.operators]
    everything = sum(each.middle for _, each in found)
    for operator, each in sorted(found, key=lambda entry: -entry[1].middle):
        yield OperatorEstimate(
            operator=operator,
            cycles=Interval(low=each.low, high=each.high),
            bound_by=each.binding,
            share=each.middle / everything if everything else 0.0,
        )


@value
class Judgement:
    """The comparison of a candidate kernel with a baseline on every core for which both were estimated."""

    ratios: dict[Name, float]  # midpoints, candidate ÷ baseline, by core
    worst_core: Name
    worst: float
    geometric_mean: float


def judge(baseline: Sequence[EstimateRow], candidate: Sequence[EstimateRow]) -> Judgement | None:
    """Compare a candidate with a baseline. Return None when they share no core."""
    before = {line.core: line for line in baseline}
    ratios = {
        line.core: line.middle / before[line.core].middle
        for line in candidate
        if line.core in before and before[line.core].middle > 0
    }
    if not ratios:
        return None
    worst_core = max(ratios, key=lambda core: ratios[core])
    return Judgement(
        ratios=ratios,
        worst_core=worst_core,
        worst=ratios[worst_core],
        geometric_mean=geometric_mean(ratios.values()),
    )
