"""Create the context in which a command's steps run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgetool.platform.context import StepContext


def make_context(*, quiet: bool, force: bool) -> StepContext:
    from edgetool.console.progress import make_progress
    from edgetool.platform.context import StepContext
    from edgetool.platform.store import Store, cache_root

    return StepContext(store=Store(cache_root()), progress=make_progress(quiet=quiet), force=force)
