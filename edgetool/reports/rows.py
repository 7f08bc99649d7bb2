"""A case of a run as a row of numbers: its record, compared with related records of the run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from edgetool.measurements.timing import ratio
from edgetool.models.spec import Precision
from edgetool.models.tasks.base import Score
from edgetool.platform.values import value
from edgetool.records.case import OWN_RUNTIME, Case, CaseFailure, CaseResult, deployed
from edgetool.records.caveats import Caveat, caveats_of
from edgetool.records.compare import HOST, OutputDifference, output_difference, were_timed_apart
from edgetool.records.record import Record, Recorded
from edgetool.records.stats import Interval, LatencySummary, proportion, summarize

Entry = tuple[CaseResult, Recorded | None]  # as stored in a run's folder


@value
class Row:
    """A row of numbers; None for undefined or unmeasured ones. A failed case has only its reason."""

    model: str
    precision: str
    target: str
    threads: int
    runtime: str  # the name in the plan; "auto" is the target's own
    is_deployed: bool  # in the target's own runtime, or in the first where that isn't in the run
    failure: CaseFailure | None = None
    kept: bool = False  # measured by an earlier run
    emulated: bool = False
    release: str | None = None  # the runtime with its version
    as_given: bool = False  # the model came in this precision: it was made of no other
    size_bytes: int | None = None
    library_bytes: int | None = None  # of the runtime
    session_load_ns: int | None = None
    first_run_ns: int | None = None
    latency: LatencySummary | None = None
    ratio: Interval | None = None  # of medians, to fp32 in the same cell; None on an emulator
    ratio_in_turn: bool | None = None  # whether it is of pairs; None without a ratio
    runtime_ratio: Interval | None = None  # likewise, to the deployed runtime
    threads_ratio: Interval | None = None  # likewise, to the fewest threads
    peak_rss_bytes: int | None = None
    energy_uj: float | None = None  # of one inference, from a sensor of the board
    images: int | None = None  # as many as every target classified, so that accuracies are comparable
    correct: int | None = None
    accuracy: Interval | None = None  # over all images that this target classified, with its 95 % Wilson interval
    images_all: int | None = None  # as many as this target classified
    correct_all: int | None = None
    top5: Interval | None = None  # likewise, of labels among the five largest logits
    data: str | None = None  # what the held-out inputs are called
    task: str | None = None  # None where nobody said and nothing makes it certain
    scores: tuple[Score, ...] = ()  # by the metrics of the model's task and of the user's own; without their draws
    differs_by: float | None = None  # largest output difference from the host's same model ÷ its largest output
    same_predictions: int | None = None
    compared_samples: int | None = None
    signal_to_noise_db: float | None = None  # of the outputs, relative to the host's same model
    cosine: float | None = None
    fp32_differs_by: float | None = None  # as differs_by, from fp32 on the same target
    fp32_signal_to_noise_db: float | None = None
    fp32_cosine: float | None = None
    instructions: int | None = None  # of one inference
    instructions_weighted: int | None = None  # vector instructions weigh as much as the registers or elements they move
    instructions_ratio: float | None = None  # weighted, to fp32 in the same cell
    load_bytes: int | None = None
    store_bytes: int | None = None
    vlen_bits: int | None = None  # of the processor used for counting, even if no vector instruction ran
    kernels: str | None = None  # "scalar", "vector" or as reported by the runtime
    deployed_ratio: float | None = None  # weighted instructions, to the deployed runtime
    deployed_difference: float | None = None  # like differs_by, from the deployed runtime
    deployed_same_predictions: int | None = None
    deployed_samples: int | None = None
    agreeing: int | None = None  # samples with the same class as the exported fp32 model's, in the host's own runtime
    agreement_samples: int | None = None
    agreement_db: float | None = None  # signal to noise of the outputs against that model's; None for that itself
    caveats: tuple[Caveat, ...] = ()

    @property
    def case(self) -> Case:
        return Case(
            model=self.model,
            precision=Precision(self.precision),
            target=self.target,
            threads=self.threads,
            runtime=self.runtime,
        )

    @property
    def is_own_runtime(self) -> bool:
        return self.runtime == OWN_RUNTIME

    @property
    def classifies(self) -> bool:
        return self.images_all is not None

    def score(self, name: str) -> Score | None:
        return next((score for score in self.scores if score.name == name), None)


@dataclass(frozen=True, kw_only=True)
class _Near:
    """A record and the related records of its run, each None if it doesn't exist."""

    case: Case
    recorded: Recorded
    fp32: Recorded | None  # in the same runtime
    host: Recorded | None  # the same model file
    is_deployed: bool
    deployed: Recorded | None  # the same precision in the deployed runtime; None for that itself
    fewest: Recorded | None  # the same on the fewest threads; None for that itself
    exported: Recorded | None  # the exported fp32 model, checked against PyTorch: on the host, in its own runtime
    images: int  # number that every target classified in the deployed runtime, and this record too


def rows(entries: Sequence[Entry]) -> tuple[Row, ...]:
    """Return a row for each case, in order."""
    found = [(result.case, recorded) for result, recorded in entries if recorded is not None]
    own = deployed([result.case for result, _ in entries])
    return tuple(
        _failed(result, own) if recorded is None else _row(result, _near(result.case, recorded, found, own))
        for result, recorded in entries
    )


def _failed(result: CaseResult, own: Collection[Case]) -> Row:
    case = result.case
    return Row(
        model=case.model,
        precision=case.precision,
        target=case.target,
        threads=case.threads,
        runtime=case.runtime,
        is_deployed=case in own,
        failure=result.failure or CaseFailure(error="Unknown", message="no record and no reason"),
    )


def _near(case: Case, recorded: Recorded, everything: Iterable[tuple[Case, Recorded]], own: Collection[Case]) -> _Near:
    of_model = [(c, r) for c, r in everything if (c.model, c.threads) == (case.model, case.threads)]
    here = [(c, r) for c, r in of_model if c.target == case.target]
    sha256 = recorded.record.subject.model.sha256
    counts = [
        r.record.accuracy.images
        for c, r in everything
        if c.model == case.model and c in own and r.record.accuracy is not None
    ]
    if recorded.record.accuracy is not None:
        counts.append(recorded.record.accuracy.images)
    return _Near(
        case=case,
        recorded=recorded,
        fp32=_first(r for c, r in here if c.precision == Precision.FP32 and c.runtime == case.runtime),
        host=_first(
            r for c, r in of_model if c.target == HOST != case.target and r.record.subject.model.sha256 == sha256
        ),
        is_deployed=case in own,
        deployed=_first(r for c, r in here if c in own and case not in own and c.precision == case.precision),
        fewest=_on_fewest_threads(case, everything),
        exported=_first(
            r for c, r in of_model if (c.target, c.precision, c.runtime) == (HOST, Precision.FP32, OWN_RUNTIME)
        ),
        images=min(counts, default=0),
    )


def _on_fewest_threads(case: Case, everything: Iterable[tuple[Case, Recorded]]) -> Recorded | None:
    same = {c.threads: r for c, r in everything if replace(c, threads=case.threads) == case}
    return None if min(same) == case.threads else same[min(same)]


def _first(found: Iterable[Recorded]) -> Recorded | None:
    return next(iter(found), None)


def _row(result: CaseResult, near: _Near) -> Row:
    record, model = near.recorded.record, near.recorded.record.subject.model
    timing, accuracy, counts = record.timing, record.accuracy, record.instructions
    host, deployed = _difference(near.host, near.recorded), _difference(near.deployed, near.recorded)
    agreement = _difference(near.exported, near.recorded)
    correct = None if accuracy is None else accuracy.correct_of_first(near.images)
    images_all = 0 if accuracy is None else accuracy.images
    correct_all = None if accuracy is None else accuracy.correct_of_first(images_all)
    top5 = None if accuracy is None else accuracy.correct_top5
    rounding = _difference(None if near.fp32 is near.recorded else near.fp32, near.recorded)
    return Row(
        model=near.case.model,
        precision=near.case.precision,
        target=near.case.target,
        threads=near.case.threads,
        runtime=near.case.runtime,
        is_deployed=near.is_deployed,
        kept=result.kept,
        emulated=record.emulated,
        release=record.subject.runtime.title,
        as_given=model.parent is None,
        size_bytes=model.size_bytes,
        library_bytes=record.subject.runtime.size_bytes,
        session_load_ns=None if timing is None else timing.session_load_ns,
        first_run_ns=None if timing is None else timing.first_run_ns,
        latency=None if timing is None else summarize(timing.samples_ns),
        ratio=_latency_ratio(near.fp32, record),
        ratio_in_turn=_is_in_turn(near.fp32, record),
        runtime_ratio=_latency_ratio(near.deployed, record),
        threads_ratio=_latency_ratio(near.fewest, record),
        peak_rss_bytes=None if timing is None else timing.peak_rss_bytes,
        energy_uj=None if timing is None else timing.energy_uj,
        images=None if accuracy is None else near.images,
        correct=correct,
        accuracy=None if correct_all is None else proportion(correct_all, images_all),
        images_all=None if accuracy is None else images_all,
        correct_all=correct_all,
        top5=None if top5 is None else proportion(top5, images_all),
        data=record.data,
        task=model.task,
        scores=tuple(replace(score, resampled=()) for score in record.scores),
        differs_by=None if host is None else host.max_abs_relative,
        same_predictions=None if host is None else host.same_top1,
        compared_samples=None if host is None else host.samples,
        signal_to_noise_db=None if host is None else host.signal_to_noise_db,
        cosine=None if host is None else host.cosine,
        fp32_differs_by=None if rounding is None else rounding.max_abs_relative,
        fp32_signal_to_noise_db=None if rounding is None else rounding.signal_to_noise_db,
        fp32_cosine=None if rounding is None else rounding.cosine,
        instructions=None if counts is None else counts.raw,
        instructions_weighted=None if counts is None else counts.weighted,
        instructions_ratio=_weighted_ratio(near.fp32, record),
        load_bytes=None if counts is None else counts.load_bytes,
        store_bytes=None if counts is None else counts.store_bytes,
        vlen_bits=None if counts is None else counts.vlen_bits,
        kernels=record.kernels,
        deployed_ratio=_weighted_ratio(near.deployed, record),
        deployed_difference=None if deployed is None else deployed.max_abs_relative,
        deployed_same_predictions=None if deployed is None else deployed.same_top1,
        deployed_samples=None if deployed is None else deployed.samples,
        agreeing=None if agreement is None else agreement.same_top1,
        agreement_samples=None if agreement is None else agreement.samples,
        agreement_db=None if agreement is None or near.exported is near.recorded else agreement.signal_to_noise_db,
        caveats=_caveats(near, record),
    )


def _difference(baseline: Recorded | None, candidate: Recorded) -> OutputDifference | None:
    if baseline is None:
        return None
    classes = baseline.record.accuracy is not None and candidate.record.accuracy is not None
    return output_difference(baseline.outputs, candidate.outputs, classes=classes)


def _latency_ratio(baseline: Recorded | None, record: Record) -> Interval | None:
    """Return the ratio of medians. None on an emulator, which may rank two models in the wrong order."""
    if baseline is None or baseline.record.timing is None or record.timing is None or record.emulated:
        return None
    return ratio(record.timing, baseline.record.timing)


def _is_in_turn(baseline: Recorded | None, record: Record) -> bool | None:
    if baseline is None or baseline.record is record or _latency_ratio(baseline, record) is None:
        return None
    return not were_timed_apart(baseline.record, record)


def _caveats(near: _Near, record: Record) -> tuple[Caveat, ...]:
    """Return the record's caveats, and that of ratios that are not of pairs."""
    beside = [other.record for other in (near.fp32, near.deployed, near.fewest) if other is not None]
    apart = any(were_timed_apart(other, record) for other in beside if other is not record)
    return (*caveats_of(record), *([Caveat.APART] if apart else []))


def _weighted_ratio(baseline: Recorded | None, record: Record) -> float | None:
    if baseline is None or baseline.record.instructions is None or record.instructions is None:
        return None
    weighted = baseline.record.instructions.weighted
    return record.instructions.weighted / weighted if weighted else None


def groups(table: Iterable[Row], key: Callable[[Row], object]) -> list[list[Row]]:
    """Group rows by `key`, in order of first appearance."""
    found: dict[object, list[Row]] = {}
    for row in table:
        found.setdefault(key(row), []).append(row)
    return list(found.values())
