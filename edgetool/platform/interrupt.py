"""Ctrl-C and SIGTERM as an exception, so that `finally` blocks run and children end."""

from __future__ import annotations

import signal
from types import FrameType
from typing import NoReturn


class Interrupted(BaseException):
    """Not KeyboardInterrupt, which Typer turns into an exit of its own."""


def _unwind(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise Interrupted


def unwind_on_signals() -> None:
    signal.signal(signal.SIGINT, _unwind)
    signal.signal(signal.SIGTERM, _unwind)
