"""Processes that outlive the command that started them.

A process is identified by PID and start time, so a reused PID never ends the wrong process.
"""

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
    """A process identified by its PID and start time, since PIDs are reused."""

    pid: Positive
    started_ticks: NonNegative  # clock ticks since boot, as in /proc/PID/stat


def identify(pid: int) -> Daemon | None:
    """Return the process that has this PID now. Return None when there is none or it is a zombie."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = line.rpartition(")")[2].split()  # the process name before the last ")" may contain any character
    return None if fields[0] in "ZX" else Daemon(pid=pid, started_ticks=int(fields[19]))


def is_running(daemon: Daemon) -> bool:
    return identify(daemon.pid) == daemon


def end_daemon(daemon: Daemon) -> bool:
    """Send SIGTERM, then SIGKILL, and wait until the process has ended. Return False if it had ended before."""
    try:
        handle = os.pidfd_open(daemon.pid)
    except ProcessLookupError:
        return False
    try:
        if not is_running(daemon):  # checked after the handle was opened, so the PID can't have been reused since
            return False
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
            if select.select([handle], [], [], GRACE_S)[0]:
                break
    finally:
        os.close(handle)
    return True
