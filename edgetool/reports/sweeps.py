"""A sweep's report: a row for each case, measured or failed, in a table, a chart and text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from edgetool.platform.files import write_atomically
from edgetool.platform.format import percent_text, ratio_text, size_text, time_text
from edgetool.platform.values import value
from edgetool.records.case import Case, CaseFailure
from edgetool.records.caveats import Caveat
from edgetool.records.record import Recorded
from edgetool.records.results import StoredRun
from edgetool.reports.html import html_report
from edgetool.reports.markdown import markdown_table
from edgetool.reports.plots import write_cases_chart
from edgetool.reports.tables import CSV_COLUMNS, Row, accuracy_text, csv_lines, output_text, place_text, rows

NOTHING = "–"
HEADINGS = (
    *("model", "precision", "place", "threads", "size", "load", "p50", "p90", "spread", "÷ fp32", "peak RSS"),
    *("accuracy", "output vs host", "what came of it"),
)
TEXTS = frozenset(HEADINGS.index(name) for name in ("model", "precision", "place", "what came of it"))


@value
class CaseRow:
    """A case in numbers: `row` where it was measured, else `failure`."""

    case: Case
    kept: bool
    row: Row | None
    failure: CaseFailure | None


def write_sweep_report(stored: StoredRun, table: Sequence[CaseRow]) -> None:
    """Write `report.md` and `.html`, `summary.csv` and `charts/` of a sweep."""
    folder, chart = stored.folder, "charts/cases.png"
    write_cases_chart(folder / chart, [(row.case, row.row) for row in table])
    text = "\n\n".join("\n".join(section) for section in _sections(stored, table, chart)) + "\n"
    write_atomically(folder / "report.md", text.encode())
    write_atomically(folder / "report.html", html_report(text, folder).encode())
    write_atomically(folder / "summary.csv", _csv(table).encode())


def case_rows(stored: StoredRun) -> tuple[CaseRow, ...]:
    """Ratios and differences are within one model, runtime and number of threads."""
    groups: dict[tuple[str, str, int], list[tuple[Case, Recorded]]] = {}
    for result, recorded in stored.entries:
        if recorded is not None and recorded.record.timing is not None:
            case = result.case
            groups.setdefault((case.model, case.runtime, case.threads), []).append((case, recorded))
    found: dict[Case, Row] = {}
    for group in groups.values():
        table = rows([recorded for _, recorded in group])
        found |= {case: replace(row, model=case.model) for (case, _), row in zip(group, table, strict=True)}
    return tuple(
        CaseRow(case=result.case, kept=result.kept, row=found.get(result.case), failure=result.failure)
        for result, _ in stored.entries
    )


def sweep_table(table: Sequence[CaseRow]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headings and cells; a failed case has its reason and no number."""
    return HEADINGS, [_cells(row) for row in table]


def brief_table(table: Sequence[CaseRow]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """What one looks at first, for a terminal."""
    wanted = [HEADINGS.index(heading) for heading in ("place", "p50", "÷ fp32", "accuracy", "what came of it")]
    cells = ((row.case.title, *(_cells(row)[i] for i in wanted)) for row in table)
    return ("case", "place", "p50", "÷ fp32", "accuracy", ""), [(*c[:-1], c[-1].partition(":")[0]) for c in cells]


def _cells(entry: CaseRow) -> tuple[str, ...]:
    case, row = entry.case, entry.row
    head = (case.model, str(case.precision), case.target if row is None else place_text(row), str(case.threads))
    if row is None:
        return (*head, *(NOTHING,) * (len(HEADINGS) - len(head) - 1), f"failed: {reason(entry.failure)}")
    return (
        *head,
        size_text(row.size_bytes),
        time_text(row.session_load_ns),
        time_text(row.latency.p50_ns),
        time_text(row.latency.p90_ns),
        percent_text(row.latency.spread),
        ratio_text(None if row.ratio is None else row.ratio.value),
        size_text(row.peak_rss_bytes),
        accuracy_text(row),
        output_text(row),
        "kept" if entry.kept else "measured",
    )


def reason(failure: CaseFailure | None) -> str:
    """The first line of why a case failed."""
    return "unknown" if failure is None else f"{failure.error}: {failure.message.splitlines()[0][:200]}"


def _sections(stored: StoredRun, table: Sequence[CaseRow], chart: str) -> Iterable[Iterable[str]]:
    failed = [row for row in table if row.failure is not None]
    yield [f"# Sweep {stored.run.title}", "", *_summary(table, failed)]
    if failed:
        yield ["## What failed", "", *_failed(failed)]
    yield ["## Numbers", "", *markdown_table(*sweep_table(table), texts=TEXTS), "", *_legend(table)]
    if any(row.row is not None for row in table):
        yield ["## Chart", "", f"![cases]({chart})"]
        yield ["## What to doubt", "", *_doubts(table)]
    yield [f"edgetool {stored.run.edgetool}, {stored.run.created_at:%Y-%m-%d %H:%M} UTC."]


def _summary(table: Sequence[CaseRow], failed: Sequence[CaseRow]) -> Iterable[str]:
    kept = sum(row.kept for row in table)
    targets = dict.fromkeys(row.case.target for row in table)
    yield (
        f"{len(table)} cases on {len(targets)} targets: {len(table) - kept - len(failed)} measured, {kept} kept from "
        f"an earlier sweep, {len(failed)} failed."
    )


def _failed(failed: Sequence[CaseRow]) -> Iterable[str]:
    """Equal reasons of one target together."""
    found: dict[tuple[str, CaseFailure | None], list[str]] = {}
    for row in failed:
        found.setdefault((row.case.target, row.failure), []).append(row.case.title)
    for (target, failure), points in found.items():
        hint = f" ({failure.hint})" if failure is not None and failure.hint else ""
        yield f"- **{target}**, {'; '.join(points)}: {reason(failure)}{hint}"


def _legend(table: Sequence[CaseRow]) -> Iterable[str]:
    yield (
        "`load` is the creation of the session; p50 and p90 are percentiles of the repetitions after warm-up; `spread` "
        "is the interquartile range as a share of the median; `÷ fp32` is within one place and number of threads."
    )
    if any(row.row is not None and row.row.emulated for row in table):
        yield ""
        yield "Rows marked *(emulated)* show the time that an emulator took. **It is not a latency of any board.**"


def _doubts(table: Sequence[CaseRow]) -> Iterable[str]:
    found: dict[Caveat, list[str]] = {}
    for entry in table:
        for caveat in entry.row.caveats if entry.row is not None else ():
            found.setdefault(caveat, []).append(entry.case.target)
    if not found:
        yield "Nothing: every check of the measurements held."
    for caveat, where in found.items():
        yield f"- {', '.join(dict.fromkeys(where))}: {caveat.text}. Remedy: {caveat.remedy}."


def _csv(table: Sequence[CaseRow]) -> str:
    columns = {name: cell for name, cell in CSV_COLUMNS.items() if name not in ("model", "precision", "place")}
    headings = ("model", "precision", "place", "threads", "failure", *columns)
    return csv_lines(headings, (_csv_line(entry, columns) for entry in table))


def _csv_line(entry: CaseRow, columns: Mapping[str, Callable[[Row], object]]) -> list[object]:
    case = entry.case
    numbers = ["" if entry.row is None else cell(entry.row) for cell in columns.values()]
    failure = "" if entry.row is not None else reason(entry.failure)
    return [case.model, case.precision, case.target, case.threads, failure, *numbers]
