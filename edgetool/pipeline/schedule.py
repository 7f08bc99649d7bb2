"""Decide which boards may be used in parallel."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable

from edgetool.targets.registry import executor_of
from edgetool.targets.spec import Target


def lanes(targets: Iterable[Target], *, processors: int | None = None) -> tuple[tuple[str, ...], ...]:
    """Group the targets' names into lanes: targets in one lane run one after the other, lanes run in parallel.

    Targets on the same board share a lane. Emulated targets share as many lanes as this machine has processors.
    """
    limit = processors or os.cpu_count() or 1
    found: dict[Hashable, list[str]] = {}
    emulated = 0
    for target in targets:
        settings, traits = target.executor, executor_of(target).traits
        lane: Hashable = (settings["kind"], settings.get("host"), settings.get("config"))
        if traits.runs_here and traits.emulates:
            lane, emulated = emulated % limit, emulated + 1
        found.setdefault(lane, []).append(target.name)
    return tuple(tuple(names) for names in found.values())


def disturbs(target: Target, other: Target) -> bool:
    """Return whether measuring `other` at the same time would distort measurements on `target`."""
    return is_timed_here(target) and executor_of(other).traits.runs_here and not is_timed_here(other)


def is_timed_here(target: Target) -> bool:
    """Return whether the target measures times on this machine's own processors, so nothing else may run."""
    traits = executor_of(target).traits
    return bool(traits.runs_here and not traits.emulates)
