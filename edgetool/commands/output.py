"""What commands print: tables and caveats for people, JSON for machines."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgetool.pipeline.deploy import Finished
    from edgetool.records.caveats import Caveat
    from edgetool.records.results import Run
    from edgetool.reports.report import Report
    from edgetool.reports.tables import Row


def print_run(done: Finished, *, json: bool) -> None:
    """A run that has just ended: what came of it and where its report is."""
    path = done.folder / "report.md"
    if json:
        print_json(
            {
                "run": str(done.folder),
                "report": str(path),
                "fallbacks": done.run.fallbacks,
                "cases": done.report.cases,
                "rows": done.report.rows,
                "runtimes": done.report.runtimes,
            }
        )
        return
    print_report(done.run, done.report)
    print(f"report: {path}")


def print_report(run: Run, report: Report) -> None:
    from edgetool.console.table import print_table
    from edgetool.reports.runtimes import runtimes_table
    from edgetool.reports.sweeps import brief_table, reason

    if run.command == "sweep":
        print_table(*brief_table(report.cases))
    else:
        print_rows(report.rows)
        if report.runtimes:
            print_table(*runtimes_table(report.runtimes))
    for fallback in run.fallbacks:
        print(f"{fallback.asked}: {fallback.reason}; instead: {fallback.instead}")
    for result in run.results:
        if result.failure is not None:
            print(f"{result.case.target}, {result.case.title}: {reason(result.failure)}")


def print_rows(table: Sequence[Row]) -> None:
    from edgetool.console.table import print_table
    from edgetool.reports.tables import text_table

    print_table(*text_table(table))
    print_caveats(caveat for row in table for caveat in row.caveats)


def print_caveats(caveats: Iterable[Caveat]) -> None:
    for caveat in dict.fromkeys(caveats):
        print(f"{caveat.value}: {caveat.text}; {caveat.remedy}")


def print_json(answer: object) -> None:
    from edgetool.platform.documents import to_json

    sys.stdout.buffer.write(to_json(answer))
    sys.stdout.buffer.flush()
