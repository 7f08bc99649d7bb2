"""Text from boards, models and archives, escaped for the sink that shows it: a line, Markdown, CSV, a terminal.

HTML is escaped by Jinja2's autoescape. Each sink takes the text as it came; nothing is escaped twice or ahead of time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

LINE_LIMIT = 1000  # characters; enough for a compiler's flags

# CommonMark lets a backslash stand before any ASCII punctuation.
_INLINE = re.compile(r"[\\`*\[\]<>|~&$@]|(?<![^\W_])_|_(?![^\W_])|(?<=:)//|(?<=www)\.", re.IGNORECASE)
_BLOCK_START = re.compile(r"^(?:#|[+=-](?!\w)|(\d+)(?=[.)](?:\s|$)))")
_FORMULA = ("=", "+", "-", "@")


def one_line(text: str, limit: int = LINE_LIMIT) -> str:
    r"""One printable line of at most `limit` characters: what moves a cursor or turns the direction of text is spelled.

    >>> one_line("C908\n## Verdict\x1b[2J"), one_line("x" * 9, limit=4)
    ('C908 ## Verdict\\x1b[2J', 'xxx…')
    """
    words = " ".join(text[: 4 * limit].split())
    line = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in words)
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def printable(text: str, limit: int = LINE_LIMIT) -> str:
    """Several lines for a terminal, each as `one_line` makes it, indented as it was."""
    lines = text.splitlines()
    return "\n".join(f"{line[: len(line) - len(line.lstrip(' '))]}{one_line(line, limit)}" for line in lines)


def markdown_text(text: str) -> str:
    r"""Text that a Markdown renderer shows as it is: no image, link, markup, HTML, heading or cell's end.

    >>> markdown_text("![y](/home/me/.ssh/id)"), markdown_text("mobilenet_v2 on qemu-riscv64")
    ('!\\[y\\](/home/me/.ssh/id)', 'mobilenet_v2 on qemu-riscv64')
    """
    escaped = _INLINE.sub(lambda found: f"\\{found.group()}", one_line(text))
    return _BLOCK_START.sub(lambda found: f"{found[1]}\\" if found[1] else f"\\{found.group()}", escaped)


def csv_cell(value: object) -> object:
    """A value for a cell; text that a spreadsheet would take for a formula gets an apostrophe before it.

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
    """Text for Rich, in which `[red]` is five characters and no markup."""
    from rich.text import Text

    return Text(one_line(text), style=style)
