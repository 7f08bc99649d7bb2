"""Which runtime a target gets."""

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
    """A kind of runtime for a triple, in the build that is asked for.

    With `libc` it carries libc and the loader, for a place that has none of its own. Raises ConfigError when there is
    no such runtime, WrongMachine later when one of a key is for another triple.
    """
    found = KINDS[kind].provide(toolchain, context, asked=asked, note=note)
    return add_libc(found, toolchain, context.store, note=note) if libc else found
