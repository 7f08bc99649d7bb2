"""Which boards may be used at the same time, and which have to wait for each other."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable

from edgetool.targets.registry import executor_of
from edgetool.targets.spec import Target


def lanes(targets: Iterable[Target], *, processors: int | None = None) -> tuple[tuple[str, ...], ...]:
    """The targets' names in lanes: those of one lane one after the other, lanes side by side.

    Two targets that lead to one board share a lane; emulated ones share as many as this machine has processors.
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
    """Whether measuring `other` at the same time would spoil what is measured on `target`."""
    return is_timed_here(target) and executor_of(other).traits.runs_here and not is_timed_here(other)


def is_timed_here(target: Target) -> bool:
    """On this machine's processors, in silicon: nothing else may run beside it."""
    traits = executor_of(target).traits
    return bool(traits.runs_here and not traits.emulates)
