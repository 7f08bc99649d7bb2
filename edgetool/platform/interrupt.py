"""Turn Ctrl-C, SIGTERM and SIGHUP into an exception, so that `finally` blocks run and child processes end."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXIT_CODE = 130


class Interrupted(BaseException):
    """Raised once on a signal. KeyboardInterrupt would be turned into an exit by Typer."""


def _unwind(number: int, frame: FrameType | None) -> NoReturn:
    """Raise Interrupted on the first signal only: a second one would interrupt the cleanup."""
    del number, frame
    for each in SIGNALS:
        _handle(each, _insist if each == signal.SIGINT else signal.SIG_IGN)
    raise Interrupted


def _insist(number: int, frame: FrameType | None) -> None:
    """Warn on the second Ctrl-C, which may be accidental; the third one exits immediately."""
    del number, frame
    os.write(2, b"cleaning up; press Ctrl-C again to exit immediately\n")
    _handle(signal.SIGINT, _end)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """Exit immediately. The guard ends the child processes."""
    del number, frame
    os._exit(EXIT_CODE)


def _handle(number: signal.Signals, handler: object) -> None:
    if signal.getsignal(number) is not signal.SIG_IGN:  # signals ignored from the start stay ignored, as nohup needs
        signal.signal(number, handler)  # type: ignore[arg-type]


def unwind_on_signals() -> None:
    for each in SIGNALS:
        _handle(each, _unwind)


def end_on_signals() -> None:
    """Let signals end the process again, when there is nothing left to unwind."""
    for each in SIGNALS:
        _handle(each, signal.SIG_DFL)
