"""What an instrument is: a function of a bench and a model, and what it reads there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edgetool.bundles import BundledModel
from edgetool.harness.bench import Bench
from edgetool.harness.harness import HarnessOutcome, Outputs
from edgetool.targets.spec import Target


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One measurement, of whatever kind, with the start of the harness that it was taken in."""

    measurement: Any  # the kind's value, None where the model has no such quantity
    outcome: HarnessOutcome
    outputs: Outputs = field(default_factory=dict)  # of every sample, from the instrument that judges them


def anywhere(target: Target) -> None:
    """The check of an instrument that every target has."""
    del target


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """How one kind of measurement is taken."""

    measure: Callable[[Bench, BundledModel], Reading]
    check: Callable[[Target], None] = anywhere  # raises ConfigError for a target that it can't be taken on
