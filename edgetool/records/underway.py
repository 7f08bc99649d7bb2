"""The file `underway.json` of a running run: all its cases, and the results of the finished ones."""

from __future__ import annotations

import fcntl
from datetime import datetime
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import Len

from edgetool.errors import CompareError
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.values import Lines, Text, value
from edgetool.records.case import Case, CaseResult
from edgetool.records.results import CASES_LIMIT

FILE = "underway.json"
LOCK = ".lock"


@value
class Underway:
    SCHEMA: ClassVar[int] = 1
    schema: int = SCHEMA
    title: Text
    started_at: datetime
    words: tuple[Lines, ...] = ()  # of the command line, after `edgetool`; none for a program that uses the library
    directory: Lines = ""  # where it was called
    cases: Annotated[tuple[Case, ...], Len(0, CASES_LIMIT)]
    results: Annotated[tuple[CaseResult, ...], Len(0, CASES_LIMIT)] = ()


def read_underway(folder: Path) -> Underway:
    """Raises CompareError when the run has ended."""
    return read_document(folder / FILE, Underway, error=CompareError)


def write_underway(folder: Path, run: Underway) -> None:
    write_document(folder / FILE, run)


def clear_underway(folder: Path) -> None:
    """Remove the file once the run is written."""
    (folder / FILE).unlink(missing_ok=True)


def runs_under_way(root: Path) -> list[tuple[Underway, bool]]:
    """Return the unfinished runs in a folder, each with whether it is running now."""
    found = []
    for path in sorted([root / FILE, *root.glob(f"*/{FILE}")]):
        if path.is_file():
            try:
                found.append((read_document(path, Underway, error=CompareError), _is_locked(path.with_name(LOCK))))
            except CompareError:
                continue  # it has ended in the meantime, or isn't a run
    return found


def _is_locked(path: Path) -> bool:
    """Test for the writer's lock with a shared lock, which doesn't block readers and writers only for an instant."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
