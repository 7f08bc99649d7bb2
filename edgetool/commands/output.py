"""What commands print: tables and caveats for people, JSON for machines."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgetool.pipeline.deploy import Finished
    from edgetool.records.caveats import Caveat
    from edgetool.reports.report import Report
    from edgetool.reports.tracking import Mlflow


def print_run(done: Finished, *, json: bool, tracker: Mlflow | None = None) -> None:
    """A run that has just ended, logged by the tracker if there is one: what came of it and where its report is."""
    tracked = None if tracker is None else tracker.log(done.report)
    if json:
        from edgetool.commands.answers import RunAnswer

        print_json(RunAnswer.of(done, tracked=tracked))
        return
    print_report(done.report)
    print(f"report: {done.folder / 'report.html'}")
    if tracker is not None:
        from edgetool.console.table import print_text

        print_text(f"tracked: run {tracked} at {tracker.uri}")


def print_report(report: Report) -> None:
    from edgetool.console.table import print_columns, print_text

    print_columns(report.cases)
    if report.runtimes.rows:
        print()
        print_columns(report.runtimes)
    print()
    for data in dict.fromkeys(row.data for row in report.rows if row.data is not None):
        print_text(f"held-out inputs: {data}")
    for fallback in report.stored.run.fallbacks:
        print_text(f"{fallback.asked}: {fallback.reason}; instead: {fallback.instead}")
    for row in report.failed:
        if row.failure is not None:
            runtime = "" if row.is_own_runtime else f" in {row.runtime}"
            print_text(f"{row.target}, {row.model} {row.precision}{runtime}: {row.failure.reason}")
    print_caveats(report.doubts)
    for verdict in report.verdicts:
        print_text(verdict.title)


def print_caveats(caveats: Iterable[Caveat]) -> None:
    from edgetool.console.table import print_text

    for caveat in dict.fromkeys(caveats):
        print_text(f"{caveat.value}: {caveat.text}; {caveat.remedy}")


def print_json(answer: object) -> None:
    from edgetool.platform.documents import to_json

    sys.stdout.buffer.write(to_json(answer))
    sys.stdout.buffer.flush()
