"""Which runtime a target gets: the newest that edgetool built for its triple, one by name, or a prebuilt one."""

from __future__ import annotations

from edgetool.errors import ConfigError
from edgetool.platform.progress import Note, unheard
from edgetool.platform.store import Store
from edgetool.runtimes.cache import find_runtime, newest_crossbuilt
from edgetool.runtimes.description import add_libc
from edgetool.runtimes.onnxruntime.build import PROVIDER
from edgetool.runtimes.onnxruntime.prebuilt import provide
from edgetool.runtimes.spec import Runtime, Toolchain

BY_KEY = "key:"


def choose_runtime(
    toolchain: Toolchain,
    store: Store,
    *,
    asked: str,
    libc: bool,
    force: bool = False,
    note: Note = unheard,
) -> Runtime:
    """The runtime that a target's `runtime` asks for: "auto", "crossbuild", "key:…" or a prebuilt one's provider.

    With `libc` it carries libc and the loader, for a place that has none of its own. Raises ConfigError when there is
    no such runtime, WrongMachine later when one of a key is for another triple.
    """
    if asked in ("auto", PROVIDER) and (built := newest_crossbuilt(store, toolchain)) is not None:
        found = built
    elif asked == PROVIDER:
        raise ConfigError(
            f"no runtime for {toolchain.triple} was built yet",
            hint=f"edgetool runtime build --triple {toolchain.triple}",
        )
    elif asked.startswith(BY_KEY):
        found = find_runtime(store, asked.removeprefix(BY_KEY)).runtime
    else:
        return provide(toolchain, store, provider=asked, force=force, note=note)
    store.open_entry(found.root)  # what a bit has changed in is not packaged
    return add_libc(found, toolchain, store, note=note) if libc else found
