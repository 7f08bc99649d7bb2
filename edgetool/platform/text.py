"""Text that somebody else wrote, made harmless where it comes in: of bounded length, one line, printable.

What is escaped for a format is the business of who writes that format (foreign.py). What no format wants is gone
before: line ends that forge a line of ours, control sequences, letters that turn the direction of what follows.
"""

from __future__ import annotations

from typing import Any

from edgetool.platform.foreign import one_line

LINE_LIMIT = 512
LONG_LINE_LIMIT = 8 * LINE_LIMIT


def decoded(data: bytes, *, limit: int = LINE_LIMIT) -> str:
    r"""One line out of whatever a program printed: of much its end, where the reason stands.

    >>> decoded(b"cat: a:\n No space left \x1b[0m\xff", limit=30)
    'cat: a: No space left \\x1b[0m�'
    """
    return one_line(data[-limit:].decode(errors="replace"), limit)


class Cleaned:
    """In `Annotated[str, Cleaned(limit)]`: what a document says there is made one line as it is read."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self._clean, handler(source))

    def _clean(self, text: str) -> str:
        return one_line(text, self._limit)
