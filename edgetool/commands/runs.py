"""`edgetool compare`, `status`, `history`, `report` and `trace`: what runs say."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgetool.commands.chosen import chosen_tracker
from edgetool.commands.completion import complete_run
from edgetool.commands.options import Json, Runs, Track
from edgetool.commands.output import print_caveats, print_json, print_run
from edgetool.errors import ConfigError
from edgetool.platform.foreign import one_line

if TYPE_CHECKING:
    from edgetool.reports.goals import Check


def compare(
    baseline: Annotated[Path, typer.Argument(help="Run folder or record (.json).", autocompletion=complete_run)],
    candidate: Annotated[
        Path | None, typer.Argument(help="Run folder or record to compare with it.", autocompletion=complete_run)
    ] = None,
    gate: Annotated[
        Path | None, typer.Option("--gate", help="Goals (.toml) that the candidate must meet; exit code 9 if not.")
    ] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write the gate's results as JUnit XML.")] = None,
    json: Json = False,
) -> None:
    """Compare two records, or every case that two runs share; or check one run against goals.

    With --gate the goals are also appended to the file named by $GITHUB_STEP_SUMMARY.

    Example: edgetool compare runs/before runs/after --gate gates.toml
    """
    from edgetool import api
    from edgetool.console.table import print_columns
    from edgetool.reports.gate import check_passed
    from edgetool.reports.tables.comparisons import Comparisons
    from edgetool.reports.tables.goals import goals_table

    if candidate is None and gate is None:
        raise ConfigError("compare needs two runs or records, or one run and --gate")
    if junit is not None and gate is None:
        raise ConfigError("--junit writes the results of a gate", hint="give --gate FILE, too")
    checks = () if gate is None else _pass_gate(gate, candidate or baseline, baseline if candidate else None, junit)
    comparisons = Comparisons() if candidate is None else api.compare(baseline, candidate)
    if json:
        from edgetool.commands.answers import CompareAnswer

        print_json(CompareAnswer(comparisons=tuple(comparisons), goals=tuple(checks)))
    else:
        if comparisons:
            print_columns(comparisons.table)
            print_caveats(caveat for comparison in comparisons for caveat in comparison.caveats)
        if checks:
            print_columns(goals_table(checks))
    check_passed(checks)


def _pass_gate(gate_file: Path, candidate: Path, baseline: Path | None, junit_file: Path | None) -> tuple[Check, ...]:
    """Judge, and write what a CI reads."""
    from edgetool.platform.files import write_atomically
    from edgetool.records.goals import read_gates
    from edgetool.reports.gate import gate, junit, summary

    checks = gate(read_gates(gate_file), candidate, baseline)
    if junit_file is not None:
        write_atomically(junit_file, junit(checks, name=str(gate_file)))
    if page := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(page).open("a") as file:
            file.write(summary(checks))
    return checks


def status(
    run: Annotated[Path, typer.Argument(help="Folder of a run or a sweep.", autocompletion=complete_run)],
    json: Json = False,
) -> None:
    """Show a run as a board of tasks, and which of its goals are met.

    Example: edgetool status runs/20261124T101500Z-3f2a1b
    """
    from edgetool.console.table import print_columns
    from edgetool.records.results import read_run
    from edgetool.reports.report import Report
    from edgetool.reports.tables.goals import tasks_table

    report = Report(read_run(run))
    if json:
        from edgetool.commands.answers import StatusAnswer

        print_json(StatusAnswer(tasks=report.tasks, goals=report.checks))
        return
    print_columns(tasks_table(report.tasks))
    if report.checks:
        print()
        print_columns(report.goals)


def history(
    runs: Runs = Path("runs"),
    metric: Annotated[
        list[str], typer.Option("--metric", help="Metric of a goal; repeatable. Default: the usual.")
    ] = [],
    chart: Annotated[Path | None, typer.Option("--chart", help="Write a chart (.svg).")] = None,
    json: Json = False,
) -> None:
    """Show how each case's metrics changed over runs, with the steps found.

    Example: edgetool history --metric p50_ms --chart history.svg
    """
    from edgetool.console.table import print_columns
    from edgetool.platform.files import write_atomically
    from edgetool.platform.names import member
    from edgetool.records.goals import Metric
    from edgetool.reports.history import DEFAULT, history_chart, history_table, read_history

    metrics = tuple(member(Metric, name, what="metric") for name in metric) or DEFAULT
    histories, unreadable = read_history(runs, metrics)
    drawn = None if chart is None else history_chart(histories)
    if chart is not None:
        if drawn is None:
            raise ConfigError(
                "there is nothing to draw", hint="a chart needs two runs of a case, and at most 24 series"
            )
        write_atomically(chart, drawn.file())
    if json:
        from edgetool.commands.answers import HistoryAnswer

        print_json(HistoryAnswer(histories=tuple(histories), unreadable=tuple(unreadable)))
        return
    print_columns(history_table(histories))
    for name in unreadable:
        print(one_line(f"{name}: not read: it is no run, or damaged"))


def report(
    run: Annotated[Path, typer.Argument(help="Folder of a run or a sweep.", autocompletion=complete_run)],
    pdf: Annotated[bool, typer.Option("--pdf", help="Write report.pdf too (extra: pdf).")] = False,
    track: Track = None,
    json: Json = False,
) -> None:
    """Write the report, tables and charts of a run or a sweep again.

    Example: edgetool report runs/20261124T101500Z-3f2a1b --pdf
    """
    from edgetool.pipeline.deploy import load

    tracker = chosen_tracker(track)
    print_run(load(run, pdf=pdf), json=json, tracker=tracker)


def trace(
    run: Annotated[Path, typer.Argument(help="Folder of a run or a sweep.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Output file. Default: RUN/trace.json.")] = None,
    model: Annotated[
        list[Path], typer.Option(help="Measured .onnx, to find the nodes that the runtime fused; repeatable.")
    ] = [],
    json: Json = False,
) -> None:
    """Write the profiles of a run as a trace for ui.perfetto.dev or chrome://tracing.

    The run must have been measured with --profile. Beside the trace lies each case's *.node-data.json, an overlay for
    Model Explorer.

    Example: edgetool trace runs/20261124T101500Z-3f2a1b --output trace.json
    """
    from json import dumps

    from edgetool.platform.files import sha256_file, write_atomically
    from edgetool.records.results import read_run
    from edgetool.reports.trace import node_data, trace_events

    path, stored, producers = output or run / "trace.json", read_run(run), {}
    if model:
        from edgetool.models.onnxfile import producers_of

        producers = {sha256_file(each): producers_of(each) for each in model}
    write_atomically(path, dumps(trace_events(stored)).encode())
    overlays = {
        path.with_name(f"{stem}.node-data.json"): overlay for stem, overlay in node_data(stored, producers).items()
    }
    for file, overlay in overlays.items():
        write_atomically(file, dumps(overlay).encode())
    if json:
        from edgetool.commands.answers import TraceAnswer

        print_json(TraceAnswer(trace=str(path), node_data=tuple(str(file) for file in overlays)))
        return
    print(*(path, *overlays), sep="\n")
