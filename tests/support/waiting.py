"""Bounds on what must not hang, and waits for what other processes do."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn


def unusual_seconds() -> str:
    """A number of seconds that no other sleeper of this machine sleeps."""
    return f"{600 + int.from_bytes(os.urandom(3)) / 2**24:.9f}"


def await_true(condition: Callable[[], object], what: str, timeout_s: float = 60) -> None:
    """Wait for what another process does on its own, such as a board that cleans up after a lost link."""
    pause = threading.Event()
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, what
        pause.wait(0.1)


def is_locked(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


class StillGoing(BaseException):
    """Raised in what hangs; no handler of an ordinary error takes it for its own."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """A generous bound on what must not hang: past it the block raises StillGoing."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        del number, frame
        raise StillGoing(f"after {seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
