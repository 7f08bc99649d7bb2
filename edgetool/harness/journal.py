"""The journal of an unfinished run: each job on a board with its result, so that a lost link costs nothing."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgetool.errors import HarnessError, TransferError
from edgetool.executors.base import CommandResult
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.files import is_regular, staged
from edgetool.platform.store import key_of
from edgetool.platform.values import Name, value

JOBS = "jobs"  # the journal's folder in a run's folder
STARTED, ENDED, FILES = "started.json", "ended.json", "files"
RESULTS_KEPT_S = 7 * 24 * 3600.0  # how long a board keeps what a job wrote: no job that is fetched began earlier


@value
class Started:
    """A job that was started on a board."""

    SCHEMA: ClassVar[int] = 1
    schema: int = SCHEMA
    job: Name  # without the target, as `SESSION.NUMBER`
    folder: Name  # in the board's work folder: where the harness writes
    started_s: float  # by CLOCK_BOOTTIME, which all processes share and nobody sets


@value
class Ended:
    """A job that ended well. Its files are beside this document."""

    SCHEMA: ClassVar[int] = 1
    schema: int = SCHEMA
    duration_s: float  # of a fetched job the time until it was fetched, which is an upper bound


@dataclass(frozen=True)
class JournalEntry:
    """One run of the harness: nothing yet, a job that was started, or its files."""

    folder: Path

    def begin(self, job: str, folder: str) -> None:
        """Note which job on the board the run is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        started_s = time.clock_gettime(time.CLOCK_BOOTTIME)
        write_document(self.folder / STARTED, Started(job=job, folder=folder, started_s=started_s))

    def forget(self) -> None:
        """Forget a job that will not be continued."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def keep(self, files: Path, *, duration_s: float) -> None:
        """Keep a copy of what the harness wrote."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with staged(self.folder / FILES) as beside:
            shutil.copytree(files, beside, dirs_exist_ok=True)
        write_document(self.folder / ENDED, Ended(duration_s=duration_s))

    def keep_fetched(self, fetched: Path) -> None:
        """Keep what a job wrote, given the files of its work folder. Raises HarnessError when it wrote nothing."""
        started = read_document(self.folder / STARTED, Started, error=HarnessError)
        files = fetched / started.folder
        if not is_regular(files / "result.json"):
            raise HarnessError(f"{started.job}: the harness wrote no result")
        passed_s = time.clock_gettime(time.CLOCK_BOOTTIME) - started.started_s
        self.keep(files, duration_s=passed_s if passed_s > 0 else RESULTS_KEPT_S)  # else this machine was restarted

    def result(self) -> CommandResult | None:
        """Return how the run ended, or None when it has to be run. Its files are read by `get`."""
        if not (self.folder / ENDED).exists():
            return None
        ended = read_document(self.folder / ENDED, Ended, error=HarnessError)
        return CommandResult(
            argv=("harness",), exit_code=0, stdout=b"", stderr=b"", duration_s=ended.duration_s, timed_out=False
        )

    def get(self, name: str, local: Path, limit_bytes: int) -> None:
        """Copy a file that the harness wrote. Raises TransferError, also beyond `limit_bytes`."""
        path = self.folder / FILES / name
        if not is_regular(path):
            raise TransferError(f"{path} is not a file")
        if path.stat().st_size > limit_bytes:
            raise TransferError(f"{path} is larger than {limit_bytes} bytes")
        shutil.copyfile(path, local)


class Journal:
    """The entries of one run, found again by what each run of the harness follows from, in the order of the runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken: Counter[str] = Counter()

    def entry(self, inputs: Mapping[str, object]) -> JournalEntry:
        """Return the entry of the next run with these inputs: a model is timed several times alike."""
        key = key_of(inputs)
        self._taken[key] += 1
        return JournalEntry(self._folder / f"{key}-{self._taken[key]}")


def find_entry(runs: Path, job: str) -> tuple[Path, JournalEntry] | None:
    """Return the run's folder in `runs` and the entry of a job, or None when no unfinished run waits for it."""
    for path in sorted([*runs.glob(f"*/{JOBS}/*/{STARTED}"), *runs.glob(f"{JOBS}/*/{STARTED}")]):
        try:
            started = read_document(path, Started, error=HarnessError)
        except HarnessError:
            continue  # the run has ended in the meantime
        if started.job == job:
            return path.parents[2], JournalEntry(path.parent)
    return None
