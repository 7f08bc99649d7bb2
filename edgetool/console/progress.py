"""Show progress: live lines on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgetool.console.durations import Estimate, duration_text, estimate_of_this_command
from edgetool.platform.foreign import one_line, rich_text
from edgetool.platform.progress import Progress, Silent, Step

if TYPE_CHECKING:
    from rich.text import Text

SLOW_S = 1.0
EVERY_S = 20.0
WORTH_SAYING_S = 10.0  # estimates below it are not announced
VERBOSE = "EDGETOOL_VERBOSE"  # set for child processes, too


@dataclass
class _Note:
    """The latest note of a step. `show` receives every note, from any thread."""

    show: Callable[[str], object]
    text: str = ""
    start: float = field(default_factory=time.monotonic)

    def note(self, text: str) -> None:
        self.text = one_line(text)
        self.show(self.text)

    def count(self, done: int, total: int, unit: str) -> None:
        left = ""
        if 0 < done < total:
            left = f", about {duration_text((time.monotonic() - self.start) / done * (total - done))} left"
        self.show(one_line(f"{done} of {total} {unit}{left}"))


class _Seldom:
    """Show a step's notes on lines of their own, at most one every `every_s` seconds."""

    def __init__(self, title: str, show: Callable[[str], object], every_s: float) -> None:
        self._title = title
        self._show = show
        self._every_s = every_s
        self._last = time.monotonic()

    def __call__(self, text: str) -> None:
        now = time.monotonic()
        if text and now - self._last >= self._every_s:
            self._last = now
            self._show(f"… {self._title}: {text}")


class PlainProgress:
    """Print a line on stderr when a step turns out to be slow, and one when it ends.

    A verbose one prints every start and every note, each with the seconds since the command began.
    """

    def __init__(self, estimate: Estimate | None = None, *, verbose: bool = False) -> None:
        self._estimate = estimate or Estimate(None)
        self._verbose = verbose
        self._announced = False

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        title, start = one_line(title), time.monotonic()
        self._announce()
        note = _Note(_Seldom(title, self._print, 0.0 if self._verbose else EVERY_S))
        slow = threading.Timer(0.0 if self._verbose else SLOW_S, self._print, (f"… {title}",))
        slow.daemon = True
        slow.start()
        try:
            yield note
        finally:
            slow.cancel()
        elapsed_s = time.monotonic() - start
        self._estimate.end(title, elapsed_s)
        self._print(_line(title, note.text, elapsed_s))

    def _announce(self) -> None:
        """Say once how long it took the last time."""
        whole_s = self._estimate.whole_s()
        if not self._announced and whole_s is not None and whole_s >= WORTH_SAYING_S:
            self._print(f"… the last time this took {duration_text(whole_s)}")
        self._announced = True

    def _print(self, line: str) -> None:
        print(self._stamped(line), file=sys.stderr, flush=True)

    def _stamped(self, line: str) -> str:
        return f"[{self._estimate.elapsed_s:7.1f} s] {line}" if self._verbose else line


class LiveProgress:
    """Show a spinner with the elapsed time while a step runs, and replace it by one line when it ends.

    Below it a bar shows the whole command and the time left, if the command has run here before.
    """

    def __init__(self, estimate: Estimate | None = None) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._estimate = estimate or Estimate(None)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        from rich.console import Group
        from rich.live import Live
        from rich.progress import Progress as Bar
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        title, start = one_line(title), time.monotonic()
        bar = Bar(SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        task = bar.add_task(title, total=None)
        with Live(
            Group(bar, _Whole(self._estimate, title, start)),
            console=self._console,
            transient=True,
            refresh_per_second=4,  # ten times a second would take processor time from the measurement
        ):
            note = _Note(lambda text: bar.update(task, description=f"{title}: {text}" if text else title))
            yield note
        elapsed_s = time.monotonic() - start
        self._estimate.end(title, elapsed_s)
        self._console.print(rich_text(_line(title, note.text, elapsed_s)))


class _Whole:
    """The bar of the whole command, drawn anew each time that it is shown."""

    WIDTH = 24

    def __init__(self, estimate: Estimate, title: str, start: float) -> None:
        self._estimate, self._title, self._start = estimate, title, start

    def __rich__(self) -> Text:
        from rich.text import Text

        elapsed_s = self._estimate.elapsed_s
        left_s = self._estimate.left_s(self._title, time.monotonic() - self._start)
        if left_s is None:
            return Text(f"  all: {duration_text(elapsed_s)}, time left unknown: the first time here", style="dim")
        share = min(0.99, elapsed_s / (elapsed_s + left_s)) if elapsed_s > 0 else 0.0  # it has not ended yet
        full = round(share * self.WIDTH)
        is_late = elapsed_s > (self._estimate.whole_s() or 0.0) and left_s < 1
        left = "longer than the last time" if is_late else f"about {duration_text(max(left_s, 1.0))} left"
        return Text.assemble(
            "  all: ", ("━" * full, "green"), ("━" * (self.WIDTH - full), "dim"), f" {share:.0%}, {left}"
        )


def _line(title: str, note: str, elapsed_s: float) -> str:
    details = ", ".join(text for text in (note, f"{elapsed_s:.1f} s" if elapsed_s >= 1 else "") if text)
    return f"✓ {title}" + (f": {details}" if details else "")


def make_progress(*, quiet: bool) -> Progress:
    """Return the display for this process: none when quiet, every note when verbose."""
    if quiet:
        return Silent()
    estimate = estimate_of_this_command()
    if os.environ.get(VERBOSE):
        return PlainProgress(estimate, verbose=True)
    return LiveProgress(estimate) if sys.stderr.isatty() else PlainProgress(estimate)
