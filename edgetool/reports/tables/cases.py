"""The table of a run, with a row for each case."""

from __future__ import annotations

from collections.abc import Sequence

from edgetool.models.spec import Precision
from edgetool.platform.columns import Column, Detail, Shown, Table, raw
from edgetool.platform.format import (
    count_text,
    energy_text,
    noise_text,
    percent_text,
    plural,
    ratio_text,
    size_text,
    time_text,
)
from edgetool.records.caveats import Caveat
from edgetool.records.stats import Interval
from edgetool.reports.rows import Row


def mark(row: Row) -> str:
    return "failed" if row.failure is not None else "emulated" if row.emulated else ""


def runtime_text(row: Row) -> str:
    return "deployed" if row.is_own_runtime else row.runtime


def _target_note(row: Row) -> str:
    return "(emulated)" if row.emulated else ""


def _outcome(row: Row) -> str | None:
    if row.failure is not None:
        return f"failed: {row.failure.reason}"
    return "kept" if row.kept else None


def _accuracy_note(row: Row) -> str:
    if not row.classifies:
        return ""
    if Caveat.RANDOM_WEIGHTS in row.caveats:
        return "meaningless"
    if row.accuracy is None:
        return ""
    return f"({row.correct_all}/{row.images_all}; {100 * row.accuracy.low:.1f}–{percent_text(row.accuracy.high)})"


def same_class_note(same: int | None, samples: int | None) -> str:
    return "" if same is None else f"(same class {same}/{samples})"


def _interval_note(ratio: Interval | None, *, apart: bool = False) -> str:
    return "" if ratio is None else f"({ratio.low:.3g}–{ratio.high:.3g}{' apart' * apart})"


def _ratio_note(row: Row) -> str:
    return "" if row.precision == Precision.FP32 else _interval_note(row.ratio, apart=row.ratio_in_turn is False)


def _is_in_turn(row: Row) -> str | None:
    return None if row.ratio_in_turn is None else str(row.ratio_in_turn).lower()


def _difference_note(row: Row) -> str:
    if row.same_predictions is not None:
        return same_class_note(row.same_predictions, row.compared_samples)
    return _noise_note(row.signal_to_noise_db, row.cosine)


def _rounding_note(row: Row) -> str:
    return _noise_note(row.fp32_signal_to_noise_db, row.fp32_cosine)


def _noise_note(signal_to_noise_db: float | None, cosine: float | None) -> str:
    if signal_to_noise_db is None:
        return ""
    noise = noise_text(signal_to_noise_db)
    return f"({noise})" if cosine is None or noise == "equal" else f"({noise}, cosine {cosine:.6f})"


COLUMNS: tuple[Column[Row], ...] = (
    Column(title="model", field="model", value=lambda row: row.model, detail=Detail.BRIEF, shown=Shown.IF_VARIED),
    Column(title="precision", field="precision", value=lambda row: row.precision, detail=Detail.BRIEF),
    Column(
        title="target",
        field="target",
        value=lambda row: row.target,
        note=_target_note,
        detail=Detail.BRIEF,
    ),
    raw("emulated", lambda row: str(row.emulated).lower()),
    Column(
        title="runtime",
        field="runtime",
        value=runtime_text,
        detail=Detail.BRIEF,
        shown=Shown.IF_VARIED,
        meaning="“deployed” is the runtime that the target file names; in a run without it, the first one",
    ),
    Column(
        title="threads",
        field="threads",
        value=lambda row: row.threads,
        format=str,
        detail=Detail.BRIEF,
        shown=Shown.IF_VARIED,
    ),
    raw("release", lambda row: row.release),
    Column(title="outcome", field="outcome", value=_outcome, detail=Detail.BRIEF, shown=Shown.IF_ANY),
    Column(
        title="size",
        field="size_bytes",
        value=lambda row: row.size_bytes,
        format=size_text,
        detail=Detail.BRIEF,
    ),
    raw("library_bytes", lambda row: row.library_bytes),
    Column(
        title="load",
        field="session_load_ns",
        value=lambda row: row.session_load_ns,
        format=time_text,
        meaning="session creation",
    ),
    Column(
        title="first",
        field="first_run_ns",
        value=lambda row: row.first_run_ns,
        format=time_text,
        meaning="the first inference after session creation",
    ),
    raw("repetitions", lambda row: row.latency and row.latency.count),
    raw("min_ns", lambda row: row.latency and row.latency.min_ns),
    Column(
        title="p50",
        field="p50_ns",
        value=lambda row: row.latency and row.latency.p50_ns,
        format=time_text,
        detail=Detail.BRIEF,
        meaning="the median of the repetitions after warm-up",
    ),
    Column(
        title="p90",
        field="p90_ns",
        value=lambda row: row.latency and row.latency.p90_ns,
        format=time_text,
        meaning="90 % of the repetitions took at most this long; p99 likewise",
    ),
    Column(title="p99", field="p99_ns", value=lambda row: row.latency and row.latency.p99_ns, format=time_text),
    raw("max_ns", lambda row: row.latency and row.latency.max_ns),
    Column(
        title="spread",
        field="spread",
        value=lambda row: row.latency and round(row.latency.spread, 4),
        format=percent_text,
        meaning="the interquartile range as a share of the median",
    ),
    Column(
        title="÷ fp32",
        field="ratio_to_fp32",
        value=lambda row: row.ratio and round(row.ratio.value, 4),
        format=ratio_text,
        note=_ratio_note,
        detail=Detail.BRIEF,
        meaning="ratio of medians, against fp32 on the same target; “apart” if the two were not timed in turn",
    ),
    raw("ratio_low", lambda row: row.ratio and round(row.ratio.low, 4)),
    raw("ratio_high", lambda row: row.ratio and round(row.ratio.high, 4)),
    raw("ratio_in_turn", _is_in_turn),
    Column(
        title="÷ deployed",
        field="time_ratio_to_deployed",
        value=lambda row: row.runtime_ratio and round(row.runtime_ratio.value, 4),
        format=ratio_text,
        note=lambda row: _interval_note(row.runtime_ratio),
        shown=Shown.IF_ANY,
        meaning="ratio of medians, against the deployed runtime",
    ),
    Column(
        title="÷ threads",
        field="time_ratio_to_fewest_threads",
        value=lambda row: row.threads_ratio and round(row.threads_ratio.value, 4),
        format=ratio_text,
        note=lambda row: _interval_note(row.threads_ratio),
        shown=Shown.IF_ANY,
        meaning="ratio of medians, against the fewest threads",
    ),
    Column(
        title="peak RSS",
        field="peak_rss_bytes",
        value=lambda row: row.peak_rss_bytes,
        format=size_text,
        meaning="peak memory of the harness process",
    ),
    Column(
        title="energy",
        field="energy_uj",
        value=lambda row: row.energy_uj,
        format=energy_text,
        shown=Shown.IF_ANY,
        meaning="energy per inference by the board's sensor, idle power included",
    ),
    Column(
        title="accuracy",
        value=lambda row: row.accuracy and row.accuracy.value,
        format=percent_text,
        note=_accuracy_note,
        detail=Detail.BRIEF,
        shown=Shown.IF_ANY,
        meaning="share of this target's images whose top class is their label, with its 95 % interval",
    ),
    Column(
        title="top-5",
        field="top5",
        value=lambda row: row.top5 and round(row.top5.value, 4),
        format=percent_text,
        shown=Shown.IF_ANY,
        meaning="share of the same images whose label is among the five largest outputs",
    ),
    raw("images", lambda row: row.images),
    raw("correct", lambda row: row.correct),
    raw("images_all", lambda row: row.images_all),
    raw("correct_all", lambda row: row.correct_all),
    Column(
        title="output vs host",
        field="output_difference",
        value=lambda row: row.differs_by,
        format="{:.1g}".format,
        note=_difference_note,
        shown=Shown.IF_ANY,
        meaning="largest difference from the host's outputs of the same model, relative to the largest output, "
        "and how well the two agree",
    ),
    Column(
        title="output vs fp32",
        field="fp32_output_difference",
        value=lambda row: row.fp32_differs_by,
        format="{:.1g}".format,
        note=_rounding_note,
        shown=Shown.IF_ANY,
        meaning="the same, against fp32 on the same target",
    ),
    raw("fp32_signal_to_noise_db", lambda row: row.fp32_signal_to_noise_db),
    raw("fp32_cosine", lambda row: row.fp32_cosine),
    raw("same_predictions", lambda row: row.same_predictions),
    raw("signal_to_noise_db", lambda row: row.signal_to_noise_db),
    raw("cosine", lambda row: row.cosine),
    Column(
        title="instructions",
        field="instructions",
        value=lambda row: row.instructions,
        format=count_text,
        shown=Shown.IF_ANY,
    ),
    Column(
        title="weighted",
        field="instructions_weighted",
        value=lambda row: row.instructions_weighted,
        format=count_text,
        detail=Detail.BRIEF,
        shown=Shown.IF_ANY,
        meaning="instructions per inference, a vector instruction once for each register it fills; not a time",
    ),
    Column(
        title="weighted ÷ fp32",
        field="instructions_ratio_to_fp32",
        value=lambda row: row.instructions_ratio and round(row.instructions_ratio, 4),
        format=ratio_text,
        shown=Shown.IF_ANY,
    ),
    raw("load_bytes", lambda row: row.load_bytes),
    raw("store_bytes", lambda row: row.store_bytes),
    Column(
        title="kernels",
        field="kernels",
        value=lambda row: row.kernels,
        shown=Shown.IF_ANY,
        meaning="the kernels that the runtime chose here, or “scalar” if no vector instruction was counted",
    ),
    raw("caveats", lambda row: " ".join(row.caveats)),
)


def columns(*fields: str) -> tuple[Column[Row], ...]:
    """Return the columns with these CSV headings."""
    found = {column.field: column for column in COLUMNS}
    return tuple(found[field] for field in fields)


def score_columns(table: Sequence[Row]) -> tuple[Column[Row], ...]:
    """Return a column for each metric by which a row was judged, called by the metric's name."""
    samples = {score.name: score.samples for row in table for score in row.scores}
    return tuple(_score_column(name, brief=i == 0) for i, name in enumerate(samples))


def _score_column(name: str, *, brief: bool) -> Column[Row]:
    def value(row: Row) -> float | None:
        score = row.score(name)
        return None if score is None else float(f"{score.value:.6g}")

    def note(row: Row) -> str:
        score = row.score(name)
        if score is None:
            return ""
        interval = "" if score.interval is None else f"; {score.interval.low:.3g}–{score.interval.high:.3g}"
        return f"({plural(score.samples, 'sample')}{interval})"

    return Column(
        title=name,
        field=name,
        value=value,
        format="{:.4g}".format,
        note=note,
        detail=Detail.BRIEF if brief else Detail.FULL,
        meaning="with its 95 % interval, where it has one" if brief else "",
    )


def cases_table(table: Sequence[Row]) -> Table[Row]:
    place = next(i for i, column in enumerate(COLUMNS) if column.field == "images")
    with_scores = (*COLUMNS[:place], *score_columns(table), *COLUMNS[place:])
    return Table(caption="All measurements", columns=with_scores, rows=table, mark=mark)
