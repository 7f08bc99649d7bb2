"""Published measurements, the counts of equal programs, and whether an estimate of these holds the measurement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from edgetool.estimates.cores import Core
from edgetool.estimates.estimate import estimate, runs_on
from edgetool.estimates.published import Figure
from edgetool.harness.instructions import InstructionMix
from edgetool.platform.documents import read_document
from edgetool.platform.values import Name, NonNegative, Text, value

HELD = 0.9  # the share of figures that an interval should hold


@value
class CountedModel:
    """A model in a runtime, counted on one thread."""

    model: Name
    precision: Name
    runtime: Text
    vlen_bits: NonNegative
    mix: InstructionMix


@value
class Counted:
    """The file `docs/estimates.json`: what the page is drawn from."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    models: tuple[CountedModel, ...] = ()

    def joined(self, newer: Iterable[CountedModel]) -> Counted:
        """With `newer` in place of the same models in the same runtimes."""
        kept = {_key(entry): entry for entry in (*self.models, *newer)}
        return Counted(schema=self.schema, models=tuple(kept.values()))


def _key(entry: CountedModel) -> tuple[str, str, str, int]:
    return (entry.model, entry.precision, entry.runtime, entry.vlen_bits)


@value
class Check:
    """A figure beside the estimate of an equal program.

    `low` and `high` are in ms. Of several threads only the ends are known: all share the work evenly, or one does it.
    """

    figure: Figure
    low: float
    high: float
    bound_by: Name
    with_memory: bool

    @property
    def holds(self) -> bool:
        return self.low <= self.figure.ms <= self.high

    @property
    def factor(self) -> float:
        """By how much the interval would have to be wider on the side where it misses; 1 where it holds."""
        return max(1.0, self.low / self.figure.ms, self.figure.ms / self.high)


def check(figure: Figure, counted: Counted, core: Core) -> Check | None:
    """None where no equal program was counted."""
    wanted = (figure.model, figure.precision, figure.counted)
    fitting = [
        estimate(entry.mix, core)
        for entry in counted.models
        if (entry.model, entry.precision, entry.runtime) == wanted and runs_on(entry.mix, entry.vlen_bits, core)
    ]
    if not fitting:
        return None
    found = next((each for each in fitting if each.memory is not None), fitting[0])
    return Check(
        figure=figure,
        low=found.ms(found.low) / figure.threads,
        high=found.ms(found.high),
        bound_by=found.binding.value,
        with_memory=found.memory is not None,
    )


def factor_for(checks: Sequence[Check], share: float = HELD) -> float:
    """How much wider both ends must be for the intervals to hold this share of the figures."""
    factors = sorted(entry.factor for entry in checks)
    held = next(i for i in range(1, len(factors) + 1) if i >= share * len(factors))
    return factors[held - 1]


def read_counted(path: Path) -> Counted:
    """Raises ConfigError."""
    return read_document(path, Counted) if path.exists() else Counted(schema=Counted.SCHEMA)
