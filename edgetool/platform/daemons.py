"""Processes that outlive the command that started them: known by PID and start time, so that no other is ended."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path

from edgetool.platform.values import NonNegative, Positive, value

GRACE_S = 5.0


@value
class Daemon:
    """A PID is used again after its process ended; with the time of its start it is not mistaken for another."""

    pid: Positive
    started_ticks: NonNegative  # since the machine's own start, as in /proc/PID/stat


def identify(pid: int) -> Daemon | None:
    """The process that has this PID now, or None; one that ended and waits for its parent counts as none."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = line.rpartition(")")[2].split()  # the name before it may hold anything
    return None if fields[0] in "ZX" else Daemon(pid=pid, started_ticks=int(fields[19]))


def is_running(daemon: Daemon) -> bool:
    return identify(daemon.pid) == daemon


def end_daemon(daemon: Daemon) -> bool:
    """End it, politely and then not, and wait until it is gone. False if it was gone before."""
    try:
        handle = os.pidfd_open(daemon.pid)
    except ProcessLookupError:
        return False
    try:
        if not is_running(daemon):  # asked after the handle was opened: the handle stays that process's
            return False
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
            if select.select([handle], [], [], GRACE_S)[0]:
                break
    finally:
        os.close(handle)
    return True
