"""A model of the zoo through export, int8 and the emulated board, and what its records say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.zoo.rows import LEAST_SHARE, ZooRow
from edgetool import api
from edgetool.errors import EdgetoolError
from edgetool.estimates.cores import Core, load_core
from edgetool.estimates.rows import EstimateRow
from edgetool.harness.instructions import SCALAR
from edgetool.models.spec import TensorSpec
from edgetool.pipeline.estimates import recorded_rows
from edgetool.platform.files import is_regular
from edgetool.platform.foreign import one_line
from edgetool.platform.format import percent_text
from edgetool.records.compare import HOST, OutputDifference, output_difference
from edgetool.records.record import Recorded
from edgetool.records.results import read_run

TARGET = "qemu-riscv64"
CORE = "x60"
PRECISIONS = ("fp32", "fp16", "int8")
SAMPLES = 2  # held-out inputs that outputs are compared on


def measure(model: api.Model, runs: Path, *, count: bool) -> ZooRow:
    """Deploy a model, in `runs`, where one that is there is kept; a failure is a row with its reason."""
    task = str(model.task)
    folder = runs / model.title
    try:
        finished = [path.parent for path in sorted(folder.glob("*/run.json")) if is_regular(path)]
        if not finished or (count and not _is_counted(finished[-1])):
            finished.append(_deploy(model, folder, count=count))
        return _row(model.title, task, finished[-1])
    except EdgetoolError as error:
        return ZooRow(model=model.title, task=task, failure=one_line(error.message, 300))


def _deploy(model: api.Model, folder: Path, *, count: bool) -> Path:
    instruments = ("accuracy", *(("instructions",) if count else ()))  # an emulator's times say nothing
    return api.deploy(model, TARGET, precisions=PRECISIONS, instruments=instruments, images=SAMPLES, runs=folder).folder


def _is_counted(run: Path) -> bool:
    return any(_instructions(found) for found in read_run(run).recorded)


def _row(name: str, task: str, run: Path) -> ZooRow:
    records = {
        (found.record.subject.target, found.record.subject.precision.value): found for found in read_run(run).recorded
    }
    fp32, int8 = records[TARGET, "fp32"], records[TARGET, "int8"]
    quantized, moved = _difference(fp32, int8), _difference(records[HOST, "fp32"], fp32)
    estimate = _estimate(run, load_core(CORE))
    return ZooRow(
        model=name,
        task=task,
        inputs=", ".join(map(_shape, fp32.record.subject.model.inputs)),
        runtime=fp32.record.subject.runtime.title,
        fp32_bytes=fp32.record.subject.model.size_bytes,
        int8_bytes=int8.record.subject.model.size_bytes,
        fp32_instructions=_instructions(fp32),
        int8_instructions=_instructions(int8),
        without_vectors=_without_vectors([records[TARGET, name] for name in PRECISIONS if (TARGET, name) in records]),
        estimate_core=None if estimate is None else estimate.core_title,
        estimate_low_ms=None if estimate is None else estimate.ms.low,
        estimate_high_ms=None if estimate is None else estimate.ms.high,
        samples=0 if quantized is None else quantized.samples,
        int8_noise_db=None if quantized is None else quantized.signal_to_noise_db,
        int8_cosine=None if quantized is None else quantized.cosine,
        agreeing=None if quantized is None else quantized.same_top1,
        host_noise_db=None if moved is None else moved.signal_to_noise_db,
    )


def _difference(baseline: Recorded, candidate: Recorded) -> OutputDifference | None:
    classes = baseline.record.accuracy is not None and candidate.record.accuracy is not None
    return output_difference(baseline.outputs, candidate.outputs, classes=classes)


def _instructions(recorded: Recorded) -> int | None:
    counts = recorded.record.instructions
    return None if counts is None else counts.raw


def _without_vectors(counted: Sequence[Recorded]) -> tuple[str, ...] | None:
    found = [(each.record.subject.precision, counts) for each in counted if (counts := each.record.instructions)]
    if not found:
        return None
    return tuple(
        f"{precision}: {each.operator} {percent_text(each.share)}"
        for precision, counts in found
        for each in counts.operators
        if each.share > LEAST_SHARE and each.kernels == SCALAR
    )


def _estimate(run: Path, core: Core) -> EstimateRow | None:
    rows = [row for row in recorded_rows(run, [core]) if "int8" in row.of]
    return rows[0] if rows else None


def _shape(tensor: TensorSpec) -> str:
    return f"{tensor.name} {'×'.join(map(str, tensor.shape))}"
