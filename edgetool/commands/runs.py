"""`edgetool deploy`, `bench`, `compare`, `report`: runs and what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgetool.commands.context import make_context
from edgetool.commands.options import (
    Against,
    Calibration,
    Checkpoint,
    Cooldown,
    Count,
    Cpus,
    Dynamic,
    Force,
    Governor,
    HeldOut,
    Images,
    Json,
    MinDuration,
    Mirror,
    Model,
    Precisions,
    Profile,
    Repetitions,
    Runs,
    Shapes,
    Target,
    Targets,
    Threads,
    Wait,
    Warmup,
    Weights,
    benchmark_settings,
    chosen_instruments,
    chosen_precisions,
    planned_model,
)
from edgetool.commands.output import print_caveats, print_json, print_run


def deploy(
    target: Target = "qemu-riscv64",
    model: Model = "mobilenet_v2",
    weights: Weights = "",
    checkpoint: Checkpoint = None,
    shape: Shapes = [],  # noqa: B006
    calibration: Calibration = None,
    held_out: HeldOut = None,
    weights_mirror: Mirror = None,
    precision: Precisions = [],  # noqa: B006  # Typer's way; never changed
    dynamic: Dynamic = False,
    images: Images = None,
    repetitions: Repetitions = None,
    warmup: Warmup = None,
    min_duration: MinDuration = None,
    threads: Threads = None,
    cpus: Cpus = None,
    governor: Governor = None,
    cooldown: Cooldown = None,
    wait: Wait = False,
    profile: Profile = False,
    count_instructions: Count = False,
    against: Against = [],  # noqa: B006
    runs: Runs = Path("runs"),
    force: Force = False,
    json: Json = False,
) -> None:
    """Export, quantize and package a model, run it on host and target, and report.

    Example: edgetool deploy --target visionfive2 --model resnet18 --weights imagenet
    """
    from edgetool.pipeline import deploy
    from edgetool.pipeline.plan import Plan

    plan = Plan(
        models=(planned_model(model, weights, checkpoint, shape, calibration, held_out, weights_mirror),),
        targets=(target,),
        precisions=chosen_precisions(precision, dynamic=dynamic),
        instruments=chosen_instruments(profile=profile, count=count_instructions),
        images=images,
        benchmark=benchmark_settings(repetitions, warmup, min_duration, threads, cpus, governor, cooldown),
    )
    done = deploy.deploy(plan, make_context(quiet=json, force=force), runs=runs, against=against, wait=wait)
    print_run(done, json=json)


def bench(
    bundle: Annotated[Path, typer.Argument(help="Bundle: folder or .tar.zst.")],
    target: Targets = ["qemu-riscv64"],  # noqa: B006
    precision: Precisions = [],  # noqa: B006
    repetitions: Repetitions = None,
    warmup: Warmup = None,
    min_duration: MinDuration = None,
    threads: Threads = None,
    cpus: Cpus = None,
    governor: Governor = None,
    cooldown: Cooldown = None,
    wait: Wait = False,
    profile: Profile = False,
    count_instructions: Count = False,
    runs: Runs = Path("runs"),
    force: Force = False,
    json: Json = False,
) -> None:
    """Run a packaged bundle on one or several targets and record its metrics.

    Example: edgetool bench mobilenet_v2-visionfive2 --target visionfive2 --threads 4
    """
    from edgetool.console.sweep import watch_boards
    from edgetool.models.spec import Precision
    from edgetool.pipeline import deploy
    from edgetool.pipeline.prepare import bundle_cases
    from edgetool.pipeline.run import check_complete, on_many_boards

    settings = benchmark_settings(repetitions, warmup, min_duration, threads, cpus, governor, cooldown)
    context = make_context(quiet=json, force=force)
    with deploy.opened(bundle) as opened:
        cases = bundle_cases(
            opened,
            target,
            settings,
            instruments=chosen_instruments(profile=profile, count=count_instructions),
            precisions=[Precision(name) for name in precision],
            wait=wait,
        )
        if len({case.case.target for case in cases}) == 1:
            done = deploy.bench(cases, context, runs=runs)
        else:
            with watch_boards(quiet=json) as watch:
                schedule = on_many_boards(watch)
                done = deploy.bench(
                    cases, make_context(quiet=True, force=force), runs=runs, schedule=schedule, watch=watch
                )
    print_run(done, json=json)
    check_complete(done.run, done.folder)


def compare(
    baseline: Annotated[Path, typer.Argument(help="Run folder or record (.json).")],
    candidate: Annotated[Path, typer.Argument(help="Run folder or record to compare with it.")],
    json: Json = False,
) -> None:
    """Compare two records, or every case that two runs share.

    Example: edgetool compare runs/before runs/after
    """
    from edgetool.console.table import print_columns
    from edgetool.records.compare import compare_paths
    from edgetool.reports.tables.comparisons import comparisons_table

    comparisons = compare_paths(baseline, candidate)
    if json:
        print_json({"comparisons": comparisons})
        return
    print_columns(comparisons_table(comparisons))
    print_caveats(caveat for comparison in comparisons for caveat in comparison.caveats)


def report(
    run: Annotated[Path, typer.Argument(help="Folder of a run or a sweep.")],
    pdf: Annotated[bool, typer.Option("--pdf", help="Write report.pdf too (extra: pdf).")] = False,
    json: Json = False,
) -> None:
    """Write the report, tables and charts of a run or a sweep again.

    Example: edgetool report runs/20261124T101500Z-3f2a1b --pdf
    """
    from edgetool.pipeline.deploy import Finished
    from edgetool.reports.report import write_report

    written = write_report(run, pdf=pdf)
    print_run(Finished(folder=run, run=written.stored.run, report=written), json=json)
