"""Time limits for reading from and writing to other machines."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SLOWEST_BYTES_PER_S = 1024  # average rate; anything slower counts as stalled
AHEAD_BYTES, AHEAD_S = 2**17, 2.0  # how far ahead of its receiver a sender is; OpenSSH tells of each 96 KiB it took
STALL_S = 0.5  # without news of the receiver, until it may be sent more


class Pace:
    """A deadline for a transfer that each received byte extends, with limits on silence and on the average rate.

    Threads may share one.

    >>> pace = Pace(silence_s=30, now=lambda: 100.0)
    >>> pace.left_s
    30.0
    """

    def __init__(self, silence_s: float, *, now: Callable[[], float] = time.monotonic) -> None:
        self._silence_s = silence_s
        self._now = now
        self._start_s = self._last_s = now()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def left_s(self) -> float:
        """Seconds left for the next chunk; 0 when the time is up."""
        by_silence = self._last_s + self._silence_s
        by_rate = self._start_s + self._silence_s + self._bytes / SLOWEST_BYTES_PER_S
        return max(0.0, min(by_silence, by_rate) - self._now())

    def passed(self, count: int) -> None:
        """Record `count` transferred bytes."""
        with self._lock:
            self._last_s = self._now()
            self._bytes += count


class Flow:
    """How much may be on its way to a receiver: what it took in the last two seconds, and a little more.

    What is sent beyond that only fills buffers, and whatever comes next, a heartbeat or the end, waits behind it. A
    receiver may tell of what it took in large steps, dropbear after a third of its window. So without news the little
    doubles after STALL_S, and again after twice as long each time.

    >>> seconds = iter([0.0, 1.0, 1.3, 1.6, 1.7])
    >>> flow = Flow(now=lambda: next(seconds))
    >>> flow.most_bytes(taken=500_000), flow.most_bytes(taken=500_000)
    (631072, 631072)
    >>> flow.most_bytes(taken=500_000), flow.most_bytes(taken=600_000)
    (762144, 731072)
    """

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._taken = deque([(now(), 0)])  # when → bytes in all
        self._restart(self._taken[0][0])

    def _restart(self, now: float) -> None:
        self._ahead_bytes, self._stall_s, self._news_s = AHEAD_BYTES, STALL_S, now

    def most_bytes(self, taken: int) -> int:
        """Return how much may be on its way, given the bytes that the receiver has taken in all."""
        now = self._now()
        if taken > self._taken[-1][1]:
            self._restart(now)
        elif now - self._news_s > self._stall_s:
            self._ahead_bytes, self._stall_s, self._news_s = 2 * self._ahead_bytes, 2 * self._stall_s, now
        self._taken.append((now, taken))
        while len(self._taken) > 1 and self._taken[0][0] < now - AHEAD_S:
            self._taken.popleft()
        return self._ahead_bytes + taken - self._taken[0][1]


class Deadline:
    """A deadline, or none when `after_s` is None. Progress renews it, at most `renewals` times."""

    def __init__(self, after_s: float | None, *, renewals: int = 0) -> None:
        self._after_s = after_s
        self._end_s = None if after_s is None else time.monotonic() + after_s
        self._renewals = renewals

    def renew(self) -> None:
        """Begin again after progress, unless all renewals are used up."""
        if self._after_s is not None and self._renewals > 0:
            self._end_s = time.monotonic() + self._after_s
            self._renewals -= 1

    @property
    def left_s(self) -> float:
        return float("inf") if self._end_s is None else max(0.0, self._end_s - time.monotonic())


@contextmanager
def closed_after(seconds: float, close: Callable[[], object]) -> Iterator[threading.Event]:
    """Call `close` if the block takes longer than `seconds`, so that a call blocked inside it fails.

    Use it for operations that take no timeout. Yields an event that is set when the time was up.
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
