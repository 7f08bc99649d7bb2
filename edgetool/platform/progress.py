"""The interface through which work reports its progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Note = Callable[[str], None]  # receives a progress message, such as a step's `note`


def unheard(text: str) -> None:
    """Discard a progress message."""
    del text


class Step(Protocol):
    """A piece of work in progress."""

    def note(self, text: str) -> None:
        """Report the current state or, in the last call, the result."""
        ...

    def count(self, done: int, total: int, unit: str) -> None:
        """Report how much is done, such as 3 of 64 "samples". The time left follows from it."""
        ...


class Progress(Protocol):
    def step(self, title: str) -> AbstractContextManager[Step]:
        """Show a piece of work for as long as the block runs."""
        ...


class Silent:
    """Report nothing: for `--json`, tests and library use."""

    class _Step:
        def note(self, text: str) -> None:
            del text

        def count(self, done: int, total: int, unit: str) -> None:
            del done, total, unit

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        del title
        yield self._Step()


SILENT: Progress = Silent()
