"""Show the progress of many boards: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgetool.console.durations import duration_text
from edgetool.console.progress import VERBOSE
from edgetool.pipeline.run import Unwatched

if TYPE_CHECKING:
    from rich.table import Table

    from edgetool.pipeline.run import Watch
    from edgetool.records.case import Case, CaseResult

REFRESH_PER_SECOND = 2  # a higher rate would take processor time from measurements on this machine


@dataclass
class _Board:
    """The state of a board. Modified only under the lock."""

    total: int
    done: int = 0
    failed: int = 0
    now: str = "waits"
    since: float = 0.0


class _Boards(Unwatched):
    """The state of all boards."""

    def __init__(self) -> None:
        self._cases: frozenset[Case] = frozenset()  # that are measured; others have a record, or could not be prepared
        self._boards: dict[str, _Board] = {}
        self._lock = threading.Lock()
        self._start = time.monotonic()

    def begin(self, cases: Sequence[Case]) -> None:
        with self._lock:
            self._start = time.monotonic()
            self._cases = frozenset(cases)
            counts = Counter(case.target for case in cases)
            self._boards = {target: _Board(total=total, since=self._start) for target, total in counts.items()}

    def end(self, result: CaseResult) -> None:
        with self._lock:
            if result.case in self._cases:
                board = self._boards[result.case.target]
                board.done += 1
                board.failed += result.failure is not None
                board.now = "done" if board.done == board.total else "waits"
                board.since = time.monotonic()

    def _summary(self) -> str:
        """Say how many cases are done, and how long the slowest board will take at its pace until now.

        The time left is unknown while a board with cases left has none that is done. Called under the lock.
        """
        boards = self._boards.values()
        done, total = sum(board.done for board in boards), sum(board.total for board in boards)
        elapsed_s = time.monotonic() - self._start
        waiting = [board for board in boards if board.done < board.total]
        text = f"{done} of {total} cases, {duration_text(elapsed_s)}"
        if not waiting:
            return text
        if any(board.done == 0 for board in waiting):
            return f"{text}, time left unknown yet"
        left_s = max(elapsed_s / board.done * (board.total - board.done) for board in waiting)
        return f"{text}, about {duration_text(left_s)} left"


class PlainBoards(_Boards):
    """Print a line on stderr for each event on a board."""

    def step(self, target: str, text: str) -> None:
        print(f"… {target}: {text}", file=sys.stderr, flush=True)

    def end(self, result: CaseResult) -> None:
        super().end(result)
        with self._lock:
            counted = f" ({self._summary()})" if result.case in self._cases else ""
            print(f"{_line(result)}{counted}", file=sys.stderr, flush=True)


class LiveBoards(_Boards):
    """A live table with a row for each board, redrawn REFRESH_PER_SECOND times a second."""

    def step(self, target: str, text: str) -> None:
        with self._lock:
            if board := self._boards.get(target):
                board.now, board.since = text, time.monotonic()

    def __rich__(self) -> Table:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, caption_justify="left")
        for heading in ("board", "cases", "failed", "now", "for"):
            table.add_column(heading, justify="right" if heading in ("cases", "failed", "for") else "left")
        with self._lock:
            table.caption = self._summary()
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
    elif os.environ.get(VERBOSE) or not (sys.stdout.isatty() and sys.stderr.isatty()):
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
