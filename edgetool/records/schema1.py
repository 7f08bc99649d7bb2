"""Convert runs and records of schema 1, which kept all measurements in one flat record.

Schema 1 counted instructions by class instead of operation. Such counts can't be converted and are left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar

from annotated_types import Len

from edgetool.boards.facts import BoardFacts
from edgetool.errors import CompareError
from edgetool.harness.result import HarnessEnvironment, Latencies, LoadedRuntime, Samples
from edgetool.measurements.accuracy import Accuracy
from edgetool.measurements.operators import Operators, OperatorTime
from edgetool.measurements.timing import Timing
from edgetool.models.spec import ModelSpec, Precision
from edgetool.platform.documents import read_document
from edgetool.platform.files import is_inside
from edgetool.platform.values import FileName, Name, NonNegative, Positive, Sha256, Text, value
from edgetool.records.case import Case, CaseFailure, CaseResult, Fallback, Key
from edgetool.records.record import Environment, Record, RuntimeIdentity, Subject
from edgetool.targets.spec import BenchmarkSpec

SCHEMA = 1
RUN, SWEEP = "run.json", "sweep.json"
PROVIDER = re.compile(r"\((\w+)\)$")  # "ONNX Runtime 1.21.0 (debian)"


@value
class FirstEnvironment:
    process: HarnessEnvironment
    emulator: Text | None
    before: BoardFacts | None
    after: BoardFacts | None
    runtime: LoadedRuntime


@value
class FirstRecord:
    SCHEMA: ClassVar[int] = SCHEMA
    schema: int
    id: Name
    started_at: datetime
    edgetool: Name
    target: Name
    triple: Name
    bundle_id: Sha256
    model: ModelSpec
    runtime: Text
    runtime_variant: Text | None = None
    runtime_flags: tuple[Text, ...] = ()
    runtime_key: Sha256
    inputs_sha256: Sha256
    spec: BenchmarkSpec
    environment: FirstEnvironment
    harness: Name
    session_load_ns: NonNegative
    first_run_ns: NonNegative
    warmup_ns: Samples
    samples_ns: Latencies
    peak_rss_bytes: NonNegative | None
    outputs_file: Name
    evaluation: Accuracy | None
    operators: tuple[OperatorTime, ...] = ()
    instructions: Any = None
    baselines: Annotated[tuple[Any, ...], Len(0, 64)] = ()


@value
class FirstRun:
    SCHEMA: ClassVar[int] = SCHEMA
    schema: int
    id: Name
    created_at: datetime
    edgetool: Name
    target: Name
    models: tuple[ModelSpec, ...]
    records: tuple[Name, ...]
    fallbacks: tuple[Fallback, ...] = ()


@value
class FirstPoint:
    model: FileName
    precision: Precision
    target: Name
    threads: Positive


@value
class FirstPointResult:
    point: FirstPoint
    key: Key | None = None
    kept: bool = False
    failure: CaseFailure | None = None


@value
class FirstSweep:
    SCHEMA: ClassVar[int] = SCHEMA
    schema: int
    name: Name
    created_at: datetime
    edgetool: Name
    results: tuple[FirstPointResult, ...]


@dataclass(frozen=True, kw_only=True)
class Head:
    """Facts about a run or a sweep as a whole."""

    id: str
    command: str
    title: str
    created_at: datetime
    edgetool: str
    fallbacks: tuple[Fallback, ...] = ()


def read_record(path: Path) -> Record:
    """Read a record of schema 1. Raises CompareError."""
    return _lift(read_document(path, FirstRecord, error=CompareError))


def read_run(folder: Path) -> tuple[Head, tuple[CaseResult, ...]]:
    """Read a run of schema 1. Raises CompareError when the folder isn't one."""
    run = read_document(folder / RUN, FirstRun, error=CompareError)
    for name in run.records:
        if not is_inside(name):
            raise CompareError(f"{folder / RUN}: records: {name!r} is not inside the run")
    title = f"{run.models[0].name if run.models else 'model'} on {run.target}"
    head = Head(
        id=run.id,
        command="deploy",
        title=title,
        created_at=run.created_at,
        edgetool=run.edgetool,
        fallbacks=run.fallbacks,
    )
    subjects = [(name, read_record(folder / name).subject) for name in run.records]
    results = (
        CaseResult(
            case=Case(model=s.model.name, precision=s.precision, target=s.target, threads=s.threads), record=name
        )
        for name, s in subjects
    )
    return head, tuple(results)


def read_sweep(folder: Path) -> tuple[Head, tuple[CaseResult, ...]]:
    """Read a sweep of schema 1. Raises CompareError when the folder isn't one or a record is missing."""
    sweep = read_document(folder / SWEEP, FirstSweep, error=CompareError)
    head = Head(id=sweep.name, command="sweep", title=sweep.name, created_at=sweep.created_at, edgetool=sweep.edgetool)
    return head, tuple(_lift_result(folder, result) for result in sweep.results)


def _lift_result(folder: Path, result: FirstPointResult) -> CaseResult:
    point, record = result.point, None
    if result.key is not None:
        found = sorted((folder / "records" / result.key).glob("*.json")) if result.key.isalnum() else []
        if len(found) != 1:
            raise CompareError(f"{folder / SWEEP}: {result.key!r} is not the key of a record")
        record = f"records/{result.key}/{found[0].name}"
    case = Case(model=point.model, precision=point.precision, target=point.target, threads=point.threads)
    return CaseResult(case=case, record=record, kept=result.kept, failure=result.failure)


def _lift(first: FirstRecord) -> Record:
    environment, provider = first.environment, PROVIDER.search(first.runtime)
    return Record(
        schema=Record.SCHEMA,
        id=first.id,
        started_at=first.started_at,
        edgetool=first.edgetool,
        subject=Subject(
            model=first.model,
            recipe=first.model.precision.recipe,
            runtime=RuntimeIdentity(
                name=provider[1] if provider else "unknown",
                kind="onnxruntime",
                title=first.runtime,
                key=first.runtime_key,
                variant=first.runtime_variant,
                flags=first.runtime_flags,
            ),
            target=first.target,
            triple=first.triple,
            threads=first.spec.threads,
        ),
        bundle_id=first.bundle_id,
        inputs_sha256=first.inputs_sha256,
        harness=first.harness,
        environment=Environment(
            process=environment.process,
            runtime=environment.runtime,
            emulator=environment.emulator,
            board=environment.before,
        ),
        outputs_file=first.outputs_file,
        timing=Timing(
            spec=first.spec,
            session_load_ns=first.session_load_ns,
            first_run_ns=first.first_run_ns,
            warmup_ns=first.warmup_ns,
            samples_ns=first.samples_ns,
            peak_rss_bytes=first.peak_rss_bytes,
            before=environment.before,
            after=environment.after,
        ),
        accuracy=first.evaluation,
        operators=Operators(times=first.operators) if first.operators else None,
    )
