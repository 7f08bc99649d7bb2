"""Escape text from boards, models and archives for the output that shows it: a line, Markdown, CSV or a terminal.

Jinja2's autoescape handles HTML. Each output escapes the original text, so nothing is escaped twice.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

LINE_LIMIT = 1000  # characters; enough for a compiler's flags

# CommonMark allows a backslash before any ASCII punctuation.
_INLINE = re.compile(r"[\\`*\[\]<>|~&$@]|(?<![^\W_])_|_(?![^\W_])|(?<=:)//|(?<=www)\.", re.IGNORECASE)
_BLOCK_START = re.compile(r"^(?:#|[+=-](?!\w)|(\d+)(?=[.)](?:\s|$)))")
_FORMULA = ("=", "+", "-", "@")


def one_line(text: str, limit: int = LINE_LIMIT) -> str:
    r"""Return one printable line of at most `limit` characters; control and bidirectional characters are spelled out.

    >>> one_line("C908\n## Verdict\x1b[2J"), one_line("x" * 9, limit=4)
    ('C908 ## Verdict\\x1b[2J', 'xxx…')
    """
    words = " ".join(text[: 4 * limit].split())
    line = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in words)
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def printable(text: str, limit: int = LINE_LIMIT) -> str:
    """Return several lines for a terminal, each cleaned by `one_line`, with their indentation kept."""
    lines = text.splitlines()
    return "\n".join(f"{line[: len(line) - len(line.lstrip(' '))]}{one_line(line, limit)}" for line in lines)


def markdown_text(text: str) -> str:
    r"""Escape text so that Markdown shows it literally: no image, link, markup, HTML, heading or end of cell.

    >>> markdown_text("![y](/home/me/.ssh/id)"), markdown_text("mobilenet_v2 on qemu-riscv64")
    ('!\\[y\\](/home/me/.ssh/id)', 'mobilenet_v2 on qemu-riscv64')
    """
    escaped = _INLINE.sub(lambda found: f"\\{found.group()}", one_line(text))
    return _BLOCK_START.sub(lambda found: f"{found[1]}\\" if found[1] else f"\\{found.group()}", escaped)


def csv_cell(value: object) -> object:
    """Return a value for a CSV cell; text that a spreadsheet would run as a formula gets a leading apostrophe.

    >>> csv_cell("=HYPERLINK(1)"), csv_cell("-0.5"), csv_cell(-3), csv_cell(None)
    ("'=HYPERLINK(1)", '-0.5', -3, '')
    """
    if not isinstance(value, str):
        return "" if value is None else value
    line = one_line(value)
    return f"'{line}" if line.startswith(_FORMULA) and not _is_number(line) else line


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def rich_text(text: str, style: str = "") -> Text:
    """Return text for Rich that isn't parsed as markup."""
    from rich.text import Text

    return Text(one_line(text), style=style)
