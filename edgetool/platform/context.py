"""What every step of the work has at hand, beside its inputs."""

from __future__ import annotations

from dataclasses import dataclass

from edgetool.platform.progress import Progress
from edgetool.platform.store import Store


@dataclass(frozen=True, kw_only=True)
class StepContext:
    """Where finished steps are kept, and who is told of those under way."""

    store: Store
    progress: Progress
    force: bool = False  # do every step again
