"""MLPerf's scenario Offline: throughput where all samples are at hand, over batch sizes and threads."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated

import numpy as np
from annotated_types import Len

from edgetool.bundles import BundledModel
from edgetool.errors import ConfigError, EdgetoolError, HarnessError
from edgetool.harness.bench import Bench, title
from edgetool.harness.harness import HarnessOutcome, Outputs
from edgetool.measurements.reading import Instrument, Reading
from edgetool.models.batch import write_batched
from edgetool.platform.values import Positive, value
from edgetool.records.stats import Interval, quantile
from edgetool.runtimes.table import KINDS
from edgetool.targets.registry import executor_of
from edgetool.targets.spec import Target

BATCHES = (1, 4, 16)  # times the model's own
THERE = PurePosixPath("offline")
FEWEST_BATCHES = 6  # whose range is an interval of 95 %
TOLERANCE = 1e-3  # of the largest output, between a batch and single samples
HINT = "measure it on a board, or count instructions"


@value
class Throughput:
    """The throughput with one batch size on one number of threads."""

    batch: Positive
    threads: Positive
    batches: Positive  # timed
    samples_per_s: Interval  # batch ÷ the median time of a batch, with the median's interval, or the range of all

    @property
    def has_interval(self) -> bool:
        """Whether it is one of 95 %: the range of a few batches is narrower."""
        return self.batches >= FEWEST_BATCHES


@value
class Offline:
    """The scenario Offline of MLPerf Inference (Reddi et al. 2020): samples in any order and number at once."""

    points: Annotated[tuple[Throughput, ...], Len(1, 64)]

    @property
    def best(self) -> Throughput:
        return max(self.points, key=lambda point: point.samples_per_s.value)


def measure(bench: Bench, model: BundledModel) -> Reading:
    """Time every batch size that the model can take and the bundle has samples for, on 1, 2, 4, … threads.

    A batch whose outputs are not those of single samples is left out. Raises whatever `Bench.run` raises for the
    model's own batch.
    """
    points: list[Throughput] = []
    with (
        bench.context.progress.step(f"throughput of {title(model)} on {bench.place}") as step,
        tempfile.TemporaryDirectory(prefix="edgetool-") as scratch,
    ):
        first = bench.run(model, threads=1, outputs=True, samples=max(BATCHES))
        environment = first.result.environment
        threads = tuple(_threads(bench, environment.processors_allowed or environment.processors))
        for batch in BATCHES:
            file = None if batch == 1 else _batched(bench, model, batch, Path(scratch), first)
            if batch == 1 or file is not None:
                points += [_time(bench, model, batch, count, file) for count in threads]
        measured = Offline(points=tuple(points))
        best = measured.best
        step.note(f"{best.samples_per_s.value:.4g} samples/s with batch {best.batch} on {best.threads} threads")
    return Reading(measurement=measured, outcome=first)


def _threads(bench: Bench, processors: int) -> Iterator[int]:
    """Yield 1, 2, 4, … up to the processors that the harness may use, or that the runtime supports."""
    most = min(processors, KINDS[bench.bundle.manifest.runtime.name].most_threads or processors)
    count = 1
    while count < most:
        yield count
        count *= 2
    yield most


def _batched(
    bench: Bench, model: BundledModel, batch: int, scratch: Path, single: HarnessOutcome
) -> PurePosixPath | None:
    """Put the model with another batch size on the target. None where that can't be had."""
    if KINDS[bench.bundle.manifest.runtime.name].form is not None or single.run.samples < batch:
        return None
    folder = scratch / str(batch)
    folder.mkdir()
    there = THERE / f"{model.spec.precision}-{batch}"
    try:
        write_batched(bench.bundle.root / model.path, folder / "model.onnx", batch)
        bench.executor.put(folder, there)
        found = bench.run(model, threads=1, outputs=True, samples=1, file=there / "model.onnx")
    except EdgetoolError:
        return None
    return there / "model.onnx" if _are_equal(found.outputs, single.outputs, batch) else None


def _are_equal(found: Outputs, single: Outputs, batch: int) -> bool:
    for name, outputs in single.items():
        expected = np.asarray(outputs[:batch], dtype=np.float64)
        if name not in found or found[name].size != expected.size:
            return False
        got = np.asarray(found[name], dtype=np.float64).reshape(expected.shape)
        if np.abs(got - expected).max(initial=0.0) > TOLERANCE * np.abs(expected).max(initial=1e-30):
            return False
    return True


def _time(bench: Bench, model: BundledModel, batch: int, threads: int, file: PurePosixPath | None) -> Throughput:
    run = bench.run(model, threads=threads, benchmark=bench.target.benchmark, file=file).run
    if not run.samples_ns:
        raise HarnessError(f"{title(model)}: the result contains no timed run")
    samples = batch * model.spec.inputs[0].shape[0] if model.spec.inputs else batch
    return Throughput(
        batch=samples,
        threads=threads,
        batches=len(run.samples_ns),
        samples_per_s=samples_per_second(run.samples_ns, samples),
    )


def samples_per_second(times_ns: Sequence[int], samples: int) -> Interval:
    """Return the throughput of batches of so many samples by the times of each, with its 95 % interval.

    Too few batches for an interval have the range of all. That of `FEWEST_BATCHES` or more holds the median, too, in
    1 − 2^(1 − batches) of all cases.
    """
    middle = quantile(times_ns, 0.5) or Interval(
        value=float(np.median(times_ns)), low=min(times_ns), high=max(times_ns)
    )
    low, middle_rate, high = (samples * 1e9 / max(time, 1.0) for time in (middle.high, middle.value, middle.low))
    return Interval(value=middle_rate, low=low, high=high)


def check(target: Target) -> None:
    """Raises ConfigError for an emulated target, whose throughput means nothing."""
    if executor_of(target).traits.emulates:
        raise ConfigError(f"{target.name} is emulated: its throughput says nothing about a board", hint=HINT)


INSTRUMENT = Instrument(measure=measure, check=check)
