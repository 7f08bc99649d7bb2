"""Ctrl-C, SIGTERM and a closed terminal as an exception, so that `finally` blocks run and children end."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXIT_CODE = 130


class Interrupted(BaseException):
    """Not KeyboardInterrupt, which Typer turns into an exit of its own."""


def _unwind(number: int, frame: FrameType | None) -> NoReturn:
    """Once: a second one would end the clean-up that the first one has begun."""
    del number, frame
    for each in SIGNALS:
        _handle(each, _insist if each == signal.SIGINT else signal.SIG_IGN)
    raise Interrupted


def _insist(number: int, frame: FrameType | None) -> None:
    """A hurried person may have pressed twice; one who means it presses again."""
    del number, frame
    os.write(2, b"cleaning up; once more ends it here\n")
    _handle(signal.SIGINT, _end)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """Now. What was started ends by the guard of guard.py."""
    del number, frame
    os._exit(EXIT_CODE)


def _handle(number: signal.Signals, handler: object) -> None:
    if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup wants it
        signal.signal(number, handler)  # type: ignore[arg-type]


def unwind_on_signals() -> None:
    for each in SIGNALS:
        _handle(each, _unwind)
