"""The standard streams, and questions to the user at the terminal."""

from __future__ import annotations

import getpass
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def standard_streams() -> Iterator[None]:
    """Open any standard stream that is closed on /dev/null, and flush stdout when the block ends.

    Characters that stdout's encoding lacks are spelled out: those of a locale without UTF-8, and of file names that are
    not UTF-8.

    Raises OSError when stdout can't be written: BrokenPipeError when its reader is gone.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed by the parent: the next file opened must not get its number
            os.open(os.devnull, os.O_RDWR)
    # closefd=False keeps the descriptors open for the life of the process, as Python's own streams do.
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr does by default
    try:
        yield
    finally:
        try:
            sys.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # otherwise Python flushes again on exit and reports the error
            raise


def has_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> bool:
    """Ask a yes/no question. Return False without a terminal."""
    if not has_terminal():
        return False
    print(f"{question} [yes/no] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def tell(text: str) -> None:
    """Show text to a user who is waiting at the terminal."""
    if has_terminal():
        print(text, file=sys.stderr, flush=True)


def ask_secret(question: str) -> str | None:
    """Ask for text without echoing it. Return None without a terminal."""
    return getpass.getpass(f"{question}: ") if has_terminal() else None
