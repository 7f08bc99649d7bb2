"""A dead man's switch: when this process ends for any reason, its child processes and temporary files are removed.

A shell runs beside this process and reads a pipe whose other end only this process holds. Every process started here
carries a mark in its environment. The shell finds marked processes in /proc, even those with another session or parent.
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
ROUNDS = 20  # passes that look for processes started meanwhile

# The shell ignores the signals a terminal sends to its group and reacts only when its stdin closes.
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
    """The switch of this process, started on first use."""

    def __init__(self) -> None:
        self._own = os.urandom(8).hex()  # importing `secrets` takes 6 ms
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._pipe: int | None = None

    def arm(self, scratch: Path | None = None) -> None:
        with self._lock:
            if self._pipe is None:
                self._pipe = _start_switch()
                # A name of two lines is not removed by the shell, which reads one and would remove another folder.
                named = b"" if scratch is None or "\n" in str(scratch) else os.fsencode(scratch)
                os.write(self._pipe, f"{VARIABLE}={self._own}.\n".encode() + named + b"\n")

    def next_mark(self) -> str:
        return f"{self._own}.{next(self._numbers)}."


_guard = _Guard()


def _start_switch() -> int:
    """Start the shell. Return the end of the pipe that closes when this process ends."""
    theirs, ours = os.pipe()
    nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    actions = [(os.POSIX_SPAWN_DUP2, theirs, 0), *nowhere]
    try:
        os.posix_spawn("/bin/sh", ["sh", "-c", _SWITCH], unmarked(os.environ), file_actions=actions, setsid=True)
    finally:
        os.close(theirs)
    return ours


def marked(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a program that must not outlive this process."""
    _guard.arm()
    return {**environment, VARIABLE: _guard.next_mark()}


def unmarked(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a program that may outlive this process."""
    return {name: text for name, text in environment.items() if name not in (VARIABLE, "TMPDIR")}


def end_marked(environment: Mapping[str, str]) -> None:
    """End every process that carries the mark given by `marked`, with SIGTERM first and SIGKILL next."""
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
    """Return handles of the processes that carry `mark`.

    The mark is checked again after the handle is opened, since the PID may have been reused before.
    """
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
    """Keep the temporary files of this process and its children in one folder, and remove it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    _guard.arm(folder)
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield folder
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove the folder. The switch removes it when this fails."""
    with contextlib.suppress(OSError):
        try:
            folder.rmdir()  # nothing was written, as by `--help`
        except OSError:
            from edgetool.platform.files import remove_tree  # slow to import

            remove_tree(folder)
