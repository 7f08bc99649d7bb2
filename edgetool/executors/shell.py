"""How to start a board's POSIX shell, quote for it and read its answers.

Scripts go to the shell's stdin, so neither their length nor the login shell's syntax matters. Each script is one
compound command, which a shell reads completely before running it, so the rest of stdin is the script's own.
"""

from __future__ import annotations

import shlex

from edgetool.errors import ExecutorError

SHELL = "exec /bin/sh"
ANSWER = b"edgetool\0"  # precedes every answer, since a login shell may print anything

# The answer's word and up to two details, each followed by a zero byte.
SAY = """
say() { printf 'edgetool\\000%s\\000%s\\000%s\\000' "$1" "$2" "$3"; }
"""


def quote(word: str) -> str:
    if "\0" in word:
        raise ExecutorError(f"{word!r} can't be passed to a shell: it contains a zero byte")
    return shlex.quote(word)


def inside(path: str) -> str:
    """Quote a relative path so that no program mistakes it for an option."""
    return quote(f"./{path}")


def compound(*lines: str) -> bytes:
    return ("{\n" + "\n".join(lines) + "\n}\n").encode("utf-8", "surrogateescape")


def answer_in(said: bytes) -> tuple[list[str], bytes] | None:
    """Return the three parts of the first answer and the rest of the output, or None while it is incomplete.

    >>> answer_in(b"Welcome!\\nedgetool\\0ready\\0/there\\0yes\\0more")
    (['ready', '/there', 'yes'], b'more')
    """
    _, found, rest = said.partition(ANSWER)
    parts = rest.split(b"\0", 3)
    if not found or len(parts) < 4:
        return None
    return [part.decode(errors="surrogateescape") for part in parts[:3]], parts[3]
