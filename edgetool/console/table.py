"""Print tables to stdout: fitted to the width of a terminal, tab-separated for a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgetool.platform.columns import Detail, Table
from edgetool.platform.foreign import one_line, rich_text

if TYPE_CHECKING:
    from rich.console import Console

    from edgetool.platform.columns import Table

GAP = 2  # characters between columns
WORD_LIMIT = 24  # characters; longer words may be broken to narrow a column


@dataclass(frozen=True, kw_only=True)
class _Text:
    """The text of a table: headings, which columns are numeric, and cells."""

    headings: Sequence[str]
    numbers: Sequence[bool]
    cells: Sequence[Sequence[str]]


def print_table(headings: Sequence[str], cells: Sequence[Sequence[str]], *, console: Console | None = None) -> None:
    """Print a table of text. `console` defaults to stdout if that is a terminal."""
    _print([_text(headings, [False] * len(headings), cells)], console)


def print_columns(table: Table[Any], *, console: Console | None = None) -> None:
    """Print a report's table: all columns if they fit, otherwise the most important ones."""

    choices = []
    for detail in (Detail.FULL, Detail.BRIEF):
        columns = table.shown(detail)
        cells = [[cell.text for cell in row] for row in table.cells(detail)]
        choices.append(_text([c.title for c in columns], [c.is_number for c in columns], cells))
    _print(choices, console)


def print_text(line: str) -> None:
    """A sentence on stdout: wrapped between its words on a terminal, one line in a pipe."""
    if not sys.stdout.isatty():
        print(one_line(line))
        return
    from rich.console import Console

    Console(highlight=False).print(rich_text(one_line(line)))


def _text(headings: Sequence[str], numbers: Sequence[bool], cells: Sequence[Sequence[str]]) -> _Text:
    return _Text(headings=headings, numbers=numbers, cells=[[one_line(cell) for cell in row] for row in cells])


def _print(choices: Sequence[_Text], console: Console | None) -> None:
    """Print the first choice that fits, or the last one as a list if none does. A pipe gets the whole first choice."""
    if console is None and not sys.stdout.isatty():
        for line in (choices[0].headings, *choices[0].cells):
            print("\t".join(line))
        return
    if console is None:
        from rich.console import Console

        console = Console(highlight=False)
    for choice in choices:
        if (widths := _fit(choice, console.width)) is not None:
            _draw(console, choice, widths)
            break
    else:
        choice = choices[-1]
        _list(console, choice)
    left_out = len(choices[0].headings) - len(choice.headings)
    if left_out:
        columns = "column" if left_out == 1 else "columns"
        console.print(rich_text(f"{left_out} more {columns} in a wider terminal and in the report", style="dim"))


def _fit(text: _Text, width: int) -> list[int] | None:
    """Return the column widths that fit a terminal of `width`, or None if numbers or words would be cut."""
    from rich.cells import cell_len

    columns = [[heading, *(row[i] for row in text.cells)] for i, heading in enumerate(text.headings)]
    widths = [max(map(cell_len, column)) for column in columns]
    least = [
        wide
        if is_number
        else max(min(cell_len(word), WORD_LIMIT) for entry in column for word in entry.split() or [""])
        for column, wide, is_number in zip(columns, widths, text.numbers, strict=True)
    ]
    excess = sum(widths) + GAP * (len(widths) - 1) - width
    while excess > 0:
        spare = [wide - narrow for wide, narrow in zip(widths, least, strict=True)]
        widest = max(range(len(widths)), key=lambda i: (spare[i] > 0, widths[i]))
        if spare[widest] <= 0:
            return None
        widths[widest] -= 1
        excess -= 1
    return widths


def _draw(console: Console, text: _Text, widths: Sequence[int]) -> None:
    from rich.table import Table as Drawn

    drawn = Drawn(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    for heading, is_number, width in zip(text.headings, text.numbers, widths, strict=True):
        drawn.add_column(rich_text(heading), justify="right" if is_number else "left", width=width, overflow="fold")
    for row in text.cells:
        drawn.add_row(*map(rich_text, row))
    console.print(drawn)


def _list(console: Console, text: _Text) -> None:
    """Print each row as lines of heading and cell."""
    from rich.text import Text

    wide = max(map(len, text.headings))
    for i, row in enumerate(text.cells):
        if i:
            console.print()
        for heading, cell in zip(text.headings, row, strict=True):
            console.print(Text(f"{heading:<{wide}}{' ' * GAP}{cell}"))
