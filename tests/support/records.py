"""Records as measuring the tiny model would leave them, and runs of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edgetool.boards.facts import BoardFacts
from edgetool.harness.instructions import Cell, InstructionMix, Traffic
from edgetool.harness.result import HarnessEnvironment, LoadedRuntime
from edgetool.measurements.accuracy import Accuracy
from edgetool.measurements.timing import Timing
from edgetool.models.images import Float32Array
from edgetool.models.spec import ModelSpec, Precision, TensorSpec
from edgetool.records.case import OWN_RUNTIME, Case, CaseResult, Fallback
from edgetool.records.record import Environment, Record, Recorded, RuntimeIdentity, Subject
from edgetool.records.results import RecordStore, Run, write_recorded, write_run
from tests.support.bundles import QUICK, ZEROS
from tests.support.models import CLASSES, SHAPE


def model_spec(**changes: Any) -> ModelSpec:
    spec = ModelSpec(
        name="tiny",
        precision=Precision.FP32,
        sha256="a" * 64,
        size_bytes=4000,
        opset=17,
        ir_version=8,
        inputs=(TensorSpec(name="input", dtype="float32", shape=SHAPE),),
        outputs=(TensorSpec(name="logits", dtype="float32", shape=(1, CLASSES)),),
        weights="tiny.onnx",
        accuracy_means_something=True,
    )
    return replace(spec, **changes)


def environment(**changes: Any) -> Environment:
    process = HarnessEnvironment(
        machine="x86_64",
        kernel="6.1",
        libc="2.36",
        processors=2,
        processors_allowed=2,
        hwcap=0,
        vector_length_bits=0,
    )
    loaded = LoadedRuntime(version="1.21.0", build_info=None, api_version=21, library=None, build_id=None)
    return replace(Environment(process=process, emulator=None, board=BoardFacts(), runtime=loaded), **changes)


def timing(**changes: Any) -> Timing:
    whole = Timing(
        spec=QUICK,
        session_load_ns=10_000_000,
        first_run_ns=2_000_000,
        warmup_ns=(1_500_000,),
        samples_ns=tuple(1_400_000 + i for i in range(30)),
        peak_rss_bytes=50_000_000,
        before=BoardFacts(),
        after=BoardFacts(),
    )
    return replace(whole, **changes)


def runtime_identity(**changes: Any) -> RuntimeIdentity:
    whole = RuntimeIdentity(name="wheel", kind="onnxruntime", title="ONNX Runtime 1.21.0 (wheel)", key=ZEROS)
    return replace(whole, **changes)


def subject(**changes: Any) -> Subject:
    whole = Subject(
        model=model_spec(),
        recipe="export",
        runtime=runtime_identity(),
        target="host",
        triple="x86_64-linux-gnu",
        threads=1,
    )
    return replace(whole, **changes)


def record(**changes: Any) -> Record:
    """An unremarkable record: no caveat follows from it. Changes are fields of it, of its subject or of its timing."""
    of_subject = {field.name: changes.pop(field.name) for field in fields(Subject) if field.name in changes}
    of_timing = {field.name: changes.pop(field.name) for field in fields(Timing) if field.name in changes}
    whole = Record(
        schema=2,
        id="20260101T000000-abcdef",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        edgetool="0.1.0",
        subject=subject(**of_subject),
        bundle_id=ZEROS,
        inputs_sha256="b" * 64,
        harness="build",
        environment=environment(),
        outputs_file="host-tiny-fp32.npz",
        timing=timing(**of_timing),
        accuracy=Accuracy(images=200, labels=(1,) * 198 + (2,) * 2, inputs_sha256="b" * 64, predictions=(1,) * 200),
    )
    return replace(whole, **changes)


def emulated_record(**changes: Any) -> Record:
    emulated = environment(emulator="qemu-riscv64 version 7.2", board=None)
    return record(
        **{
            "target": "qemu-riscv64",
            "triple": "riscv64-linux-gnu",
            "environment": emulated,
            "before": None,
            "after": None,
            "outputs_file": "qemu-riscv64-tiny-fp32.npz",
            **changes,
        }
    )


def instruction_mix(
    *,
    scalar: int,
    vector: int = 0,
    weight: int = 0,
    load_bytes: int = 0,
    store_bytes: int = 0,
    traffic: tuple[Traffic, ...] = (),
) -> InstructionMix:
    """Scalar additions and vector multiply-accumulates, as many as each is said to be."""
    cells = (
        Cell(op="add", count=scalar, weight=scalar),
        Cell(op="vmacc", sew=32, registers=4.0, count=vector, weight=weight),
    )
    return InstructionMix(
        cells=tuple(cell for cell in cells if cell.count),
        load_bytes=load_bytes,
        store_bytes=store_bytes,
        traffic=traffic,
    )


def recorded(of: Record, outputs: Mapping[str, Float32Array] | None = None) -> Recorded:
    logits = np.random.default_rng(1).standard_normal((4, CLASSES), dtype=np.float32)
    return Recorded(record=of, outputs={"logits": logits} if outputs is None else dict(outputs))


def case_of(of: Record, runtime: str = OWN_RUNTIME) -> Case:
    found = of.subject
    return Case(
        model=found.model.name,
        precision=found.precision,
        target=found.target,
        threads=found.threads,
        runtime=runtime,
    )


def stored_run(
    folder: Path, *entries: Recorded, fallbacks: Sequence[Fallback] = (), runtimes: Sequence[str] = ()
) -> Path:
    """A run's folder with these records; `runtimes` are what their cases call their runtimes."""
    names = [*runtimes, *[OWN_RUNTIME] * (len(entries) - len(runtimes))]
    results = []
    for number, (entry, runtime) in enumerate(zip(entries, names, strict=True)):
        case = case_of(entry.record, runtime)
        path = RecordStore(folder).write(
            f"{number:016x}", partial(write_recorded, recorded=entry, stem=case.stem), case
        )
        results.append(CaseResult(case=case, record=path))
    run = Run(
        schema=2,
        id="20260102T030405Z-abcdef",
        command="deploy",
        title=f"{entries[0].record.subject.model.name} on {entries[-1].record.subject.target}",
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        edgetool="0.1.0",
        results=tuple(results),
        fallbacks=tuple(fallbacks),
    )
    write_run(folder, run)
    return folder
