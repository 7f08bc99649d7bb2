"""What commands print: tables and caveats for people, JSON for machines."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgetool.bench.record import Caveat
    from edgetool.reports.runtimes import RuntimeRow
    from edgetool.reports.tables import Row


def print_rows(table: Sequence[Row]) -> None:
    from edgetool.console import print_table
    from edgetool.reports.tables import text_table

    print_table(*text_table(table))
    print_caveats(caveat for row in table for caveat in row.caveats)


def print_runtimes(table: Sequence[RuntimeRow]) -> None:
    """Nothing where no baseline was counted."""
    from edgetool.console import print_table
    from edgetool.reports.runtimes import runtimes_table

    if table:
        print_table(*runtimes_table(table))


def print_caveats(caveats: Iterable[Caveat]) -> None:
    for caveat in dict.fromkeys(caveats):
        print(f"{caveat.value}: {caveat.text}; {caveat.remedy}")


def print_json(answer: object) -> None:
    from edgetool.platform.documents import to_json

    sys.stdout.buffer.write(to_json(answer))
    sys.stdout.buffer.flush()
