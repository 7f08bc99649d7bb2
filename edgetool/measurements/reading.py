"""Instruments: functions that take a measurement of a model on a bench."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edgetool.bundles import BundledModel
from edgetool.harness.bench import Bench
from edgetool.harness.harness import HarnessOutcome, Outputs
from edgetool.models.tasks.base import Score
from edgetool.targets.spec import Target


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One measurement of any kind, with the harness run in which it was taken."""

    measurement: Any  # the kind's value; None when it doesn't apply to the model
    outcome: HarnessOutcome
    outputs: Outputs = field(default_factory=dict)  # of every sample, from the accuracy instrument
    scores: tuple[Score, ...] = ()  # likewise


def anywhere(target: Target) -> None:
    """Accept every target: the check of instruments without requirements."""
    del target


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """How one kind of measurement is taken."""

    measure: Callable[[Bench, BundledModel], Reading]
    check: Callable[[Target], None] = anywhere  # raises ConfigError for an unsuitable target
