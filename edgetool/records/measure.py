"""Measure a model on a bench with the requested instruments, and make a record."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from edgetool import __version__
from edgetool.bundles import Bundle, BundledModel
from edgetool.errors import ConfigError, HarnessError
from edgetool.harness.bench import Bench
from edgetool.harness.harness import HarnessOutcome, Outputs
from edgetool.harness.result import LoadedRuntime
from edgetool.measurements.reading import Reading
from edgetool.models.tasks.base import Score
from edgetool.records.case import OWN_RUNTIME
from edgetool.records.instruments import DEFAULT, INSTRUMENTS
from edgetool.records.record import Environment, Record, Recorded, RuntimeIdentity, Subject
from edgetool.runtimes.spec import RuntimeBuild


@dataclass(frozen=True, kw_only=True)
class Taken:
    """The readings of all instruments for one model."""

    outcome: HarnessOutcome  # the harness run whose environment is recorded
    runtime: RuntimeIdentity
    loaded: LoadedRuntime | None
    measured: Mapping[str, Any]  # instrument → its measurement
    outputs: Outputs = field(default_factory=dict)
    scores: tuple[Score, ...] = ()
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))


def measure(
    bench: Bench,
    model: BundledModel,
    *,
    instruments: Sequence[str] = DEFAULT,
    runtime: str = OWN_RUNTIME,
    timed: Reading | None = None,
) -> Recorded:
    """Measure one model of the bench's bundle. `runtime` is the runtime's name in the plan.

    `timed` is a reading of the instrument "timing" that was taken in turn with other models. Raises whatever an
    instrument raises; no record is made then.
    """
    started_at = datetime.now(UTC)
    readings = {} if timed is None else {"timing": timed}
    left = [name for name in INSTRUMENTS if name in instruments and name not in readings]
    readings |= {name: INSTRUMENTS[name].measure(bench, model) for name in left}
    if not readings:
        raise ConfigError("no instrument was requested", hint=f"known instruments: {', '.join(INSTRUMENTS)}")
    outcome = next(iter(readings.values())).outcome
    if outcome.result.runtime is None:
        raise HarnessError(f"{model.spec.name} {model.spec.precision}: the result names no runtime")
    taken = Taken(
        outcome=outcome,
        runtime=identify(bench.bundle.manifest.runtime, name=runtime, environment=bench.environment),
        loaded=outcome.result.runtime,
        measured={name: reading.measurement for name, reading in readings.items()},
        outputs={name: array for reading in readings.values() for name, array in reading.outputs.items()},
        scores=tuple(score for reading in readings.values() for score in reading.scores),
        started_at=started_at,
    )
    return make_record(bench, model, taken)


def make_record(bench: Bench, model: BundledModel, taken: Taken) -> Recorded:
    """Make the record of all readings."""
    target, manifest, result = bench.target, bench.bundle.manifest, taken.outcome.result
    record = Record(
        schema=Record.SCHEMA,
        id=f"{taken.started_at:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}",
        started_at=taken.started_at,
        edgetool=__version__,
        subject=Subject(
            model=model.spec,
            recipe=model.spec.precision.recipe,
            runtime=taken.runtime,
            target=target.name,
            triple=manifest.triple,
            threads=target.benchmark.threads,
        ),
        bundle_id=manifest.id,
        inputs_sha256=_sha256_of_first_sample(bench.bundle),
        harness=result.harness,
        environment=Environment(
            process=result.environment, runtime=taken.loaded, emulator=bench.executor.emulator, board=bench.board
        ),
        outputs_file=f"{target.name}-{model.spec.name}-{model.spec.precision}.npz" if taken.outputs else None,
        data=manifest.data,
        overlap=manifest.overlap,
        scores=taken.scores,
        **taken.measured,
    )
    return Recorded(record=record, outputs=taken.outputs)


def identify(
    build: RuntimeBuild, *, name: str = OWN_RUNTIME, environment: Mapping[str, str] | None = None
) -> RuntimeIdentity:
    """Identify a build as records do. The target's own runtime is named after its provider."""
    return RuntimeIdentity(
        name=build.provider if name == OWN_RUNTIME else name,
        kind=build.name,
        title=build.title,
        key=build.key,
        variant=build.variant,
        size_bytes=build.size_bytes,
        flags=build.flags,
        environment=tuple(sorted((environment or {}).items())),
        installed=build.installed,
    )


def _sha256_of_first_sample(bundle: Bundle) -> str:
    """Hash the first sample, which is the one timed; bundles with more images time the same one."""
    digest = hashlib.sha256()
    for tensor in bundle.manifest.inputs:
        path = bundle.root / tensor.path
        with path.open("rb") as file:
            digest.update(file.read(path.stat().st_size // tensor.samples))
    return digest.hexdigest()
