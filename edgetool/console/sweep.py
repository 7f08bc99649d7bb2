"""Show the progress of many boards: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgetool.pipeline.run import Unwatched

if TYPE_CHECKING:
    from rich.table import Table

    from edgetool.pipeline.run import Watch
    from edgetool.records.case import Case, CaseResult

REFRESH_PER_SECOND = 2  # a higher rate would take processor time from measurements on this machine


class PlainBoards(Unwatched):
    """Print a line on stderr for each event on a board."""

    def step(self, target: str, text: str) -> None:
        print(f"… {target}: {text}", file=sys.stderr, flush=True)

    def end(self, result: CaseResult) -> None:
        print(_line(result), file=sys.stderr, flush=True)


@dataclass
class _Board:
    """The state of a board. Modified only under the table's lock."""

    total: int
    done: int = 0
    failed: int = 0
    now: str = "waits"
    since: float = 0.0


class LiveBoards(Unwatched):
    """A live table with a row for each board, redrawn REFRESH_PER_SECOND times a second."""

    def __init__(self) -> None:
        self._boards: dict[str, _Board] = {}
        self._lock = threading.Lock()

    def begin(self, cases: Sequence[Case]) -> None:
        with self._lock:
            counts = Counter(case.target for case in cases)
            self._boards = {target: _Board(total=total, since=time.monotonic()) for target, total in counts.items()}

    def step(self, target: str, text: str) -> None:
        with self._lock:
            if board := self._boards.get(target):
                board.now, board.since = text, time.monotonic()

    def end(self, result: CaseResult) -> None:
        with self._lock:
            if board := self._boards.get(result.case.target):
                board.done += 1
                board.failed += result.failure is not None
                board.now = "done" if board.done == board.total else "waits"
                board.since = time.monotonic()

    def __rich__(self) -> Table:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD)
        for heading in ("board", "cases", "failed", "now", "for"):
            table.add_column(heading, justify="right" if heading in ("cases", "failed", "for") else "left")
        with self._lock:
            for target, board in self._boards.items():
                elapsed = "" if board.now == "done" else f"{time.monotonic() - board.since:.0f} s"
                # as Text, since a board's output must not be parsed as markup
                table.add_row(
                    Text(target), f"{board.done}/{board.total}", str(board.failed or ""), Text(board.now), elapsed
                )
        return table


@contextmanager
def watch_boards(*, quiet: bool) -> Iterator[Watch]:
    """Show the boards while the block runs: as a live table if both stdout and stderr are terminals."""
    if quiet:
        yield Unwatched()
    elif not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield PlainBoards()
    else:
        from rich.console import Console
        from rich.live import Live

        boards = LiveBoards()
        with Live(boards, console=Console(stderr=True), refresh_per_second=REFRESH_PER_SECOND, transient=True):
            yield boards


def _line(result: CaseResult) -> str:
    case = result.case
    if result.failure is not None:
        return f"✗ {case.target}: {case.title}: {result.failure.reason}"
    return f"✓ {case.target}: {case.title}" + (": has a record" if result.kept else "")
