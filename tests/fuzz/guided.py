"""A reader in Python under atheris: `python -m tests.fuzz.guided NAME`, and libFuzzer's arguments.

Without atheris, which not every Python has, by mutation alone for as many seconds as `-max_total_time` says.
"""

from __future__ import annotations

import os
import random
import sys
import time
import traceback
from pathlib import Path
from types import TracebackType
from typing import NoReturn

try:
    import atheris
except ImportError:
    atheris = None

if atheris is None:
    from tests.fuzz.readers import corpus, read, seeds
else:
    with atheris.instrument_imports(include=["edgetool"]):
        from tests.fuzz.readers import corpus, read, seeds

from tests.fuzz.mutation import mutate
from tests.support.waiting import within


def unguided(name: str, arguments: list[str]) -> None:
    seconds = next(float(word.partition("=")[2]) for word in arguments if word.startswith("-max_total_time="))
    find = Path(arguments[0]) / "find"
    chance, end = random.Random(time.time_ns()), time.monotonic() + seconds
    while time.monotonic() < end:
        data = mutate(chance, (*seeds()[name], *corpus(name)))
        find.write_bytes(data)
        read(name, data)
    find.unlink(missing_ok=True)


def guided(name: str, arguments: list[str]) -> None:
    def custom(data: bytes, longest: int, seed: int) -> bytes:
        """Half of the time ours, which knows documents."""
        if seed % 2:
            return mutate(random.Random(seed), (*seeds()[name], data))[:longest]
        return bytes(atheris.Mutate(data, longest))

    def attempt(data: bytes) -> None:
        with within(60):
            read(name, data)

    atheris.Setup([sys.argv[0], *arguments], attempt, custom_mutator=custom)
    sys.excepthook = leave
    atheris.Fuzz()


def leave(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> NoReturn:
    """Show an error and end at once: at an ordinary exit, atheris waits for the lock of an interpreter that is gone."""
    traceback.print_exception(kind, error, trace)
    sys.stderr.flush()
    os._exit(1)


if __name__ == "__main__":
    _, name, *arguments = sys.argv
    for data in corpus(name):
        read(name, data)
    (unguided if atheris is None else guided)(name, arguments)
