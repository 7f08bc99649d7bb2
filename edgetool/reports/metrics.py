"""Metrics: each case's value with its interval, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from edgetool.measurements.timing import ratio
from edgetool.models.spec import Precision
from edgetool.platform.format import count_text, percent_text, ratio_text, size_text, time_text
from edgetool.records.compare import were_timed_apart
from edgetool.records.goals import OF_SCORES, Metric
from edgetool.records.record import Record, Recorded
from edgetool.records.stats import FEWEST_SAMPLES, Interval, exactly, proportion, quantile
from edgetool.reports.rows import Entry, Row
from edgetool.reports.verdict import loss_of_score, loss_to_fp32

MS = 1_000_000  # nanoseconds
Reading = Interval | str  # a value, or why there is none


@dataclass(frozen=True, kw_only=True)
class _Case:
    """The data from which metrics are read."""

    row: Row
    record: Record
    fp32: Row | None
    baseline: Record | None
    entries: Sequence[Entry]
    core: str | None  # for estimated cycles
    score: str | None  # for scores


def read_metric(
    metric: Metric,
    row: Row,
    recorded: Recorded | None,
    *,
    entries: Sequence[Entry],
    table: Sequence[Row],
    baseline: Sequence[Entry] = (),
    core: str | None = None,
    score: str | None = None,
) -> Reading:
    """Return a metric in its unit, or why there is none. `entries` and `table` belong to the run of `row`."""
    if recorded is None:
        return "it failed"
    case = _Case(
        row=row,
        record=recorded.record,
        fp32=_fp32(row, table),
        baseline=_of_baseline(row, baseline),
        entries=entries,
        core=core,
        score=score,
    )
    return _READ[metric](case)


def named(metrics: Iterable[Metric], row: Row) -> Iterator[tuple[Metric, str | None]]:
    """Yield each metric, and those of scores with the name of each score that the row has."""
    for metric in metrics:
        if metric in OF_SCORES:
            yield from ((metric, score.name) for score in row.scores)
        else:
            yield metric, None


def timed_apart(metric: Metric, row: Row, recorded: Recorded | None, baseline: Sequence[Entry]) -> bool:
    """Return whether the metric is a ratio of two times that were not taken in turn."""
    if metric is Metric.LATENCY_RATIO:
        return row.ratio_in_turn is False
    before = _of_baseline(row, baseline) if metric is Metric.BASELINE_LATENCY_RATIO else None
    return recorded is not None and before is not None and were_timed_apart(before, recorded.record)


def metric_text(metric: Metric, number: float) -> str:
    """Format a number in the metric's unit."""
    return _TEXTS[metric](number)


def _fp32(row: Row, table: Sequence[Row]) -> Row | None:
    fp32 = replace(row.case, precision=Precision.FP32)
    return next((other for other in table if other.case == fp32), None)


def _of_baseline(row: Row, baseline: Sequence[Entry]) -> Record | None:
    return next(
        (recorded.record for result, recorded in baseline if recorded is not None and result.case == row.case), None
    )


def _size(case: _Case) -> Reading:
    return exactly(case.record.subject.model.size_bytes)


def _size_ratio(case: _Case) -> Reading:
    if case.fp32 is None or not case.fp32.size_bytes:
        return "there is no fp32 beside it"
    return exactly(case.record.subject.model.size_bytes / case.fp32.size_bytes)


def _load(case: _Case) -> Reading:
    timing = case.record.timing
    return _no_time(case) or ("not timed" if timing is None else exactly(timing.session_load_ns / MS))


def _no_time(case: _Case) -> str:
    """Return why the case has no meaningful time; empty if it has one."""
    if case.record.emulated:
        return "emulated: no latency"
    return "not timed" if case.record.timing is None else ""


def _quantile(share: float) -> Callable[[_Case], Reading]:
    def read(case: _Case) -> Reading:
        why = _no_time(case)
        if why or case.record.timing is None:
            return why
        found = quantile(case.record.timing.samples_ns, share)
        if found is None:
            return "too few repetitions for an interval"
        return Interval(value=found.value / MS, low=found.low / MS, high=found.high / MS)

    return read


def _latency_ratio(case: _Case) -> Reading:
    return case.row.ratio or _no_time(case) or "there is no fp32 beside it"


def _baseline_latency(case: _Case) -> Reading:
    if why := _no_time(case):
        return why
    if case.baseline is None or case.baseline.timing is None or case.record.timing is None:
        return "the baseline has no such time"
    return ratio(case.record.timing, case.baseline.timing)


def _peak_rss(case: _Case) -> Reading:
    if case.row.peak_rss_bytes is None:
        return "not measured"
    return "emulated: the emulator's memory is in it" if case.record.emulated else exactly(case.row.peak_rss_bytes)


def _accuracy(case: _Case) -> Reading:
    """Return the accuracy over all images that this target classified."""
    if not case.record.subject.model.accuracy_means_something:
        return "random weights: accuracy is meaningless"
    if case.row.correct_all is None or not case.row.images_all:
        return "no labelled images were classified"
    return proportion(case.row.correct_all, case.row.images_all)


def _accuracy_loss(case: _Case) -> Reading:
    if not case.record.subject.model.accuracy_means_something:
        return "random weights: accuracy is meaningless"
    loss = loss_to_fp32(case.entries, case.row)
    return "no labelled images were classified in both formats" if loss is None else loss.share


def _same_class(case: _Case) -> Reading:
    if case.row.same_predictions is None or not case.row.compared_samples:
        return "the outputs were not compared with the host's"
    return proportion(case.row.same_predictions, case.row.compared_samples)


def _score(case: _Case) -> Reading:
    if not case.record.subject.model.accuracy_means_something:
        return "random weights: scores are meaningless"
    found = case.row.score(case.score or "")
    if found is None:
        known = ", ".join(score.name for score in case.row.scores)
        return f"it has no such score, but {known}" if known else "nothing judged its outputs"
    if found.interval is None and found.samples < FEWEST_SAMPLES:
        return "too few samples for an interval"
    return found.interval or exactly(found.value)


def _score_loss(case: _Case) -> Reading:
    own = _score(case)
    if isinstance(own, str):
        return own
    loss = loss_of_score(case.entries, case.row, case.score)
    return "no such score has an interval in both formats" if loss is None else loss


def _instructions(case: _Case) -> Reading:
    return "not counted" if case.row.instructions is None else exactly(case.row.instructions)


def _weighted(case: _Case) -> Reading:
    return "not counted" if case.row.instructions_weighted is None else exactly(case.row.instructions_weighted)


def _baseline_instructions(case: _Case) -> Reading:
    if case.record.instructions is None:
        return "not counted"
    if case.baseline is None or case.baseline.instructions is None:
        return "the baseline has no such count"
    if case.baseline.instructions.vlen_bits != case.record.instructions.vlen_bits:
        return "the baseline was counted with vectors of another length"
    return exactly(case.record.instructions.raw / case.baseline.instructions.raw)


def _cycles(case: _Case) -> Reading:
    """Return the estimated cycles. Only the interval is meaningful; its midpoint has no special significance."""
    from edgetool.estimates.cores import load_core
    from edgetool.estimates.estimate import estimate, runs_on

    if case.record.instructions is None or case.core is None:
        return "not counted"
    counts, core = case.record.instructions, load_core(case.core)
    if not runs_on(counts.mean, counts.vlen_bits, core):
        return f"what was counted does not run on {core.title}"
    found = estimate(counts.mean, core)
    return Interval(value=found.middle, low=found.low, high=found.high)


TO_FP32 = {Metric.SIZE_RATIO, Metric.LATENCY_RATIO, Metric.ACCURACY_LOSS, Metric.SCORE_LOSS}
_READ: dict[Metric, Callable[[_Case], Reading]] = {
    Metric.SIZE_BYTES: _size,
    Metric.SIZE_RATIO: _size_ratio,
    Metric.LOAD_MS: _load,
    Metric.P50_MS: _quantile(0.5),
    Metric.P90_MS: _quantile(0.9),
    Metric.LATENCY_RATIO: _latency_ratio,
    Metric.BASELINE_LATENCY_RATIO: _baseline_latency,
    Metric.PEAK_RSS_BYTES: _peak_rss,
    Metric.ACCURACY: _accuracy,
    Metric.ACCURACY_LOSS: _accuracy_loss,
    Metric.SAME_CLASS: _same_class,
    Metric.SCORE: _score,
    Metric.SCORE_LOSS: _score_loss,
    Metric.INSTRUCTIONS: _instructions,
    Metric.WEIGHTED_INSTRUCTIONS: _weighted,
    Metric.BASELINE_INSTRUCTIONS_RATIO: _baseline_instructions,
    Metric.ESTIMATED_CYCLES: _cycles,
}


def _milliseconds(number: float) -> str:
    return time_text(number * MS)


def _ratio(number: float) -> str:
    """Format a ratio with more digits near 1, since a gate may detect regressions of a tenth of a percent."""
    return f"{number:.4g}×" if abs(number - 1) < 0.1 else ratio_text(number)


def _count(number: float) -> str:
    return count_text(round(number))


def _points(number: float) -> str:
    return f"{number * 100:.1f} points".replace("-", "−")


_TEXTS: dict[Metric, Callable[[float], str]] = {
    Metric.SIZE_BYTES: size_text,
    Metric.SIZE_RATIO: _ratio,
    Metric.LOAD_MS: _milliseconds,
    Metric.P50_MS: _milliseconds,
    Metric.P90_MS: _milliseconds,
    Metric.LATENCY_RATIO: _ratio,
    Metric.BASELINE_LATENCY_RATIO: _ratio,
    Metric.PEAK_RSS_BYTES: size_text,
    Metric.ACCURACY: percent_text,
    Metric.ACCURACY_LOSS: _points,
    Metric.SAME_CLASS: percent_text,
    Metric.SCORE: "{:.4g}".format,
    Metric.SCORE_LOSS: _points,
    Metric.INSTRUCTIONS: _count,
    Metric.WEIGHTED_INSTRUCTIONS: _count,
    Metric.BASELINE_INSTRUCTIONS_RATIO: _ratio,
    Metric.ESTIMATED_CYCLES: _count,
}
