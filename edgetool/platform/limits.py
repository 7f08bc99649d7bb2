"""How long and how much: the bounds of all that is read from, or sent to, somebody else's machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SLOWEST_BYTES_PER_S = 1024  # on the whole: less is nobody's link


class Pace:
    """The deadline of a transfer, moved on by what arrives: it may neither pause for long nor trickle.

    >>> pace = Pace(silence_s=30, now=lambda: 100.0)
    >>> pace.left_s
    30.0
    """

    def __init__(self, silence_s: float, *, now: Callable[[], float] = time.monotonic) -> None:
        self._silence_s = silence_s
        self._now = now
        self._start_s = self._last_s = now()
        self._bytes = 0

    @property
    def left_s(self) -> float:
        """How long the next piece may take; 0 when the time is up."""
        by_silence = self._last_s + self._silence_s
        by_rate = self._start_s + self._silence_s + self._bytes / SLOWEST_BYTES_PER_S
        return max(0.0, min(by_silence, by_rate) - self._now())

    def passed(self, count: int) -> None:
        """So many bytes came, or went."""
        self._last_s = self._now()
        self._bytes += count


class Deadline:
    """A moment that nothing moves on; None for never."""

    def __init__(self, after_s: float | None) -> None:
        self._end_s = None if after_s is None else time.monotonic() + after_s

    @property
    def left_s(self) -> float:
        return float("inf") if self._end_s is None else max(0.0, self._end_s - time.monotonic())


@contextmanager
def closed_after(seconds: float, close: Callable[[], object]) -> Iterator[threading.Event]:
    """Call `close` when the block takes longer: what waits in it for the thing that is closed then ends with an error.

    For what takes no deadline of its own. Yields an event that is set once the time was up.
    """
    late = threading.Event()

    def end() -> None:
        late.set()
        close()

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
