"""Estimate the cycles of an instruction mix on a core, as an interval between perfect overlap of its parts and none."""

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
    """A part of a core that can limit the speed."""

    VECTOR = "vector"
    INTEGER = "integer"
    FLOAT = "float"
    LOAD_STORE = "load/store"
    ISSUE = "issue"
    MEMORY = "memory"


ARITHMETIC = (Bound.VECTOR, Bound.INTEGER, Bound.FLOAT)


@value
class Estimate:
    """Cycles that a mix keeps each part of a core busy. No time was measured.

    `low` assumes perfect overlap: the busiest part alone. `high` assumes none: the sum of the busiest arithmetic unit,
    loads and stores, issue and memory. Without a cache model memory is None and part of neither.
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
        """Return the cycles of the busiest arithmetic unit."""
        return max(self.bounds[bound] for bound in ARITHMETIC)

    @property
    def low(self) -> float:
        return max(self.bounds.values())

    @property
    def high(self) -> float:
        return self.alu + self.load_store + self.issue + (self.memory or 0.0)

    @property
    def middle(self) -> float:
        """Return the geometric mean of both ends, by which estimates are compared."""
        return math.sqrt(self.low * self.high)

    @property
    def binding(self) -> Bound:
        """Return the busiest part."""
        return max(self.bounds, key=lambda bound: self.bounds[bound])

    def ms(self, cycles: float) -> float:
        """Convert cycles to milliseconds at the core's clock."""
        return cycles / self.clock_hz * 1e3


def estimate(mix: InstructionMix, core: Core) -> Estimate:
    """Estimate the cycles of a mix on a core. Raises ConfigError when the core lacks one of its instructions."""
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
    """Return the cycles for traffic beyond the core's modelled caches, or None without a model."""
    traffic = next((traffic for traffic in mix.traffic if traffic.cache == core.name), None)
    if traffic is None:
        return None
    caches = core.caches
    return (
        traffic.beyond_l1_bytes / caches.l2_bytes_per_cycle.value
        + traffic.beyond_l2_bytes / caches.memory_bytes_per_cycle.value
    )


def runs_on(mix: InstructionMix, vlen_bits: int, core: Core) -> bool:
    """Return whether a core would execute the mix that was counted with vectors of `vlen_bits`.

    A program without vector instructions executes the same on every core. The core has each of the operations.
    """
    fits = vlen_bits == core.vlen_bits or mix.vector == 0
    return fits and all(core.executes(cell) for cell in mix.cells)


def geometric_mean(numbers: Iterable[float]) -> float:
    """Return the geometric mean of positive numbers.

    >>> geometric_mean([1.0, 4.0])
    2.0
    """
    logarithms = [math.log(number) for number in numbers]
    return math.exp(sum(logarithms) / len(logarithms))
