"""Tables on stdout."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def print_table(headings: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """A table on stdout: drawn on a terminal, tab-separated for a pipe."""
    if not sys.stdout.isatty():
        for line in (headings, *cells):
            print("\t".join(line))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="left" if i < 2 else "right", overflow="fold")
    for line in cells:
        table.add_row(*line)
    Console(highlight=False).print(table)
