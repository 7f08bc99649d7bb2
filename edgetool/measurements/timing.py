"""Timing: every sample of an inference's latency, and the board before and after."""

from __future__ import annotations

from dataclasses import replace

from edgetool.boards.conditions import cool_down
from edgetool.boards.facts import BoardFacts, read_facts
from edgetool.bundles import BundledModel
from edgetool.errors import HarnessError
from edgetool.harness.bench import Bench, title
from edgetool.harness.result import Latencies, Samples
from edgetool.measurements.reading import Instrument, Reading
from edgetool.platform.values import NonNegative, value
from edgetool.records.stats import Stop
from edgetool.targets.spec import BenchmarkSpec


@value
class Timing:
    """The raw samples of one process; percentiles are derived from them and never stored."""

    spec: BenchmarkSpec
    session_load_ns: NonNegative
    first_run_ns: NonNegative
    warmup_ns: Samples
    samples_ns: Latencies
    stop: Stop | None = None  # None where the counts alone decided
    peak_rss_bytes: NonNegative | None  # of the process
    before: BoardFacts | None  # None where the target's /proc is not its own
    after: BoardFacts | None


def measure(bench: Bench, model: BundledModel) -> Reading:
    """Time the first sample of the bundle's inputs, over and over; cools the board down first where that is asked."""
    spec = bench.target.benchmark
    if bench.executor.emulator is not None:
        spec = replace(spec, target_error=0.0)  # an emulator's time is worth no more repetitions
    cool_down(bench.executor, spec)
    with bench.context.progress.step(f"time {model.spec.precision} on {bench.target.name}") as step:
        before = read_facts(bench.executor)
        outcome = bench.run(model, benchmark=spec)
        after = read_facts(bench.executor)
        run = outcome.run
        if run.first_run_ns is None or not run.samples_ns:
            raise HarnessError(f"{title(model)}: the result holds no timed run")
        step.note(f"{len(run.samples_ns)} repetitions{f', {run.stop.verdict}' if run.stop else ''}")
    peak_rss_bytes = run.peak_rss_bytes
    timing = Timing(
        spec=spec,
        session_load_ns=run.session_load_ns,
        first_run_ns=run.first_run_ns,
        warmup_ns=run.warmup_ns,
        samples_ns=run.samples_ns,
        stop=run.stop,
        peak_rss_bytes=peak_rss_bytes if peak_rss_bytes is not None and peak_rss_bytes >= 0 else None,
        before=before,
        after=after,
    )
    return Reading(measurement=timing, outcome=outcome)


INSTRUMENT = Instrument(measure=measure)
