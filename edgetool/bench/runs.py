"""A run's folder: records, outputs and the run's own description, written whole or not at all."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from edgetool import __version__
from edgetool.bench.compare import Outputs
from edgetool.bench.measure import Measurement
from edgetool.bench.record import Fallback, Run, RunRecord
from edgetool.errors import CompareError, ConfigError
from edgetool.models.spec import ModelSpec
from edgetool.platform.arrays import read_npz
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.files import is_inside

RECORDS = "records"
RUN = "run.json"


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """A run read back: its folder, its description, its records with their outputs."""

    folder: Path
    run: Run
    measurements: tuple[Measurement, ...]


def write_run(
    root: Path,
    *,
    target: str,
    created_at: datetime,
    models: Sequence[ModelSpec],
    measurements: Sequence[Measurement],
    fallbacks: Sequence[Fallback] = (),
) -> Path:
    """Write `<root>/<utc>-<id>/` and return it. Raises ConfigError when `root` can't be written to."""
    name = f"{created_at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=root, prefix=f".{name}-"))
    except OSError as error:
        raise ConfigError(
            f"cannot write to {root}: {error.strerror}", hint="choose another folder with --runs"
        ) from error
    try:
        records = [write_measurement(beside / RECORDS, measurement) for measurement in measurements]
        run = Run(
            schema=Run.SCHEMA,
            id=name,
            created_at=created_at,
            edgetool=__version__,
            target=target,
            models=tuple(models),
            records=tuple(f"{RECORDS}/{record}" for record in records),
            fallbacks=tuple(fallbacks),
        )
        write_document(beside / RUN, run)
        beside.chmod(0o755)
        beside.rename(root / name)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return root / name


def write_measurement(folder: Path, measurement: Measurement) -> str:
    """Write a record and its outputs into `folder`; returns the record's file name."""
    write_document(folder / f"{measurement.stem}.json", measurement.record)
    # Positional names: an output may be called anything, a member of a zip may not.
    arrays: dict[str, Any] = {f"output_{i}": array for i, array in enumerate(measurement.outputs.values())}
    np.savez_compressed(folder / measurement.record.outputs_file, names=np.array(list(measurement.outputs)), **arrays)
    return f"{measurement.stem}.json"


def read_run(folder: Path) -> StoredRun:
    """Raises CompareError for a folder that is no run or was written by another schema."""
    run = read_document(folder / RUN, Run, error=CompareError)
    if run.schema != Run.SCHEMA:
        raise CompareError(f"{folder / RUN}: schema: {run.schema}, this edgetool reads {Run.SCHEMA}")
    for name in run.records:
        if not is_inside(name):
            raise CompareError(f"{folder / RUN}: records: {name!r} is not inside the run")
    measurements = tuple(read_measurement(folder / name) for name in run.records)
    return StoredRun(folder=folder, run=run, measurements=measurements)


def read_measurement(path: Path) -> Measurement:
    """A record with its outputs. Raises CompareError."""
    record = read_document(path, RunRecord, error=CompareError)
    if record.schema != RunRecord.SCHEMA:
        raise CompareError(f"{path}: schema: {record.schema}, this edgetool reads {RunRecord.SCHEMA}")
    if not record.samples_ns:
        raise CompareError(f"{path}: samples_ns: empty")
    if not is_inside(record.outputs_file) or "/" in record.outputs_file:
        raise CompareError(f"{path}: outputs_file: {record.outputs_file!r} is not a file's name")
    return Measurement(record=record, outputs=dict(_read_outputs(path.parent / record.outputs_file)))


def _read_outputs(path: Path) -> Outputs:
    """The outputs beside a record; a record that was copied alone has none."""
    if not path.exists():
        return {}
    arrays = read_npz(path, error=CompareError)
    names = arrays.get("names")
    if names is None or names.ndim != 1 or any(f"output_{i}" not in arrays for i in range(len(names))):
        raise CompareError(f"{path} holds no outputs of a record")
    return {str(name): arrays[f"output_{i}"] for i, name in enumerate(names)}
