"""A dead man's switch: when this process ends, however it ends, all it has started ends, and its temporary files go.

A shell beside it reads a pipe whose other end nobody else holds. What this process starts carries a mark in its
environment, so that a session or a parent of its own does not hide it: /proc tells the mark of every process of ours.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path

VARIABLE = "EDGETOOL_CHILD"
PREFIX = "edgetool-"
GRACE_S = 1.0
ROUNDS = 20  # of looking for what was started meanwhile

# It heeds no signal that a terminal sends to all: only that the other end of its stdin is closed.
_SWITCH = rf"""
trap '' HUP INT QUIT TERM
cd /
read -r mark
read -r scratch
while read -r _; do :; done
send() {{
  found=$(grep -lsF -e "$mark" /proc/[0-9]*/environ)
  for each in $found; do each=${{each#/proc/}}; kill -"$1" "${{each%/environ}}"; done
  [ -n "$found" ]
}}
send TERM && for _ in 1 2 3 4 5 6 7 8 9 10; do
  sleep 0.1 || sleep 1
  send 0 || break
done
for _ in 1 2 3 4 5 6 7 8 9 10; do send KILL || break; done
case $scratch in */{PREFIX}*) rm -rf "$scratch" ;; esac
"""


class _Guard:
    """One for each process; made by the first that needs it."""

    def __init__(self) -> None:
        self._own = os.urandom(8).hex()  # the module secrets takes 6 ms to load
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._pipe: int | None = None

    def arm(self, scratch: Path | None = None) -> None:
        with self._lock:
            if self._pipe is None:
                self._pipe = _start_switch()
                os.write(self._pipe, f"{VARIABLE}={self._own}.\n{scratch or ''}\n".encode())

    def next_mark(self) -> str:
        return f"{self._own}.{next(self._numbers)}."


_guard = _Guard()


def _start_switch() -> int:
    """The end of the pipe that closes when this process ends."""
    theirs, ours = os.pipe()
    nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    actions = [(os.POSIX_SPAWN_DUP2, theirs, 0), *nowhere]
    try:
        os.posix_spawn("/bin/sh", ["sh", "-c", _SWITCH], unmarked(os.environ), file_actions=actions, setsid=True)
    finally:
        os.close(theirs)
    return ours


def marked(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of something that is to end with this process at the latest."""
    _guard.arm()
    return {**environment, VARIABLE: _guard.next_mark()}


def unmarked(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of something that may go on when this process ends."""
    return {name: text for name, text in environment.items() if name not in (VARIABLE, "TMPDIR")}


def end_marked(environment: Mapping[str, str]) -> None:
    """End whatever carries the mark that `marked` gave: politely, then not."""
    mark = f"{VARIABLE}={environment[VARIABLE]}".encode()
    for attempt in range(ROUNDS):
        with contextlib.ExitStack() as stack:
            handles = _carriers(mark, stack)
            if not handles:
                return
            for handle in handles:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, signal.SIGTERM if attempt == 0 else signal.SIGKILL)
            end_s = time.monotonic() + GRACE_S
            for handle in handles:
                select.select([handle], [], [], max(0.0, end_s - time.monotonic()))


def _carriers(mark: bytes, stack: contextlib.ExitStack) -> list[int]:
    """Handles of the processes that carry a mark; each is looked at again once its PID can be no other's."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in _environ(folder):
                handle = os.pidfd_open(int(folder.name))
                stack.callback(os.close, handle)
                if mark in _environ(folder):
                    found.append(handle)
    return found


def _environ(folder: Path) -> bytes:
    return (folder / "environ").read_bytes()


@contextlib.contextmanager
def scratch_of_our_own() -> Iterator[Path]:
    """All temporary files of this process, and of what it starts, in one folder, gone with it."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    _guard.arm(folder)
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError):  # the switch tries it again
            from edgetool.platform.files import remove_tree  # with its values, which no command line waits for

            remove_tree(folder)
