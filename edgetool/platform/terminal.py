"""The standard streams, and asking the person at the terminal, if there is one."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def standard_streams() -> Iterator[None]:
    """Each of the three is there, if only to nowhere; with the block's end all that was printed is out.

    Raises OSError for a stdout that takes no more: BrokenPipeError when its reader has gone.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed by who started us: the next file that is opened must not take its place
            os.open(os.devnull, os.O_RDWR)
    # They stay open as long as the process, as Python's own do.
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    try:
        yield
    finally:
        try:
            sys.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python tries again as it ends, and complains
            raise


def has_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> bool:
    """Whether the person says yes; no without a terminal."""
    if not has_terminal():
        return False
    print(f"{question} [yes/no] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def tell(text: str) -> None:
    """Say something that the person may be waiting for."""
    if has_terminal():
        print(text, file=sys.stderr, flush=True)


def ask_secret(question: str) -> str | None:
    """What the person types, unseen; None without a terminal."""
    return getpass.getpass(f"{question}: ") if has_terminal() else None
