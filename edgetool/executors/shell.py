"""What is said to a board's POSIX shell: how to start one, and all quoting.

A script goes to a shell's stdin, so neither its length nor the login shell's own rules matter. All of it is one
compound command: a shell reads it whole before it does any of it, and what follows on stdin is the script's own.
"""

from __future__ import annotations

import shlex

from edgetool.errors import ExecutorError

SHELL = "exec /bin/sh"
ANSWER = b"edgetool\0"  # before every answer: a login shell may print whatever it likes

# The answer's word and up to two details, a zero byte after each.
SAY = """
say() { printf 'edgetool\\000%s\\000%s\\000%s\\000' "$1" "$2" "$3"; }
"""


def quote(word: str) -> str:
    if "\0" in word:
        raise ExecutorError(f"{word!r} cannot be said to a shell: it holds a zero byte")
    return shlex.quote(word)


def inside(path: str) -> str:
    """A relative path that no program takes for an option."""
    return quote(f"./{path}")


def compound(*lines: str) -> bytes:
    return ("{\n" + "\n".join(lines) + "\n}\n").encode("utf-8", "surrogateescape")


def answer_in(said: bytes) -> tuple[list[str], bytes] | None:
    """The three parts of the first answer in what a board said, and what follows it; None while it is not whole.

    >>> answer_in(b"Welcome!\\nedgetool\\0ready\\0/there\\0yes\\0more")
    (['ready', '/there', 'yes'], b'more')
    """
    _, found, rest = said.partition(ANSWER)
    parts = rest.split(b"\0", 3)
    if not found or len(parts) < 4:
        return None
    return [part.decode(errors="surrogateescape") for part in parts[:3]], parts[3]
