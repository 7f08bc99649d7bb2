"""Two records side by side: the ratio of their latencies, how their outputs differ, and the doubts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from edgetool.bench.instructions import InstructionCounts
from edgetool.bench.record import Caveat, RunRecord
from edgetool.bench.stats import Interval, LatencySummary, median_ratio, summarize
from edgetool.errors import CompareError
from edgetool.platform.values import value

Outputs = Mapping[str, npt.NDArray[np.generic]]  # name → (n, …)


@value
class OutputDifference:
    """How far the candidate's outputs are from the baseline's on the same inputs."""

    samples: int
    max_abs: float
    max_abs_relative: float  # ÷ the largest magnitude among the baseline's outputs
    same_top1: int | None  # samples whose largest value is at the same place; None unless outputs are (n, classes)


@value
class CountComparison:
    """What an inference takes on each side, where both were counted."""

    baseline: int  # instructions
    candidate: int
    baseline_weighted: int
    candidate_weighted: int

    @property
    def ratio(self) -> float | None:
        """Candidate ÷ baseline; None where nothing was executed."""
        return self.candidate / self.baseline if self.baseline else None

    @property
    def ratio_weighted(self) -> float | None:
        return self.candidate_weighted / self.baseline_weighted if self.baseline_weighted else None


@value
class Comparison:
    baseline: str
    candidate: str
    latency: Interval  # candidate ÷ baseline
    size: float  # candidate ÷ baseline
    difference: OutputDifference | None
    instructions: CountComparison | None = None  # None unless both were counted
    caveats: tuple[Caveat, ...]


def caveats_of(record: RunRecord) -> tuple[Caveat, ...]:
    """The doubts that follow from one record alone."""
    summary = summarize(record.samples_ns)
    before = record.environment.before
    doubts = {
        Caveat.EMULATED: record.emulated,
        Caveat.FEW_SAMPLES: summary.count < 20,
        Caveat.UNSTABLE: summary.spread > 0.1 and not record.emulated,
        Caveat.SLOW_FIRST_RUN: record.first_run_ns > 2 * summary.p50_ns,
        Caveat.GOVERNOR: before is not None and before.governor not in (None, "performance"),
        Caveat.THROTTLED: _was_throttled(record),
        Caveat.BUSY: _was_busy(record),
        Caveat.RANDOM_WEIGHTS: not record.model.accuracy_means_something,
        Caveat.FEW_IMAGES: record.evaluation is not None and record.evaluation.images < 200,
    }
    return tuple(caveat for caveat, holds in doubts.items() if holds)


def _was_throttled(record: RunRecord) -> bool:
    """At either end of the measurement, or between them: the firmware's upper flags stay up from the first time on."""
    before, after = record.environment.before, record.environment.after
    found = [facts for facts in (before, after) if facts is not None]
    flags = [facts.throttle_flags for facts in found if facts.throttle_flags is not None]
    now = any(flag & 0xF for flag in flags) or any(facts.cooling_steps for facts in found)
    return now or len(set(flags)) > 1


def _was_busy(record: RunRecord) -> bool:
    before = record.environment.before
    load = before.load_1min if before is not None else None
    return load is not None and load > record.environment.process.processors / 2


def compare(
    baseline: RunRecord,
    candidate: RunRecord,
    *,
    baseline_outputs: Outputs | None = None,
    candidate_outputs: Outputs | None = None,
) -> Comparison:
    """Candidate against baseline. Raises CompareError when their models are not of one family or inputs differ."""
    if baseline.model.name != candidate.model.name or baseline.model.inputs != candidate.model.inputs:
        raise CompareError(
            f"{baseline.title} and {candidate.title} are not the same model", hint="compare two records of one model"
        )
    if baseline.inputs_sha256 != candidate.inputs_sha256:
        raise CompareError(f"{baseline.title} and {candidate.title} were measured on different inputs")
    doubts = dict.fromkeys((*caveats_of(baseline), *caveats_of(candidate)))
    if baseline.environment.runtime.version != candidate.environment.runtime.version:
        doubts[Caveat.DIFFERENT_RUNTIME] = None
    if baseline.model.sha256 != candidate.model.sha256:
        doubts[Caveat.DIFFERENT_MODEL] = None
    instructions = None
    if baseline.instructions is not None and candidate.instructions is not None:
        instructions = count_comparison(baseline.instructions, candidate.instructions)
        if baseline.instructions.vlen_bits != candidate.instructions.vlen_bits:
            doubts[Caveat.DIFFERENT_VECTORS] = None
    difference = None
    if baseline_outputs is not None and candidate_outputs is not None:
        difference = output_difference(baseline_outputs, candidate_outputs)
    return Comparison(
        baseline=baseline.title,
        candidate=candidate.title,
        latency=median_ratio(candidate.samples_ns, baseline.samples_ns),
        size=candidate.model.size_bytes / baseline.model.size_bytes,
        difference=difference,
        instructions=instructions,
        caveats=tuple(doubts),
    )


def count_comparison(baseline: InstructionCounts, candidate: InstructionCounts) -> CountComparison:
    return CountComparison(
        baseline=baseline.raw,
        candidate=candidate.raw,
        baseline_weighted=baseline.weighted,
        candidate_weighted=candidate.weighted,
    )


def output_difference(baseline: Outputs, candidate: Outputs) -> OutputDifference | None:
    """Over the samples both have; None when they share no output of one shape."""
    shared = [name for name in baseline if name in candidate and baseline[name].shape[1:] == candidate[name].shape[1:]]
    if not shared:
        return None
    samples = min(len(baseline[shared[0]]), len(candidate[shared[0]]))
    max_abs, scale, same = 0.0, 0.0, None
    for name in shared:
        a, b = (np.asarray(side[name][:samples], dtype=np.float64) for side in (baseline, candidate))
        max_abs = max(max_abs, float(np.abs(a - b).max(initial=0.0)))
        scale = max(scale, float(np.abs(a).max(initial=0.0)))
        if len(shared) == 1 and a.size and a.reshape(samples, -1).shape == a.squeeze().reshape(samples, -1).shape:
            same = int((a.reshape(samples, -1).argmax(axis=1) == b.reshape(samples, -1).argmax(axis=1)).sum())
    return OutputDifference(
        samples=samples, max_abs=max_abs, max_abs_relative=max_abs / scale if scale else 0.0, same_top1=same
    )


def summary_of(record: RunRecord) -> LatencySummary:
    return summarize(record.samples_ns)
