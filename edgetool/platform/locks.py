"""A file lock that child processes inherit and keep after its holder ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def inherited_lock(path: Path) -> Iterator[int]:
    """Wait for an exclusive lock on a file and yield its descriptor.

    A program started with the descriptor shares the lock, so processes left by a killed holder are waited for.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)  # closed, not unlocked: unlocking would release the lock for every process that shares it
