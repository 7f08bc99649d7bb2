"""The counting emulator's model of two data cache levels (toolchain/qemu/plugin/cache.h)."""

from __future__ import annotations

from typing import Annotated, Self

from annotated_types import Len, Predicate

from edgetool.estimates.cores import Core
from edgetool.platform.values import Positive, plain_name, value


@value
class CacheModel:
    """A cache that every memory access passes through. Traffic beyond it is counted under its name."""

    name: Annotated[str, Len(1, 31), Predicate(lambda name: plain_name(name) == name)]
    line_bytes: Positive
    l1_bytes: Positive
    l1_ways: Positive
    l2_bytes: Positive
    l2_ways: Positive

    @classmethod
    def of(cls, core: Core) -> Self:
        """Return the model of a core's own caches, named after the core."""
        caches = core.caches
        return cls(
            name=core.name,
            line_bytes=caches.line_bytes,
            l1_bytes=caches.l1_bytes,
            l1_ways=caches.l1_ways,
            l2_bytes=caches.l2_bytes,
            l2_ways=caches.l2_ways,
        )

    @property
    def argument(self) -> str:
        """Return the argument for the counting plugin."""
        sizes = (self.line_bytes, self.l1_bytes, self.l1_ways, self.l2_bytes, self.l2_ways)
        return f"cache={':'.join([self.name, *map(str, sizes)])}"
