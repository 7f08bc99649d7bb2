"""Which boards may be used at the same time, and which have to wait for each other."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable

from edgetool.executors.base import Target

OWN_PROCESSORS = "local"  # measured on this machine's processors, in silicon: nothing else may run beside it
EMULATED = frozenset({"qemu", "docker", "virtual"})  # on this machine's processors too, and no time of theirs counts


def lanes(targets: Iterable[Target], *, processors: int | None = None) -> tuple[tuple[str, ...], ...]:
    """The targets' names in lanes: those of one lane one after the other, lanes side by side.

    Two targets that lead to one board share a lane; emulated ones share as many as this machine has processors.
    """
    limit = processors or os.cpu_count() or 1
    found: dict[Hashable, list[str]] = {}
    emulated = 0
    for target in targets:
        kind = target.executor["kind"]
        lane: Hashable = (kind, target.executor.get("host"), target.executor.get("config"))
        if kind in EMULATED:
            lane, emulated = emulated % limit, emulated + 1
        found.setdefault(lane, []).append(target.name)
    return tuple(tuple(names) for names in found.values())


def disturbs(target: Target, other: Target) -> bool:
    """Whether measuring `other` at the same time would spoil what is measured on `target`."""
    return target.executor["kind"] == OWN_PROCESSORS and other.executor["kind"] in EMULATED
