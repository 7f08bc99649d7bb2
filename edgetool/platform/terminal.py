"""Asking the person at the terminal, if there is one."""

from __future__ import annotations

import getpass
import sys


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
