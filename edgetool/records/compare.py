"""Compare records: the ratio of latencies, the difference of outputs, and caveats."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgetool.errors import CompareError
from edgetool.measurements.instructions import InstructionCounts
from edgetool.measurements.timing import ratio, were_in_turn
from edgetool.models.evaluate import noise_ratio_db
from edgetool.platform.values import value
from edgetool.records.caveats import Caveat, caveats_of
from edgetool.records.record import Record, Recorded
from edgetool.records.results import read_recorded, read_run
from edgetool.records.stats import Interval

HOST = "host"  # the target whose outputs are the reference


@value
class OutputDifference:
    """The difference between a candidate's and a baseline's outputs for the same inputs."""

    samples: int
    max_abs: float
    max_abs_relative: float  # ÷ the largest magnitude of the baseline's outputs
    same_top1: int | None  # samples with the same class; None for a model that doesn't classify
    signal_to_noise_db: float | None = None  # over all outputs; None in older documents
    cosine: float | None = None  # of all outputs as one vector; None if one side is all zeros


@value
class CountComparison:
    """The instructions per inference of both sides."""

    baseline: int  # instructions
    candidate: int
    baseline_weighted: int
    candidate_weighted: int

    @property
    def ratio(self) -> float | None:
        """Candidate ÷ baseline; None if the baseline executed none."""
        return self.candidate / self.baseline if self.baseline else None

    @property
    def ratio_weighted(self) -> float | None:
        return self.candidate_weighted / self.baseline_weighted if self.baseline_weighted else None


@value
class Comparison:
    baseline: str
    candidate: str
    latency: Interval | None  # candidate ÷ baseline; None unless both were timed
    size: float  # candidate ÷ baseline
    difference: OutputDifference | None
    instructions: CountComparison | None = None  # None unless both were counted
    caveats: tuple[Caveat, ...]


def compare_paths(baseline: Path, candidate: Path) -> tuple[Comparison, ...]:
    """Compare two records, or the records that two runs share.

    Records of two runs match when target, precision, runtime and threads are equal. A run compared with itself pairs
    the host's records with the target's. Raises CompareError when no records match.
    """
    before, after = _read(baseline), _read(candidate)
    if len(before) == len(after) == 1:
        pairs = [(before[0], after[0])]
    else:
        belong = _on_host_and_target if baseline.resolve() == candidate.resolve() else _of_one_cell
        pairs = [(a, b) for a in before for b in after if belong(a.record, b.record)]
    if not pairs:
        raise CompareError(
            f"{baseline} and {candidate} have no case in common",
            hint="give two records: RUN/records/KEY/NAME.json",
        )
    return tuple(compare(a.record, b.record, baseline_outputs=a.outputs, candidate_outputs=b.outputs) for a, b in pairs)


def _read(path: Path) -> tuple[Recorded, ...]:
    return read_run(path).recorded if path.is_dir() else (read_recorded(path),)


def _on_host_and_target(a: Record, b: Record) -> bool:
    return a.subject.target == HOST != b.subject.target and a.subject.precision == b.subject.precision


def _of_one_cell(a: Record, b: Record) -> bool:
    return _cell(a) == _cell(b)


def _cell(record: Record) -> tuple[object, ...]:
    """Return what matching records of two runs have in common. Their runtimes may be different releases."""
    subject = record.subject
    return (subject.target, subject.precision, subject.runtime.name, subject.threads)


def compare(
    baseline: Record,
    candidate: Record,
    *,
    baseline_outputs: Mapping[str, npt.NDArray[np.generic]] | None = None,
    candidate_outputs: Mapping[str, npt.NDArray[np.generic]] | None = None,
) -> Comparison:
    """Compare a candidate with a baseline. Raises CompareError when their models or inputs differ."""
    a, b = baseline.subject.model, candidate.subject.model
    if a.name != b.name or a.inputs != b.inputs:
        raise CompareError(
            f"{baseline.title} and {candidate.title} are not the same model", hint="compare two records of one model"
        )
    if baseline.inputs_sha256 != candidate.inputs_sha256:
        raise CompareError(f"{baseline.title} and {candidate.title} were measured on different inputs")
    latency = None
    if baseline.timing is not None and candidate.timing is not None:
        latency = ratio(candidate.timing, baseline.timing)
    instructions = None
    if baseline.instructions is not None and candidate.instructions is not None:
        instructions = count_comparison(baseline.instructions, candidate.instructions)
    difference = None
    if baseline_outputs is not None and candidate_outputs is not None:
        classes = baseline.accuracy is not None and candidate.accuracy is not None
        difference = output_difference(baseline_outputs, candidate_outputs, classes=classes)
    return Comparison(
        baseline=baseline.title,
        candidate=candidate.title,
        latency=latency,
        size=b.size_bytes / a.size_bytes,
        difference=difference,
        instructions=instructions,
        caveats=_doubts(baseline, candidate),
    )


def _doubts(baseline: Record, candidate: Record) -> tuple[Caveat, ...]:
    """Return the caveats of both records and of their combination."""
    doubts = dict.fromkeys((*caveats_of(baseline), *caveats_of(candidate)))
    if were_timed_apart(baseline, candidate):
        doubts[Caveat.APART] = None
    loaded = [record.environment.runtime for record in (baseline, candidate)]
    if len({runtime.version for runtime in loaded if runtime is not None}) > 1:
        doubts[Caveat.DIFFERENT_RUNTIME] = None
    if baseline.subject.model.sha256 != candidate.subject.model.sha256:
        doubts[Caveat.DIFFERENT_MODEL] = None
    counted = [record.instructions for record in (baseline, candidate)]
    if len({counts.vlen_bits for counts in counted if counts is not None}) > 1:
        doubts[Caveat.DIFFERENT_VECTORS] = None
    return tuple(doubts)


def were_timed_apart(baseline: Record, candidate: Record) -> bool:
    """Return whether both were timed on one target, but not in turn."""
    a, b = baseline.timing, candidate.timing
    if a is None or b is None or baseline.emulated or baseline.subject.target != candidate.subject.target:
        return False
    return a != b and not were_in_turn(a, b)


def count_comparison(baseline: InstructionCounts, candidate: InstructionCounts) -> CountComparison:
    return CountComparison(
        baseline=baseline.raw,
        candidate=candidate.raw,
        baseline_weighted=baseline.weighted,
        candidate_weighted=candidate.weighted,
    )


def output_difference(
    baseline: Mapping[str, npt.NDArray[np.generic]], candidate: Mapping[str, npt.NDArray[np.generic]], *, classes: bool
) -> OutputDifference | None:
    """Compare outputs, each (n, …), over the samples that both have.

    Return None without a common output of equal shape.

    With `classes`, the largest value of the first output is the class.
    """
    shared = [name for name in baseline if name in candidate and baseline[name].shape[1:] == candidate[name].shape[1:]]
    if not shared:
        return None
    samples = min(len(baseline[shared[0]]), len(candidate[shared[0]]))
    max_abs, scale, same = 0.0, 0.0, None
    signal, noise, product, square = 0.0, 0.0, 0.0, 0.0
    for name in shared:
        a, b = (np.asarray(outputs[name][:samples], dtype=np.float64) for outputs in (baseline, candidate))
        max_abs = max(max_abs, float(np.abs(a - b).max(initial=0.0)))
        scale = max(scale, float(np.abs(a).max(initial=0.0)))
        signal, noise = signal + float(np.square(a).sum()), noise + float(np.square(a - b).sum())
        product, square = product + float((a * b).sum()), square + float(np.square(b).sum())
        if classes and same is None and a.ndim == 2 and a.shape[1] > 1:
            same = int((a.argmax(axis=1) == b.argmax(axis=1)).sum())
    return OutputDifference(
        samples=samples,
        max_abs=max_abs,
        max_abs_relative=max_abs / scale if scale else 0.0,
        same_top1=same,
        signal_to_noise_db=noise_ratio_db(signal, noise),
        cosine=product / math.sqrt(signal * square) if signal and square else None,
    )
