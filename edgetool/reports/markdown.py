"""A run as `report.md`: what was found, on what, how, and what to doubt."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from edgetool.bench.instructions import ClassCount, OperatorInstructions
from edgetool.measurements.instructions import InstructionCounts
from edgetool.platform.format import count_text, percent_text, ratio_text, size_text, time_text
from edgetool.records.caveats import Caveat
from edgetool.records.record import Record
from edgetool.records.results import StoredRun
from edgetool.reports.runtimes import TEXTS as RUNTIME_TEXTS
from edgetool.reports.runtimes import RuntimeRow, runtimes_findings, runtimes_legend, runtimes_table
from edgetool.reports.tables import Row, place_text, text_table

CLASS_TITLES = {"vector_widening": "vector widening, multiply-add"}  # the others are called as their field is


def markdown_report(
    stored: StoredRun, table: Sequence[Row], runtimes: Sequence[RuntimeRow], charts: Sequence[str]
) -> str:
    """The report's text; `charts` are paths relative to it."""
    run = stored.run
    sections = [
        [f"# {run.title}", "", *_findings(stored, table), *runtimes_findings(runtimes)],
        ["## Numbers", "", *markdown_table(*text_table(table)), "", *_legend(table)],
        ["## Charts", "", *(f"![{chart.rpartition('/')[2].removesuffix('.png')}]({chart})" for chart in charts)],
        ["## What to doubt", "", *_doubts(table)],
        ["## Places", "", *_places(stored)],
        ["## How it was measured", "", *_method(stored)],
    ]
    records = [recorded.record for recorded in stored.recorded]
    profiled = [record for record in records if record.operators is not None]
    if profiled:
        sections.insert(-3, ["## Time by operator", "", *_operators(profiled)])
    counted = [record for record in records if record.instructions is not None and record.timing is not None]
    if counted:
        sections.insert(-3, ["## Instructions of one inference", "", *_instructions(counted)])
    if runtimes:
        cells = markdown_table(*runtimes_table(runtimes), texts=RUNTIME_TEXTS)
        sections.insert(-3, ["## Beside other runtimes", "", runtimes_legend(runtimes), "", *cells])
    fallbacks = [f"- asked for **{f.asked}**: {f.reason}. Instead: {f.instead}." for f in run.fallbacks]
    fallbacks += [
        f"- asked for **{result.case.title}**: {result.failure.message}. Instead: left out."
        for result in run.results
        if result.failure is not None
    ]
    if fallbacks:
        sections.insert(1, ["## Fallbacks", "", *fallbacks])
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


def _findings(stored: StoredRun, table: Sequence[Row]) -> Iterable[str]:
    """What one would tell in three sentences."""
    sizes = {row.precision: row.size_bytes for row in table}
    small = next((p for p in sizes if p != "fp32"), None)
    if "fp32" in sizes and small is not None:
        change = sizes[small] / sizes["fp32"] - 1
        yield f"- **Size**: {small} is {size_text(sizes[small])}, fp32 {size_text(sizes['fp32'])} ({change:+.1%})."
    for row in table:
        if row.precision == "fp32":
            continue
        accuracy = "" if row.accuracy is None else f", accuracy {percent_text(row.accuracy.value)}"
        if row.ratio is None:
            counted = (
                ""
                if row.instructions_ratio is None
                else f", {ratio_text(row.instructions_ratio)} of fp32's weighted instructions"
            )
            yield (
                f"- **{place_text(row)}, {row.precision}**: runs{accuracy}{counted}; "
                "the time it took says nothing of a board."
            )
        else:
            interval = f"95 % between {ratio_text(row.ratio.low)} and {ratio_text(row.ratio.high)}"
            yield (
                f"- **{row.place}, {row.precision}**: {time_text(row.latency.p50_ns)} median, "
                f"{ratio_text(row.ratio.value)} of fp32 ({interval}){accuracy}."
            )
    for row in table:
        if row.images_all is not None and row.correct_all is not None and row.images_all != row.images:
            share = percent_text(row.correct_all / row.images_all)
            yield f"- **{row.place}, {row.precision}** on all of its {row.images_all} held-out images: {share} right."
    agreeing = [row for row in table if row.same_predictions is not None and row.place == stored.target]
    for row in agreeing:
        yield (
            f"- **{row.precision} on {place_text(row)} against the host**: the same class on {row.same_predictions} of "
            f"{row.compared_samples} images; outputs differ by at most {row.differs_by:.1g} of the largest."
        )


def markdown_table(
    headings: Sequence[str], cells: Sequence[Sequence[str]], *, texts: Container[int] = (0, 1)
) -> Iterable[str]:
    """The lines of a table, what would break one made harmless; `texts` are the columns that hold no numbers."""
    yield "| " + " | ".join(headings) + " |"
    yield "|" + "|".join(" --- " if i in texts else " ---: " for i in range(len(headings))) + "|"
    for line in cells:
        yield "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in line) + " |"


def _legend(table: Sequence[Row]) -> Iterable[str]:
    yield (
        "`load` is the creation of the session, `first` the first inference after it; p50, p90 and p99 are percentiles "
        "of the repetitions after warm-up; `spread` is the interquartile range as a share of the median; `÷ fp32` the "
        "ratio of medians in the same place; `accuracy` is on the images that every place classified; `output vs host` "
        "the largest difference from the host's outputs of the same model as a share of the largest output."
    )
    if any(row.kernels is not None for row in table):
        yield ""
        yield (
            "`kernels` is what the runtime says that it chose on this processor, or what was counted: *scalar* where "
            "no vector instruction ran."
        )
    if any(row.emulated for row in table):
        yield ""
        yield (
            "Rows marked *(emulated)* show the time that an emulator took. **It is not a latency of any board**, and "
            "two of them make no ratio: an emulator can rank fp32 and int8 the wrong way round."
        )


def _doubts(table: Sequence[Row]) -> Iterable[str]:
    found: dict[Caveat, list[str]] = {}
    for row in table:
        for caveat in row.caveats:
            found.setdefault(caveat, []).append(f"{row.place} {row.precision}")
    versions = {row.runtime for row in table}
    if len(versions) > 1:
        found[Caveat.DIFFERENT_RUNTIME] = sorted(versions)
    if not found:
        yield "Nothing: every check of the measurements held."
    for caveat, where in found.items():
        yield f"- {', '.join(where)}: {caveat.text}. Remedy: {caveat.remedy}."


def _operators(records: Sequence[Record]) -> Iterable[str]:
    """The operators that take a hundredth or more; shares, because profiling slows the whole."""
    for record in records:
        emulated = " (emulated: of the emulator's time)" if record.emulated else ""
        yield f"{record.subject.precision} on {record.subject.target}{emulated}:"
        yield ""
        cells = [
            (entry.operator, str(entry.calls), percent_text(entry.share))
            for entry in (record.operators.times if record.operators is not None else ())
            if entry.share >= 0.01
        ]
        yield from markdown_table(("operator", "calls", "share"), cells)
        yield ""


def _instructions(records: Sequence[Record]) -> Iterable[str]:
    yield (
        "Counted under an emulator, the mean of inferences after a warm-up, on one thread. `weighted` counts a vector "
        "instruction as often as it fills a register: max(1, ⌈vl × widest element ÷ VLEN⌉), a strided or indexed "
        "access as vl, a scalar instruction as 1; it is no time either, but neither VLEN nor LMUL flatters it."
    )
    for record in records:
        counts = record.instructions
        if counts is None:
            continue
        vectors = f"vectors of {counts.vlen_bits} bits" if counts.vlen_bits else "no vectors"
        traffic = f"{size_text(counts.load_bytes)} loaded, {size_text(counts.store_bytes)} stored"
        yield ""
        yield f"{record.subject.precision} on {record.subject.target} ({counts.emulator}, {vectors}; {traffic}):"
        yield ""
        cells = [
            (
                CLASS_TITLES.get(name, name.replace("_", " ")),
                count_text(count.raw),
                count_text(count.weighted),
                _share(count, counts),
            )
            for name, count in counts.classes()
        ]
        total = ("**all**", count_text(counts.raw), count_text(counts.weighted), "")
        yield from markdown_table(("class", "instructions", "weighted", "share of weight"), [*cells, total])
        if counts.operators:
            yield ""
            headings = ("operator", "calls", "instructions", "of them vector", "weighted", "share of weight", "kernels")
            yield from markdown_table(
                headings, [_operator_cells(entry) for entry in counts.operators if entry.share >= 0.001]
            )


def _operator_cells(entry: OperatorInstructions) -> tuple[str, ...]:
    raw = (count_text(entry.raw), percent_text(entry.vector_share))
    weighted = (count_text(entry.weighted), percent_text(entry.share))
    return (entry.operator, str(entry.calls), *raw, *weighted, entry.kernels or "–")


def _share(count: ClassCount, counts: InstructionCounts) -> str:
    return percent_text(count.weighted / counts.weighted if counts.weighted else None)


def _places(stored: StoredRun) -> Iterable[str]:
    seen: set[str] = set()
    for recorded in stored.recorded:
        record = recorded.record
        if record.subject.target not in seen:
            seen.add(record.subject.target)
            yield f"- **{record.subject.target}**: {'; '.join(_place(record))}."


def _place(record: Record) -> Iterable[str]:
    environment = record.environment
    subject = record.subject
    yield subject.triple
    if environment.emulator is not None:
        yield f"emulated by {environment.emulator}"
    facts = environment.board
    if facts is not None:
        yield from (text for text in (facts.model, facts.cpu, facts.isa) if text)
        if facts.governor:
            yield f"governor {facts.governor}"
        if facts.temperature_celsius is not None:
            yield f"{facts.temperature_celsius:.0f} °C"
        if facts.load_1min is not None:
            yield f"load {facts.load_1min:g}"
    if environment.process.vector_length_bits:
        yield f"vectors of {environment.process.vector_length_bits} bits"
    yield f"{environment.process.processors} processors"
    yield f"kernel {environment.process.kernel}"
    yield f"glibc {environment.process.libc}"
    variant = f", {subject.runtime.variant}" if subject.runtime.variant else ""
    loaded = environment.runtime
    yield f"{subject.runtime.title}{variant}, build id {(loaded.build_id if loaded else None) or 'none'}"
    if loaded is not None and loaded.kernels:
        yield f"kernels: {loaded.kernels}"
    if subject.runtime.flags:
        yield f"built with `{' '.join(subject.runtime.flags)}`"


def _method(stored: StoredRun) -> Iterable[str]:
    timed = [(r.record.subject.target, r.record.timing) for r in stored.recorded if r.record.timing is not None]
    for target, spec in dict.fromkeys((target, timing.spec) for target, timing in timed):
        count = min(len(timing.samples_ns) for place, timing in timed if place == target)
        yield (
            f"- **{target}**: {spec.threads} thread(s); one first inference, {spec.warmup} warm-up, then at least "
            f"{spec.min_repetitions} repetitions and {spec.min_duration_s:g} s ({count} or more taken), each timed "
            "with CLOCK_MONOTONIC around one call of the runtime."
        )
    for model in stored.models:
        noise = (
            ""
            if model.signal_to_noise_db is None
            else f"; {model.signal_to_noise_db:.1f} dB signal to noise against fp32"
        )
        meaning = "" if model.accuracy_means_something else "; **its accuracy means nothing**"
        yield (
            f"- **{model.name} {model.precision}**: weights {model.weights}, opset {model.opset}, input "
            f"{'×'.join(map(str, model.inputs[0].shape))}, sha256 {model.sha256[:12]}{noise}{meaning}."
        )
    yield (
        "- Before timing, a numeric self-test ran in each place's runtime. Intervals are 95 %: bootstrap of the median "
        "for ratios, Wilson for accuracy."
    )
    yield f"- edgetool {stored.run.edgetool}, {stored.run.created_at:%Y-%m-%d %H:%M} UTC, run {stored.run.id}."
