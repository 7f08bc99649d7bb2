"""How long work tells that it is going on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Note = Callable[[str], None]  # hears how work goes: a step's `note`


def unheard(text: str) -> None:
    """Where nobody listens."""
    del text


class Step(Protocol):
    """One piece of work under way."""

    def note(self, text: str) -> None:
        """Say how it goes or, last, how it went."""
        ...


class Progress(Protocol):
    def step(self, title: str) -> AbstractContextManager[Step]:
        """Announce a piece of work for as long as the block runs."""
        ...


class Silent:
    """Says nothing: for `--json`, tests and library use."""

    class _Step:
        def note(self, text: str) -> None:
            del text

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        del title
        yield self._Step()
