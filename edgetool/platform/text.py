"""Sanitize text from other programs on input: bounded length, one line, printable.

Each output format does its own escaping (foreign.py). This module removes what no format wants: line breaks that could
forge a line of our output, control sequences, and characters that change the text direction.
"""

from __future__ import annotations

from typing import Any

from edgetool.platform.foreign import one_line

LINE_LIMIT = 512
LONG_LINE_LIMIT = 8 * LINE_LIMIT


def decoded(data: bytes, *, limit: int = LINE_LIMIT) -> str:
    r"""Decode a program's output as one line. Long output is cut to its end, where the reason usually is.

    >>> decoded(b"cat: a:\n No space left \x1b[0m\xff", limit=30)
    'cat: a: No space left \\x1b[0m�'
    """
    return one_line(data[-limit:].decode(errors="replace"), limit)


class Cleaned:
    """Reduce a document's text to one line as it is read. Used as `Annotated[str, Cleaned(limit)]`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self._clean, handler(source))

    def _clean(self, text: str) -> str:
        return one_line(text, self._limit)
