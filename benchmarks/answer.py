"""How a benchmark that writes a page ends: with the page's path, or with an error and its hint."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from edgetool.errors import EdgetoolError


def answer(write: Callable[[], Path]) -> int:
    """Print the path of the page that `write` wrote. Return the exit code."""
    try:
        print(write())
    except EdgetoolError as error:
        print(f"error: {error.message}", f"hint: {error.hint}" if error.hint else "", sep="\n", file=sys.stderr)
        return error.exit_code
    return 0
