"""A lock that outlives its holder, in the programs that the holder has started."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def inherited_lock(path: Path) -> Iterator[int]:
    """Wait for the lock on a file; yields its descriptor.

    A program that is started with the descriptor has the lock too, so that what a killed process has left running is
    waited for.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)  # and not unlocked: that would be for all who have it
