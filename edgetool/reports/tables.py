"""Records as rows of numbers, and rows as text; what is emulated says so in its own row."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence

from edgetool.measurements.timing import Timing
from edgetool.platform.format import count_text, difference_text, percent_text, ratio_text, size_text, time_text
from edgetool.platform.values import value
from edgetool.records.caveats import Caveat, caveats_of
from edgetool.records.compare import Comparison, count_comparison, output_difference
from edgetool.records.record import Recorded
from edgetool.records.stats import Interval, LatencySummary, median_ratio, proportion, summarize

HOST = "host"  # the target that outputs are compared with


@value
class Row:
    """One record in numbers.

    `ratio` is to the fp32 model in the same place, or the first record there; None where the times are an emulator's,
    which can rank two models the wrong way round.
    """

    model: str
    precision: str
    place: str
    emulated: bool
    runtime: str
    size_bytes: int
    session_load_ns: int
    first_run_ns: int
    latency: LatencySummary
    ratio: Interval | None
    peak_rss_bytes: int | None
    images: int | None  # as many as every place classified, so that accuracies compare
    correct: int | None
    accuracy: Interval | None
    images_all: int | None  # as many as this place classified
    correct_all: int | None
    differs_by: float | None  # largest output difference from the host's same model ÷ its largest output
    same_predictions: int | None
    compared_samples: int | None
    instructions: int | None  # of one inference; None unless they were counted
    instructions_weighted: int | None  # a vector instruction as much as the registers or elements it moves
    instructions_ratio: float | None  # weighted, to the fp32 model in the same place where that was counted too
    load_bytes: int | None
    store_bytes: int | None
    kernels: str | None  # "scalar", "vector" or the runtime's own words; None where nothing tells
    caveats: tuple[Caveat, ...]


def rows(everything: Sequence[Recorded]) -> tuple[Row, ...]:
    """A row for each record that was timed, compared with its own place's fp32 and with the host's outputs."""
    timed = [recorded for recorded in everything if recorded.record.timing is not None]
    return tuple(_row(recorded, recorded.record.timing, timed) for recorded in timed if recorded.record.timing)


def _row(recorded: Recorded, timing: Timing, everything: Sequence[Recorded]) -> Row:
    record, subject = recorded.record, recorded.record.subject
    here = [other for other in everything if other.record.subject.target == subject.target]
    baseline = next((other for other in here if other.record.subject.precision == "fp32"), here[0]).record
    host = next(
        (
            other
            for other in everything
            if other.record.subject.target == HOST != subject.target
            and other.record.subject.model.sha256 == subject.model.sha256
        ),
        None,
    )
    difference = None if host is None else output_difference(host.outputs, recorded.outputs)
    accuracy, counts, its_counts = record.accuracy, record.instructions, baseline.instructions
    counted = None if counts is None or its_counts is None else count_comparison(its_counts, counts)
    shared = min((o.record.accuracy.images for o in everything if o.record.accuracy is not None), default=0)
    correct = None if accuracy is None else accuracy.correct_of_first(shared)
    ratio = None
    if not record.emulated and baseline.timing is not None:
        ratio = median_ratio(timing.samples_ns, baseline.timing.samples_ns)
    return Row(
        model=subject.model.name,
        precision=subject.precision,
        place=subject.target,
        emulated=record.emulated,
        runtime=subject.runtime.title,
        size_bytes=subject.model.size_bytes,
        session_load_ns=timing.session_load_ns,
        first_run_ns=timing.first_run_ns,
        latency=summarize(timing.samples_ns),
        ratio=ratio,
        peak_rss_bytes=timing.peak_rss_bytes,
        images=None if accuracy is None else shared,
        correct=correct,
        accuracy=None if correct is None else proportion(correct, shared),
        images_all=None if accuracy is None else accuracy.images,
        correct_all=None if accuracy is None else accuracy.correct_of_first(accuracy.images),
        differs_by=None if difference is None else difference.max_abs_relative,
        same_predictions=None if difference is None else difference.same_top1,
        compared_samples=None if difference is None else difference.samples,
        instructions=None if counts is None else counts.raw,
        instructions_weighted=None if counts is None else counts.weighted,
        instructions_ratio=None if counted is None else counted.ratio_weighted,
        load_bytes=None if counts is None else counts.load_bytes,
        store_bytes=None if counts is None else counts.store_bytes,
        kernels=record.kernels,
        caveats=caveats_of(record),
    )


def place_text(row: Row) -> str:
    return f"{row.place} (emulated)" if row.emulated else row.place


def accuracy_text(row: Row) -> str:
    """ "98.9 % (356/360)"."""
    if Caveat.RANDOM_WEIGHTS in row.caveats:
        return "means nothing"
    if row.accuracy is None:
        return "–"
    return f"{percent_text(row.accuracy.value)} ({row.correct}/{row.images})"


def output_text(row: Row) -> str:
    return difference_text(row.differs_by, row.same_predictions, row.compared_samples)


# Heading and cell, in the order of the columns.
COLUMNS: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("model", lambda row: row.precision),
    ("place", place_text),
    ("size", lambda row: size_text(row.size_bytes)),
    ("load", lambda row: time_text(row.session_load_ns)),
    ("first", lambda row: time_text(row.first_run_ns)),
    ("p50", lambda row: time_text(row.latency.p50_ns)),
    ("p90", lambda row: time_text(row.latency.p90_ns)),
    ("p99", lambda row: time_text(row.latency.p99_ns)),
    ("spread", lambda row: percent_text(row.latency.spread)),
    ("÷ fp32", lambda row: ratio_text(None if row.ratio is None else row.ratio.value)),
    ("peak RSS", lambda row: size_text(row.peak_rss_bytes)),
    ("accuracy", accuracy_text),
    ("output vs host", output_text),
)


# Beside the emulator's time, in a table where a row was counted.
COUNT_COLUMNS: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("instructions", lambda row: count_text(row.instructions)),
    ("weighted", lambda row: count_text(row.instructions_weighted)),
    ("weighted ÷ fp32", lambda row: ratio_text(row.instructions_ratio)),
)
# In a table where a runtime told, or a count did.
KERNEL_COLUMNS: tuple[tuple[str, Callable[[Row], str]], ...] = (("kernels", lambda row: row.kernels or "–"),)


def text_table(table: Sequence[Row]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headings and cells."""
    columns = COLUMNS
    columns += COUNT_COLUMNS if any(row.instructions is not None for row in table) else ()
    columns += KERNEL_COLUMNS if any(row.kernels is not None for row in table) else ()
    return tuple(heading for heading, _ in columns), [tuple(cell(row) for _, cell in columns) for row in table]


def _same_class_text(comparison: Comparison) -> str:
    difference = comparison.difference
    if difference is None or difference.same_top1 is None:
        return "–"
    return f"{difference.same_top1}/{difference.samples}"


def _counts_text(comparison: Comparison) -> str:
    """ "949.6 M → 48.12 M (0.0507×)"."""
    counts = comparison.instructions
    if counts is None:
        return "–"
    return f"{count_text(counts.baseline)} → {count_text(counts.candidate)} ({ratio_text(counts.ratio)})"


def _weights_text(comparison: Comparison) -> str:
    counts = comparison.instructions
    if counts is None:
        return "–"
    totals = f"{count_text(counts.baseline_weighted)} → {count_text(counts.candidate_weighted)}"
    return f"{totals} ({ratio_text(counts.ratio_weighted)})"


def _interval_text(comparison: Comparison) -> str:
    latency = comparison.latency
    return "–" if latency is None else f"{ratio_text(latency.low)} to {ratio_text(latency.high)}"


COMPARISON_COLUMNS: tuple[tuple[str, Callable[[Comparison], str]], ...] = (
    ("baseline", lambda comparison: comparison.baseline),
    ("candidate", lambda comparison: comparison.candidate),
    ("latency", lambda comparison: ratio_text(None if comparison.latency is None else comparison.latency.value)),
    ("95 %", _interval_text),
    ("size", lambda comparison: ratio_text(comparison.size)),
    (
        "output difference",
        lambda comparison: "–" if comparison.difference is None else f"{comparison.difference.max_abs_relative:.1g}",
    ),
    ("same class", _same_class_text),
)
COMPARISON_COUNT_COLUMNS: tuple[tuple[str, Callable[[Comparison], str]], ...] = (
    ("instructions", _counts_text),
    ("weighted", _weights_text),
)


def comparison_table(comparisons: Sequence[Comparison]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headings and cells of candidates against baselines; of instructions only where both sides were counted."""
    columns = COMPARISON_COLUMNS
    columns += COMPARISON_COUNT_COLUMNS if any(each.instructions is not None for each in comparisons) else ()
    columns += (("caveats", lambda comparison: " ".join(comparison.caveats)),)
    headings = tuple(heading for heading, _ in columns)
    return headings, [tuple(cell(comparison) for _, cell in columns) for comparison in comparisons]


CSV_COLUMNS: dict[str, Callable[[Row], object]] = {
    "model": lambda row: row.model,
    "precision": lambda row: row.precision,
    "place": lambda row: row.place,
    "emulated": lambda row: str(row.emulated).lower(),
    "runtime": lambda row: row.runtime,
    "size_bytes": lambda row: row.size_bytes,
    "session_load_ns": lambda row: row.session_load_ns,
    "first_run_ns": lambda row: row.first_run_ns,
    "repetitions": lambda row: row.latency.count,
    "min_ns": lambda row: row.latency.min_ns,
    "p50_ns": lambda row: row.latency.p50_ns,
    "p90_ns": lambda row: row.latency.p90_ns,
    "p99_ns": lambda row: row.latency.p99_ns,
    "max_ns": lambda row: row.latency.max_ns,
    "spread": lambda row: f"{row.latency.spread:.4f}",
    "ratio_to_fp32": lambda row: row.ratio and f"{row.ratio.value:.4f}",
    "ratio_low": lambda row: row.ratio and f"{row.ratio.low:.4f}",
    "ratio_high": lambda row: row.ratio and f"{row.ratio.high:.4f}",
    "peak_rss_bytes": lambda row: row.peak_rss_bytes,
    "images": lambda row: row.images,
    "correct": lambda row: row.correct,
    "images_all": lambda row: row.images_all,
    "correct_all": lambda row: row.correct_all,
    "output_difference": lambda row: row.differs_by,
    "same_predictions": lambda row: row.same_predictions,
    "instructions": lambda row: row.instructions,
    "instructions_weighted": lambda row: row.instructions_weighted,
    "instructions_ratio_to_fp32": lambda row: row.instructions_ratio and f"{row.instructions_ratio:.4f}",
    "load_bytes": lambda row: row.load_bytes,
    "store_bytes": lambda row: row.store_bytes,
    "kernels": lambda row: row.kernels,
    "caveats": lambda row: " ".join(row.caveats),
}


def csv_text(table: Sequence[Row]) -> str:
    """The rows with base units, one line each; what is undefined is empty."""
    return csv_lines(CSV_COLUMNS, ([cell(row) for cell in CSV_COLUMNS.values()] for row in table))


def csv_lines(headings: Iterable[str], lines: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows(lines)
    return out.getvalue()
