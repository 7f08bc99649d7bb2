"""Where a command's steps work."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgetool.steps import Workshop


def make_workshop(*, quiet: bool, force: bool) -> Workshop:
    from edgetool.console import make_progress
    from edgetool.platform.store import Store, cache_root
    from edgetool.steps import Workshop

    return Workshop(store=Store(cache_root()), progress=make_progress(quiet=quiet), force=force)
