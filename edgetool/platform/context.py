"""The context that every step receives beside its inputs."""

from __future__ import annotations

from dataclasses import dataclass

from edgetool.platform.progress import Progress
from edgetool.platform.store import Store


@dataclass(frozen=True, kw_only=True)
class StepContext:
    """The store of finished steps, the progress display and whether to ignore cached results."""

    store: Store
    progress: Progress
    force: bool = False  # run every step even when its result is cached
