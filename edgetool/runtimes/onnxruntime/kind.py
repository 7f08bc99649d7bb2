"""ONNX Runtime as a kind of runtime."""

from __future__ import annotations

from edgetool.errors import ConfigError
from edgetool.platform.context import StepContext
from edgetool.platform.progress import Note
from edgetool.runtimes.cache import find_runtime, newest_crossbuilt
from edgetool.runtimes.kind import RuntimeKind
from edgetool.runtimes.onnxruntime import prebuilt
from edgetool.runtimes.onnxruntime.recipe import PROVIDER
from edgetool.runtimes.onnxruntime.selftest import build_selftest
from edgetool.runtimes.spec import Runtime, Toolchain

BY_KEY = "key:"


def provide(toolchain: Toolchain, context: StepContext, *, asked: str, note: Note) -> Runtime:
    """Return the newest runtime that edgetool built for the triple, one by key, or a prebuilt one.

    `asked` is "auto", "crossbuild", "key:…" or the provider of a prebuilt runtime. Raises ConfigError when there is
    none.
    """
    store = context.store
    if asked in ("auto", PROVIDER) and (built := newest_crossbuilt(store, toolchain)) is not None:
        found = built
    elif asked == PROVIDER:
        raise ConfigError(
            f"no runtime for {toolchain.triple} has been built yet",
            hint=f"edgetool runtime build --triple {toolchain.triple}",
        )
    elif asked.startswith(BY_KEY):
        found = find_runtime(store, asked.removeprefix(BY_KEY)).runtime
    else:
        return prebuilt.provide(toolchain, store, provider=asked, force=context.force, note=note)
    store.open_entry(found.root)  # rejects a damaged entry
    return found


ONNXRUNTIME = RuntimeKind(name="onnxruntime", provide=provide, form=None, selftest=build_selftest, profiles=True)
