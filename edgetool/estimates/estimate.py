"""Cycles of an instruction mix on a core: an interval between perfect overlap of its parts and none."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum

from edgetool.estimates.cores import Core
from edgetool.harness.instructions import InstructionMix
from edgetool.harness.ops import UNIT_OF, Unit
from edgetool.platform.values import Name, value


class Bound(StrEnum):
    """What a core can be busy with all the time."""

    VECTOR = "vector"
    INTEGER = "integer"
    FLOAT = "float"
    LOAD_STORE = "load/store"
    ISSUE = "issue"
    MEMORY = "memory"


@value
class Estimate:
    """Cycles that each part of a core is busy with a mix; no time was measured.

    `low` is perfect overlap, the busiest part alone; `high` is none, the arithmetic of the busiest unit, loads and
    stores, issue and memory one after the other. Without a model of the caches memory is None and in neither.
    """

    core: Name
    clock_hz: float
    vector: float
    integer: float
    float_: float
    load_store: float
    issue: float
    memory: float | None

    @property
    def bounds(self) -> dict[Bound, float]:
        return {
            Bound.VECTOR: self.vector,
            Bound.INTEGER: self.integer,
            Bound.FLOAT: self.float_,
            Bound.LOAD_STORE: self.load_store,
            Bound.ISSUE: self.issue,
            Bound.MEMORY: self.memory or 0.0,
        }

    @property
    def alu(self) -> float:
        """The busiest of the units for arithmetic."""
        return max(self.vector, self.integer, self.float_)

    @property
    def low(self) -> float:
        return max(self.bounds.values())

    @property
    def high(self) -> float:
        return self.alu + self.load_store + self.issue + (self.memory or 0.0)

    @property
    def middle(self) -> float:
        """The geometric mean of both ends: what estimates are compared by."""
        return math.sqrt(self.low * self.high)

    @property
    def binding(self) -> Bound:
        """The part that is busiest."""
        return max(self.bounds, key=lambda bound: self.bounds[bound])

    def ms(self, cycles: float) -> float:
        """At the core's clock."""
        return cycles / self.clock_hz * 1e3


def estimate(mix: InstructionMix, core: Core) -> Estimate:
    """Raises ConfigError where the core has no such instruction."""
    busy: dict[Unit, float] = defaultdict(float)
    for cell in mix.cells:
        busy[UNIT_OF[cell.op]] += core.cycles(cell)
    load, store = busy[Unit.LOAD], busy[Unit.STORE]
    return Estimate(
        core=core.name,
        clock_hz=core.clock_hz.value,
        vector=busy[Unit.VECTOR],
        integer=busy[Unit.INTEGER],
        float_=busy[Unit.FLOAT],
        load_store=load + store if core.shared_ports else max(load, store),
        issue=mix.raw / core.issue_width.value,
        memory=_memory(mix, core),
    )


def _memory(mix: InstructionMix, core: Core) -> float | None:
    """Cycles of what left the model of the core's own caches."""
    traffic = next((traffic for traffic in mix.traffic if traffic.cache == core.name), None)
    if traffic is None:
        return None
    caches = core.caches
    return (
        traffic.beyond_l1_bytes / caches.l2_bytes_per_cycle.value
        + traffic.beyond_l2_bytes / caches.memory_bytes_per_cycle.value
    )


def runs_on(mix: InstructionMix, vlen_bits: int, core: Core) -> bool:
    """Whether a mix that was counted with such vectors is what the core would execute.

    A program without vector instructions executes the same on each.
    """
    return vlen_bits == core.vlen_bits or mix.vector == 0


def geometric_mean(numbers: Iterable[float]) -> float:
    """
    >>> geometric_mean([1.0, 4.0])
    2.0
    """
    logarithms = [math.log(number) for number in numbers]
    return math.exp(sum(logarithms) / len(logarithms))
