"""Show progress: live lines on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from edgetool.platform.foreign import one_line, rich_text
from edgetool.platform.progress import Progress, Silent, Step

SLOW_S = 1.0
EVERY_S = 20.0


@dataclass
class _Note:
    """The latest note of a step. `show` receives every note, from any thread."""

    show: Callable[[str], object]
    text: str = ""

    def note(self, text: str) -> None:
        self.text = one_line(text)
        self.show(self.text)


class _Seldom:
    """Print a step's notes on lines of their own, at most one every EVERY_S seconds."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._last = time.monotonic()

    def __call__(self, text: str) -> None:
        now = time.monotonic()
        if text and now - self._last >= EVERY_S:
            self._last = now
            print(f"… {self._title}: {text}", file=sys.stderr, flush=True)


class PlainProgress:
    """Print a line on stderr when a step turns out to be slow, and one when it ends."""

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        title, start = one_line(title), time.monotonic()
        note = _Note(_Seldom(title))
        slow = threading.Timer(SLOW_S, print, (f"… {title}",), {"file": sys.stderr, "flush": True})
        slow.daemon = True
        slow.start()
        try:
            yield note
        finally:
            slow.cancel()
        print(_line(title, note.text, time.monotonic() - start), file=sys.stderr, flush=True)


class LiveProgress:
    """Show a spinner with the elapsed time while a step runs, and replace it by one line when it ends."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        from rich.progress import Progress as Bar
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        title, start = one_line(title), time.monotonic()
        with Bar(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            refresh_per_second=4,  # ten times a second would take processor time from the measurement
        ) as bar:
            task = bar.add_task(title, total=None)
            note = _Note(lambda text: bar.update(task, description=f"{title}: {text}" if text else title))
            yield note
        self._console.print(rich_text(_line(title, note.text, time.monotonic() - start)))


def _line(title: str, note: str, elapsed_s: float) -> str:
    details = ", ".join(text for text in (note, f"{elapsed_s:.1f} s" if elapsed_s >= 1 else "") if text)
    return f"✓ {title}" + (f": {details}" if details else "")


def make_progress(*, quiet: bool) -> Progress:
    if quiet:
        return Silent()
    return LiveProgress() if sys.stderr.isatty() else PlainProgress()
