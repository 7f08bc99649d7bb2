"""A run as a board of tasks: scope → optimize → validate → report. The records determine the state of each task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from edgetool.models.spec import Precision
from edgetool.platform.format import noise_text, percent_text, plural, size_text, time_text
from edgetool.platform.values import value
from edgetool.records.compare import HOST
from edgetool.records.results import Run
from edgetool.reports.goals import Check, State, worst
from edgetool.reports.rows import Row, groups
from edgetool.reports.verdict import Sureness, Verdict

FLOAT = (Precision.FP32, Precision.FP16)  # in which a model is exported


class Phase(StrEnum):
    SCOPE = "scope"
    OPTIMIZE = "optimize"
    VALIDATE = "validate"
    REPORT = "report"


class Progress(StrEnum):
    DONE = "done"
    OPEN = "open"  # not done, or done without a conclusion
    FAILED = "failed"


@value
class Task:
    phase: Phase
    title: str
    progress: Progress
    found: str  # the state according to the records


def tasks(run: Run, table: Sequence[Row], verdicts: Sequence[Verdict], checks: Sequence[Check]) -> tuple[Task, ...]:
    """Return the tasks of a run, given its rows, verdicts and checks."""
    return (*_scope(run, table), *_optimize(table), *_validate(table), *_report(verdicts, checks))


def _scope(run: Run, table: Sequence[Row]) -> Iterator[Task]:
    there = [row for row in table if row.target != HOST] or table
    names = dict.fromkeys(f"{row.model} on {row.target}" for row in there)
    yield Task(phase=Phase.SCOPE, title="Choose model and target", progress=Progress.DONE, found=", ".join(names))
    stated = len(run.goals)
    yield Task(
        phase=Phase.SCOPE,
        title="State goals",
        progress=Progress.DONE if stated else Progress.OPEN,
        found=plural(stated, "goal") if stated else "none: --gate FILE, or [[goals]] of a plan",
    )
    classifies = any(row.classifies for row in table) or not any(
        row.scores or row.differs_by is not None for row in table
    )
    images = max((row.images_all or 0 for row in table), default=0)
    samples = max((score.samples for row in table for score in row.scores), default=0)
    yield Task(
        phase=Phase.SCOPE,
        title="Hold out labelled images" if classifies else "Hold out inputs with ground truth",
        progress=Progress.DONE if images or samples else Progress.OPEN,
        found=f"{images} images"
        if images
        else plural(samples, "sample")
        if samples
        else "no labels"
        if classifies
        else "none",
    )


def _optimize(table: Sequence[Row]) -> Iterator[Task]:
    own = [row for row in table if row.is_deployed]  # sizes of one format only
    sized = [row for row in own if row.size_bytes is not None]
    fp32 = [row for row in sized if row.precision in FLOAT]
    smaller = [row for row in sized if row.precision not in FLOAT]
    if not fp32 and (given := [row for row in smaller if row.as_given]):
        yield Task(
            phase=Phase.OPTIMIZE,
            title="Take the quantized model as it is",
            progress=Progress.DONE,
            found=f"{given[0].precision}, {size_text(given[0].size_bytes)}",
        )
        return
    yield Task(
        phase=Phase.OPTIMIZE,
        title="Export to ONNX",
        progress=Progress.DONE if fp32 else Progress.OPEN,
        found=size_text(fp32[0].size_bytes) if fp32 else "no fp32 was measured",
    )
    found = "no other precision was measured"
    if smaller:
        row = min(smaller, key=lambda row: row.size_bytes or 0)
        change = (row.size_bytes or 0) / (fp32[0].size_bytes or 1) - 1 if fp32 else 0.0
        share = f" ({'+' if change > 0 else '−'}{percent_text(abs(change), 0)})" if fp32 else ""
        found = f"{row.precision}, {size_text(row.size_bytes)}{share}"
    yield Task(
        phase=Phase.OPTIMIZE, title="Quantize", progress=Progress.DONE if smaller else Progress.OPEN, found=found
    )


def _validate(table: Sequence[Row]) -> Iterator[Task]:
    own = [row for row in table if row.is_deployed]
    there = [row for row in own if row.target != HOST] or own
    failed = [row for row in there if row.failure is not None]
    yield Task(
        phase=Phase.VALIDATE,
        title="Run on the target",
        progress=Progress.FAILED if failed else Progress.DONE,
        found=f"{len(failed)} of {len(there)} cases failed" if failed else plural(len(there), "case"),
    )
    if runtimes := _others(table):
        yield runtimes
    compared = [row for row in there if row.compared_samples]
    yield Task(
        phase=Phase.VALIDATE,
        title="Compare outputs with the host",
        progress=Progress.DONE if compared else Progress.OPEN,
        found=_compared(compared) or "not compared",
    )
    timed = [row for row in there if row.latency is not None and not row.emulated]
    emulated = any(row.emulated for row in there)
    yield Task(
        phase=Phase.VALIDATE,
        title="Measure latency",
        progress=Progress.DONE if timed else Progress.OPEN,
        found=", ".join(f"{row.precision} {time_text(row.latency.p50_ns)}" for row in timed if row.latency)
        or ("emulated: not the latency of any board" if emulated else "not timed"),
    )


def _compared(compared: Sequence[Row]) -> str:
    """Return how outputs compare with the host's: images of the same class, or noise where nothing is classified."""
    classified = [row for row in compared if row.same_predictions is not None]
    if classified:
        same, of = (sum(getattr(row, name) for row in classified) for name in ("same_predictions", "compared_samples"))
        return f"{same} of {of} the same"
    noises = ((row.precision, row.signal_to_noise_db) for row in compared)
    return ", ".join(f"{precision} {noise_text(noise)}" for precision, noise in noises if noise is not None)


def _others(table: Sequence[Row]) -> Task | None:
    """Return the task of comparing runtimes on the target, None if there is only the target's own."""
    cells = groups([row for row in table if row.target != HOST] or table, lambda row: row.runtime)
    if len(cells) < 2:
        return None
    ran = [(cell, [row for row in cell if row.failure is None]) for cell in cells]
    return Task(
        phase=Phase.VALIDATE,
        title="Compare runtimes",
        progress=Progress.DONE if all(rows for _, rows in ran) else Progress.OPEN,
        found=", ".join(
            f"{(rows or cell)[0].release or cell[0].runtime}: {len(rows)} of {len(cell)} cases" for cell, rows in ran
        ),
    )


def _report(verdicts: Sequence[Verdict], checks: Sequence[Check]) -> Iterator[Task]:
    decided = [verdict for verdict in verdicts if verdict.sureness is not Sureness.INCONCLUSIVE]
    yield Task(
        phase=Phase.REPORT,
        title="Decide what to deploy",
        progress=Progress.DONE if verdicts and len(decided) == len(verdicts) else Progress.OPEN,
        found="; ".join(dict.fromkeys(verdict.title for verdict in verdicts)) or "nothing was measured",
    )
    if checks:
        counts = {state: sum(check.state is state for check in checks) for state in State}
        progress = {State.MET: Progress.DONE, State.NOT_MET: Progress.FAILED}.get(worst(checks) or State.MET)
        yield Task(
            phase=Phase.REPORT,
            title="Meet the goals",
            progress=progress or Progress.OPEN,
            found=", ".join(f"{count} {state}" for state, count in counts.items() if count),
        )
