"""The points of a sweep: what is measured where, what came of each, and the folder that keeps them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import Len

from edgetool import __version__
from edgetool.bench.measure import Measurement
from edgetool.bench.runs import read_measurement
from edgetool.errors import CompareError, ConfigError, EdgetoolError, HarnessError
from edgetool.models.spec import Precision
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.values import FileName, Name, Positive, Text, value

RECORDS = "records"
SWEEP = "sweep.json"
POINTS_LIMIT = 10_000
FILES_OF_A_POINT = frozenset({".json", ".npz"})

Key = Annotated[str, Len(16, 16)]


@value
class Point:
    """One model in one precision on one target with so many threads."""

    model: FileName
    precision: Precision
    target: Name
    threads: Positive

    @property
    def title(self) -> str:
        """What tells it from the other points of its target."""
        return f"{self.model} {self.precision}, {self.threads} thread{'s' * (self.threads > 1)}"


@value
class PointFailure:
    """Why a point has no record."""

    error: Name  # the error's class
    message: Text
    hint: Text | None = None

    @classmethod
    def of(cls, error: EdgetoolError) -> PointFailure:
        return cls(error=type(error).__name__, message=error.message[:4096], hint=error.hint)


@value
class PointResult:
    """What came of a point: exactly one of `key`, which names its record, and `failure` is there."""

    point: Point
    key: Key | None = None
    kept: bool = False  # measured by an earlier sweep
    failure: PointFailure | None = None


@value
class Sweep:
    """The file `sweep.json` in a sweep's folder."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    name: Name
    created_at: datetime
    edgetool: Name
    results: Annotated[tuple[PointResult, ...], Len(0, POINTS_LIMIT)]


@dataclass(frozen=True, kw_only=True)
class StoredSweep:
    """A sweep read back: each result with its measurement, None where it failed."""

    sweep: Sweep
    points: tuple[tuple[PointResult, Measurement | None], ...]


class RecordStore:
    """Records by the key of their points' inputs: a folder for each, whole or absent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, key: str) -> bool:
        """Whether there is a record that can be read."""
        try:
            self.read(key)
        except CompareError:
            return False
        return True

    def read(self, key: str) -> Measurement:
        """Raises CompareError when there is none, or it can't be read."""
        records = sorted((self._folder / key).glob("*.json"))
        if len(records) != 1:
            raise CompareError(f"{self._folder / key} holds no record")
        return read_measurement(records[0])

    def write(self, key: str, files: dict[str, bytes], point: Point) -> None:
        """Keep what a board's worker sent. Raises HarnessError when that is no record of this point."""
        self._folder.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=self._folder, prefix=f".{key}-"))
        try:
            for name, data in files.items():
                if Path(name).name != name or Path(name).suffix not in FILES_OF_A_POINT:
                    raise HarnessError(f"{point.target}: {name!r} is no file of a record")
                (beside / name).write_bytes(data)
            _check_record(RecordStore(self._folder).read(beside.name), point)
            beside.chmod(0o755)
            shutil.rmtree(self._folder / key, ignore_errors=True)
            beside.rename(self._folder / key)
        except CompareError as error:
            raise HarnessError(f"{point.target}: what came back is no record: {error.message}") from error
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def _check_record(measurement: Measurement, point: Point) -> None:
    record = measurement.record
    found = (record.target, record.model.precision, record.spec.threads)
    if found != (point.target, point.precision, point.threads):
        raise HarnessError(f"{point.target}: the record is of {record.title}, {record.spec.threads} thread(s)")


def record_store(folder: Path) -> RecordStore:
    return RecordStore(folder / RECORDS)


def write_sweep(folder: Path, name: str, created_at: datetime, results: Iterable[PointResult]) -> None:
    """Write `sweep.json`. Raises ConfigError when the folder can't be written to."""
    sweep = Sweep(schema=Sweep.SCHEMA, name=name, created_at=created_at, edgetool=__version__, results=tuple(results))
    try:
        write_document(folder / SWEEP, sweep)
    except OSError as error:
        raise ConfigError(f"cannot write to {folder}: {error.strerror}", hint="choose another folder") from error


def read_sweep(folder: Path) -> StoredSweep:
    """Raises CompareError for a folder that is no sweep, or whose records are missing."""
    sweep = read_document(folder / SWEEP, Sweep, error=CompareError)
    if sweep.schema != Sweep.SCHEMA:
        raise CompareError(f"{folder / SWEEP}: schema: {sweep.schema}, this edgetool reads {Sweep.SCHEMA}")
    store = record_store(folder)
    points = tuple(
        (result, None if result.key is None else store.read(_checked(result.key))) for result in sweep.results
    )
    return StoredSweep(sweep=sweep, points=points)


def _checked(key: str) -> str:
    if not key.isalnum():
        raise CompareError(f"{key!r} is not a record's key")
    return key
