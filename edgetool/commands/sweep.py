"""`edgetool sweep`: a plan's cases on many boards at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgetool.commands.chosen import chosen_tracker
from edgetool.commands.options import Json, Runtimes, Track, Verbose
from edgetool.commands.output import print_run
from edgetool.console.context import make_context


def sweep(
    plan: Annotated[Path, typer.Argument(help="Plan (.toml): models, precisions, runtimes, targets, threads.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Output folder. Default: sweeps/PLAN.")] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Dask scheduler (tcp://HOST:PORT) whose workers reach the boards.")
    ] = None,
    runtime: Runtimes = [],
    force: Annotated[bool, typer.Option("--force", help="Measure every case again.")] = False,
    track: Track = None,
    verbose: Verbose = False,
    json: Json = False,
) -> None:
    """Measure every case of a plan, several boards in parallel, and keep what is measured already.

    --runtime replaces the plan's list of runtimes.

    Example: edgetool sweep plan.toml
    """
    from dataclasses import replace

    from edgetool.console.sweep import watch_boards
    from edgetool.pipeline import deploy
    from edgetool.pipeline.plan import read_plan
    from edgetool.pipeline.run import check_complete, on_many_boards
    from edgetool.pipeline.runtimes import chosen_runtimes

    del verbose  # noted by its callback
    tracker = chosen_tracker(track)
    folder = output or Path("sweeps") / plan.stem
    planned = read_plan(plan)
    if runtime:
        planned = replace(planned, runtimes=chosen_runtimes(runtime))
    cases = deploy.prepare(planned, make_context(quiet=json, force=False))
    with watch_boards(quiet=json) as watch:
        schedule = on_many_boards(watch, scheduler=scheduler)
        done = deploy.sweep(cases, folder, schedule, watch=watch, goals=planned.goals, force=force)
    print_run(done, json=json, tracker=tracker)
    check_complete(done.run, folder)
