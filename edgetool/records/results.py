"""A run's folder, which has the same layout for every command. Records are stored by the hash of their inputs.

run.json
records/KEY/TARGET-MODEL-PRECISION.json     a record
records/KEY/TARGET-MODEL-PRECISION.npz      the outputs it was judged by
report.md, report.html, summary.csv, charts/
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Len

from edgetool.errors import CompareError, ConfigError, HarnessError
from edgetool.harness.harness import Outputs
from edgetool.models.spec import ModelSpec
from edgetool.platform.arrays import read_npz
from edgetool.platform.documents import read_document, schema_of, write_document
from edgetool.platform.files import is_inside, staged
from edgetool.platform.names import name_hint
from edgetool.platform.values import Name, Text, value
from edgetool.records import schema1
from edgetool.records.case import Case, CaseResult, Fallback
from edgetool.records.goals import Goals
from edgetool.records.record import Record, Recorded

RECORDS = "records"
RUN = "run.json"
CASES_LIMIT = 10_000
FILES_OF_A_RECORD = frozenset({".json", ".npz"})


class Criterion(StrEnum):
    """The criterion for choosing a runtime."""

    LATENCY = "latency"
    SIZE = "size"
    MEMORY = "memory"
    ACCURACY = "accuracy"


@value
class Run:
    """The result of each case of a plan, and fallbacks on the way. Stored as `run.json`."""

    SCHEMA: ClassVar[int] = 2
    schema: int
    id: Name
    command: Name  # "deploy", "bench", "sweep"
    title: Text
    created_at: datetime
    edgetool: Name
    results: Annotated[tuple[CaseResult, ...], Len(0, CASES_LIMIT)]
    fallbacks: tuple[Fallback, ...] = ()
    goals: Goals = ()
    criterion: Criterion = Criterion.LATENCY


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """A run that was read back: each case's result with its record, or None if it failed."""

    folder: Path
    run: Run
    entries: tuple[tuple[CaseResult, Recorded | None], ...]

    @property
    def recorded(self) -> tuple[Recorded, ...]:
        """The records of all cases that have one."""
        return tuple(recorded for _, recorded in self.entries if recorded is not None)

    @property
    def target(self) -> str | None:
        """The run's main target: the last one of its plan."""
        return self.run.results[-1].case.target if self.run.results else None

    @property
    def models(self) -> tuple[ModelSpec, ...]:
        """The distinct models of the records."""
        return tuple(dict.fromkeys(recorded.record.subject.model for recorded in self.recorded))


class RecordStore:
    """The records of a run's folder: one folder for each key, complete or absent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, key: str) -> bool:
        """Return whether there is a readable record."""
        try:
            self.read(key)
        except CompareError:
            return False
        return True

    def path(self, key: str) -> str:
        """Return a record's path relative to the run's folder. Raises CompareError when there is none."""
        found = sorted((self._folder / RECORDS / key).glob("*.json"))
        if len(found) != 1:
            raise CompareError(f"{self._folder / RECORDS / key} contains no record")
        return f"{RECORDS}/{key}/{found[0].name}"

    def read(self, key: str) -> Recorded:
        """Read a record. Raises CompareError when there is none or it can't be read."""
        return read_recorded(self._folder / self.path(key))

    def write(self, key: str, fill: Callable[[Path], object], case: Case) -> str:
        """Store the files that `fill` writes into a folder. Return the record's path relative to the run's folder.

        Raises HarnessError when they aren't a record of this case.
        """
        try:
            with staged(self._folder / RECORDS / key) as beside:
                fill(beside)
                _check_files(beside, case)
        except CompareError as error:
            raise HarnessError(f"{case.target}: the result is not a record: {error.message}") from error
        return self.path(key)


def _check_files(folder: Path, case: Case) -> None:
    """Check that files, possibly sent by a worker on another machine, are exactly one record of this case."""
    files = list(folder.iterdir())
    for path in files:
        if path.suffix not in FILES_OF_A_RECORD or not path.is_file():
            raise HarnessError(f"{case.target}: {path.name!r} is not a file of a record")
    records = [path for path in files if path.suffix == ".json"]
    if len(records) != 1:
        raise HarnessError(f"{case.target}: expected one record, got {len(records)}")
    subject = read_recorded(records[0]).record.subject
    if (subject.target, subject.precision, subject.threads) != (case.target, case.precision, case.threads):
        raise HarnessError(f"{case.target}: the record is of {subject.title}, {subject.threads} thread(s)")


def write_run(folder: Path, run: Run) -> None:
    """Write `run.json`. Raises ConfigError when the folder isn't writable."""
    try:
        write_document(folder / RUN, run)
    except OSError as error:
        raise ConfigError(f"cannot write to {folder}: {error.strerror}", hint="choose another folder") from error


def write_recorded(folder: Path, recorded: Recorded, stem: str) -> None:
    """Write a record, with its outputs beside it."""
    record = recorded.record
    if record.outputs_file is not None:
        # Names are positional, since an output's name may not be valid for a member of a zip.
        arrays: dict[str, Any] = {f"output_{i}": array for i, array in enumerate(recorded.outputs.values())}
        np.savez_compressed(folder / record.outputs_file, names=np.array(list(recorded.outputs)), **arrays)
    write_document(folder / f"{stem}.json", record)


def run_folders(root: Path) -> list[Path]:
    """The run that `root` is, or those that lie in it, the latest name first; one that is unfinished is none."""
    if _is_run(root):
        return [root]
    try:
        with os.scandir(root) as entries:
            found = [Path(entry.path) for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    except OSError:
        return []
    return sorted((folder for folder in found if _is_run(folder)), key=lambda folder: folder.name, reverse=True)


def _is_run(folder: Path) -> bool:
    return (folder / RUN).is_file() or (folder / schema1.SWEEP).is_file()


def read_run(folder: Path) -> StoredRun:
    """Read a run. Raises CompareError when the folder isn't a run, or its records are missing or invalid."""
    if not folder.is_dir():
        beside = [str(other.parent) for other in folder.parent.glob(f"*/{RUN}")]
        raise CompareError(f"there is no run {folder}", hint=name_hint(str(folder), beside, what="runs there"))
    if (folder / schema1.SWEEP).is_file() and not (folder / RUN).is_file():
        return _lifted(folder, *schema1.read_sweep(folder))
    if schema_of(folder / RUN, error=CompareError) == schema1.SCHEMA:
        return _lifted(folder, *schema1.read_run(folder))
    run = read_document(folder / RUN, Run, error=CompareError)
    return StoredRun(folder=folder, run=run, entries=_entries(folder, run.results))


def _entries(folder: Path, results: Sequence[CaseResult]) -> tuple[tuple[CaseResult, Recorded | None], ...]:
    entries = []
    for result in results:
        if result.record is not None and not is_inside(result.record):
            raise CompareError(f"{folder / RUN}: records: {result.record!r} is not inside the run")
        entries.append((result, None if result.record is None else read_recorded(folder / result.record)))
    return tuple(entries)


def _lifted(folder: Path, head: schema1.Head, results: tuple[CaseResult, ...]) -> StoredRun:
    """Convert a run of the first schema."""
    run = Run(
        schema=Run.SCHEMA,
        id=head.id,
        command=head.command,
        title=head.title,
        created_at=head.created_at,
        edgetool=head.edgetool,
        results=results,
        fallbacks=head.fallbacks,
    )
    return StoredRun(folder=folder, run=run, entries=_entries(folder, results))


def read_recorded(path: Path) -> Recorded:
    """Read a record of any schema, with its outputs. Raises CompareError."""
    if schema_of(path, error=CompareError) == schema1.SCHEMA:
        record = schema1.read_record(path)
    else:
        record = read_document(path, Record, error=CompareError)
    if record.outputs_file is None:
        return Recorded(record=record, outputs={})
    if not is_inside(record.outputs_file) or "/" in record.outputs_file:
        raise CompareError(f"{path}: outputs_file: {record.outputs_file!r} is not a file name")
    return Recorded(record=record, outputs=_read_outputs(path.parent / record.outputs_file))


def _read_outputs(path: Path) -> Outputs:
    """Read the outputs beside a record. A record copied alone has none."""
    if not path.exists():
        return {}
    arrays = read_npz(path, error=CompareError)
    names = arrays.get("names")
    if names is None or names.ndim != 1 or any(f"output_{i}" not in arrays for i in range(len(names))):
        raise CompareError(f"{path} contains no outputs of a record")
    return {str(name): arrays[f"output_{i}"] for i, name in enumerate(names)}
