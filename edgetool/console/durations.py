"""How long the steps of a command took here the last time, to estimate the time that is left."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import ClassVar

from edgetool.errors import ConfigError
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.store import cache_root, key_of
from edgetool.platform.values import NonNegative, Text, value
from edgetool.platform.words import own_words

KEPT = 100  # commands whose durations are kept
NO_MATTER = ("--json", "--force", "--verbose", "--wait")  # options that change little


@value
class Durations:
    """The milliseconds that each step took, by its title."""

    SCHEMA: ClassVar[int] = 1
    schema: int = SCHEMA
    steps_ms: dict[Text, NonNegative] = field(default_factory=dict)


class Estimate:
    """The time left of a command, from the durations of its steps the last time that it ran.

    Steps that are new count as nothing, and steps that are not run again as left: it is a rough estimate.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._last = _read(path)
        self._left = dict(self._last)
        self._taken = dict(self._last)
        self._start = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._start

    def whole_s(self) -> float | None:
        """Return how long all steps took the last time, or None when the command has not run here."""
        return sum(self._last.values()) / 1000 if self._last else None

    def left_s(self, title: str = "", since_s: float = 0.0) -> float | None:
        """Return the seconds left when step `title` has run for `since_s`, or None when nothing is known."""
        if not self._last:
            return None
        now_s = self._left.get(title, 0) / 1000
        return sum(self._left.values()) / 1000 - min(since_s, now_s)

    def end(self, title: str, seconds: float) -> None:
        """Note that a step took so long. What can't be kept is not worth an error."""
        self._left.pop(title, None)
        self._taken[title] = round(seconds * 1000)
        if self._path is not None:
            with suppress(OSError, ConfigError):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_document(self._path, Durations(steps_ms=self._taken))
                for old in sorted(self._path.parent.glob("*.json"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
                    old.unlink(missing_ok=True)


def estimate_of_this_command() -> Estimate:
    """Return the estimate for this process's command line. A program that uses the library has none."""
    words = [word for word in own_words() if word not in NO_MATTER]
    key = key_of({"words": words, "directory": str(Path.cwd())})
    return Estimate(cache_root() / "durations" / f"{key}.json" if words else None)


def _read(path: Path | None) -> dict[str, int]:
    if path is None or not path.is_file():
        return {}
    try:
        return dict(read_document(path, Durations).steps_ms)
    except ConfigError:
        return {}  # of another release


def duration_text(seconds: float) -> str:
    """Format a duration for someone who waits.

    >>> duration_text(7.4), duration_text(95), duration_text(3700)
    ('7 s', '1 min 35 s', '1 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
