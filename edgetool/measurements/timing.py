"""Timing: the latency of every inference, and the board's state before and after."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Annotated

from annotated_types import Len

from edgetool.boards.conditions import cool_down
from edgetool.boards.facts import BoardFacts, read_facts
from edgetool.bundles import BundledModel
from edgetool.errors import EdgetoolError, HarnessError, LinkLost
from edgetool.harness.bench import Bench, title
from edgetool.harness.harness import HarnessOutcome
from edgetool.harness.result import Energy, Latencies, Memory, Samples
from edgetool.measurements.reading import Instrument, Reading
from edgetool.platform.values import Name, NonNegative, Positive, value
from edgetool.records.stats import Interval, Stop, median_ratio, ratio_in_turn, stop
from edgetool.targets.spec import BenchmarkSpec

ROUNDS = 4  # of A B B A; stats.T95 has the quantile for this number
Rival = tuple[Bench, BundledModel]


@value
class Turns:
    """Identifies a timing taken in turn with others, with one process for each block of samples."""

    id: Name  # shared by all that were timed in turn
    blocks: Annotated[tuple[Positive, ...], Len(2 * ROUNDS, 2 * ROUNDS)]  # number of samples in each


@value
class Timing:
    """The raw samples of one process, or of several in turn. Percentiles are derived from them and never stored."""

    spec: BenchmarkSpec
    session_load_ns: NonNegative
    first_run_ns: NonNegative
    warmup_ns: Samples
    samples_ns: Latencies
    stop: Stop | None = None  # None if no stop rule was used
    turns: Turns | None = None  # None if the model was timed alone
    energy: Energy | None = None  # of all repetitions; None without a sensor
    peak_rss_bytes: NonNegative | None  # of the harness process
    memory: Memory | None = None  # of the first process, by stage
    before: BoardFacts | None  # None when the target's /proc isn't its own
    after: BoardFacts | None

    def __post_init__(self) -> None:
        if self.turns is not None and sum(self.turns.blocks) != len(self.samples_ns):
            raise ValueError("the blocks do not add up to the samples")

    @property
    def energy_uj(self) -> float | None:
        """Of one inference, in microjoules: of all that the sensor sees, idle power included."""
        return None if self.energy is None else self.energy.microjoules / len(self.samples_ns)

    @property
    def blocks(self) -> tuple[Samples, ...]:
        """The samples of each process."""
        counts = (len(self.samples_ns),) if self.turns is None else self.turns.blocks
        return tuple(self.samples_ns[end - count : end] for count, end in zip(counts, accumulate(counts), strict=True))


def measure(bench: Bench, model: BundledModel) -> Reading:
    """Time the first sample of the bundle's inputs repeatedly, after cooling the board down if the spec asks for it."""
    spec = _spec(bench)
    with bench.context.progress.step(f"time {model.spec.precision} on {bench.place}") as step:
        reading = _of_blocks(bench, spec, read_facts(bench.executor), (_block(bench, model, spec),))
        step.note(_note(reading.measurement))
    return reading


def measure_in_turn(rivals: Sequence[Rival]) -> tuple[Reading | EdgetoolError, ...]:
    """Time several models on one board in turn, there and back: A B B A, repeated for each round.

    They may differ in their bundle, runtime and threads. Drift affects all alike, so it cancels in their ratio. Each
    block is a process of its own with its share of the repetitions. Differences between processes, such as memory
    layout, are part of the ratio's interval (Kalibera & Jones 2013). One that fails gets its error and no more turns.
    """
    found: list[list[HarnessOutcome] | EdgetoolError] = [[] for _ in rivals]
    first = rivals[0][0]
    order = range(len(rivals))
    with first.context.progress.step(f"time {_names(rivals)} in turn on {first.target.name}") as step:
        before = read_facts(first.executor)
        for i in (*order, *reversed(order)) * ROUNDS:
            outcomes, (bench, model) = found[i], rivals[i]
            if isinstance(outcomes, list):
                try:
                    outcomes.append(_block(bench, model, _share(_spec(bench))))
                except LinkLost:
                    raise  # its hint says how to go on
                except EdgetoolError as error:
                    found[i] = error
        turns = secrets.token_hex(8)
        readings = tuple(
            outcomes
            if isinstance(outcomes, EdgetoolError)
            else _of_blocks(bench, _spec(bench), before, outcomes, turns)
            for outcomes, (bench, _) in zip(found, rivals, strict=True)
        )
        notes = (
            f"{model.spec.precision} on {bench.place}: {_note(reading.measurement)}"
            for (bench, model), reading in zip(rivals, readings, strict=True)
            if isinstance(reading, Reading)
        )
        step.note("; ".join(notes))
    return readings


def _share(spec: BenchmarkSpec) -> BenchmarkSpec:
    """Return the spec of one block of several."""
    blocks = 2 * ROUNDS
    return replace(
        spec,
        min_repetitions=max(1, spec.min_repetitions // blocks),
        max_repetitions=max(1, spec.max_repetitions // blocks),
        min_duration_s=spec.min_duration_s / blocks,
        max_duration_s=spec.max_duration_s / blocks,
        target_error=min(1.0, spec.target_error * blocks**0.5),
    )


def _names(rivals: Sequence[Rival]) -> str:
    precisions = dict.fromkeys(str(model.spec.precision) for _, model in rivals)
    return " and ".join(precisions) if len(precisions) == len(rivals) else f"{len(rivals)} combinations"


def ratio(candidate: Timing, baseline: Timing) -> Interval:
    """Return the candidate's median latency ÷ the baseline's, computed by rounds if both were timed in turn."""
    if were_in_turn(candidate, baseline):
        return ratio_in_turn(candidate.blocks, baseline.blocks)
    return median_ratio(candidate.samples_ns, baseline.samples_ns)


def were_in_turn(a: Timing, b: Timing) -> bool:
    """Return whether the blocks of both alternated in one measurement."""
    return a.turns is not None and b.turns is not None and a.turns.id == b.turns.id


def _spec(bench: Bench) -> BenchmarkSpec:
    spec = bench.target.benchmark
    if bench.executor.emulator is not None:
        return replace(spec, target_error=0.0)  # more repetitions don't improve an emulator's times
    return spec


def _block(bench: Bench, model: BundledModel, spec: BenchmarkSpec) -> HarnessOutcome:
    cool_down(bench.executor, spec)
    outcome = bench.run(model, benchmark=spec)
    if outcome.run.first_run_ns is None or not outcome.run.samples_ns:
        raise HarnessError(f"{title(model)}: the result contains no timed run")
    return outcome


def _of_blocks(
    bench: Bench,
    spec: BenchmarkSpec,
    before: BoardFacts | None,
    outcomes: Sequence[HarnessOutcome],
    turns: str | None = None,
) -> Reading:
    """Combine the processes of one model. Load, first inference and warm-up are those of the first process."""
    runs = [outcome.run for outcome in outcomes]
    samples = tuple(sample for run in runs for sample in run.samples_ns)
    wanted_ppm = round(spec.target_error * 1e6)
    peaks = [run.peak_rss_bytes for run in runs if run.peak_rss_bytes is not None and run.peak_rss_bytes >= 0]
    timing = Timing(
        spec=spec,
        session_load_ns=runs[0].session_load_ns,
        first_run_ns=runs[0].first_run_ns or 0,
        warmup_ns=runs[0].warmup_ns,
        samples_ns=samples,
        stop=runs[0].stop if turns is None else stop(samples, wanted_ppm) if wanted_ppm else None,
        turns=None if turns is None else Turns(id=turns, blocks=tuple(len(run.samples_ns) for run in runs)),
        energy=_energy([run.energy for run in runs]),
        peak_rss_bytes=max(peaks, default=None),
        memory=runs[0].memory,
        before=before,
        after=read_facts(bench.executor),
    )
    return Reading(measurement=timing, outcome=outcomes[0])


def _energy(found: Sequence[Energy | None]) -> Energy | None:
    """Of several processes together; None unless each has it."""
    known = [energy for energy in found if energy is not None]
    if not known or len(known) < len(found):
        return None
    return Energy(sensor=known[0].sensor, microjoules=sum(energy.microjoules for energy in known))


def _note(timing: Timing) -> str:
    verdict = f", {timing.stop.verdict}" if timing.stop else ""
    return f"{len(timing.samples_ns)} repetitions{verdict}"


INSTRUMENT = Instrument(measure=measure)
