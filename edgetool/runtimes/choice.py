"""Choose the runtime for a target."""

from __future__ import annotations

from edgetool.platform.context import StepContext
from edgetool.platform.progress import Note, unheard
from edgetool.runtimes.description import add_libc
from edgetool.runtimes.spec import Runtime, Toolchain
from edgetool.runtimes.table import KINDS


def choose_runtime(
    toolchain: Toolchain,
    context: StepContext,
    *,
    kind: str = "onnxruntime",
    asked: str,
    libc: bool,
    note: Note = unheard,
) -> Runtime:
    """Return a runtime of a kind for a triple, in the requested build.

    With `libc` it includes libc and the loader, for targets without their own. Raises ConfigError when there is no such
    runtime. A runtime chosen by key for another triple raises WrongMachine only later.
    """
    found = KINDS[kind].provide(toolchain, context, asked=asked, note=note)
    return add_libc(found, toolchain, context.store, note=note) if libc else found
