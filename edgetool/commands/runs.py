"""`edgetool deploy`, `bench`, `compare`, `report`: runs and what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
    InputShape,
    Json,
    Mirror,
    Model,
    Profile,
    Runs,
    Target,
    Targets,
    Wait,
    Weights,
    celsius,
    given,
    model_request,
)
from edgetool.commands.output import print_caveats, print_json, print_rows, print_runtimes
from edgetool.commands.sweep import bench_many, print_sweep
from edgetool.commands.workshop import make_workshop
from edgetool.errors import ConfigError


def deploy(
    target: Target = "qemu-riscv64",
    model: Model = "mobilenet_v2",
    weights: Weights = "",
    checkpoint: Checkpoint = None,
    input_shape: InputShape = None,
    calibration: Calibration = None,
    held_out: HeldOut = None,
    dynamic: Dynamic = False,
    images: Images = None,
    weights_mirror: Mirror = None,
    cpus: Cpus = None,
    governor: Governor = None,
    cooldown: Cooldown = None,
    wait: Wait = False,
    profile: Profile = False,
    count_instructions: Count = False,
    against: Against = [],  # noqa: B006  # Typer's way; never changed
    runs: Runs = Path("runs"),
    force: Force = False,
    json: Json = False,
) -> None:
    """Everything in a line: export, quantize, package, run on host and target, report."""
    from edgetool import pipeline
    from edgetool.models.quantize import Quantization

    done = pipeline.deploy(
        target,
        model_request(model, weights, checkpoint, input_shape),
        make_workshop(quiet=json, force=force),
        runs=runs,
        quantization=Quantization.DYNAMIC if dynamic else Quantization.STATIC,
        calibration=calibration,
        held_out=held_out,
        images=images,
        settings=given({"cpus": cpus, "governor": governor, "cooldown_celsius": celsius(cooldown)}),
        wait=wait,
        weights_mirror=weights_mirror,
        profile=profile,
        count=count_instructions,
        against=against,
    )
    if json:
        print_json(
            {
                "run": str(done.folder),
                "report": str(done.report),
                "fallbacks": done.fallbacks,
                "rows": done.table,
                "runtimes": done.runtimes,
            }
        )
        return
    print_rows(done.table)
    print_runtimes(done.runtimes)
    for fallback in done.fallbacks:
        print(f"{fallback.asked}: {fallback.reason}; instead: {fallback.instead}")
    print(f"report: {done.report}")


def bench(
    bundle: Annotated[Path, typer.Argument(help="A bundle: its folder or its .tar.zst.")],
    target: Targets = ["qemu-riscv64"],  # noqa: B006  # Typer's way; never changed
    repetitions: Annotated[int | None, typer.Option(min=1, help="At least so many.")] = None,
    warmup: Annotated[int | None, typer.Option(min=0, help="Inferences before the first timed one.")] = None,
    min_duration: Annotated[float | None, typer.Option(min=0, help="At least so many seconds of repetitions.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the runtime.")] = None,
    cpus: Cpus = None,
    governor: Governor = None,
    cooldown: Cooldown = None,
    wait: Wait = False,
    profile: Profile = False,
    count_instructions: Count = False,
    runs: Runs = Path("runs"),
    json: Json = False,
) -> None:
    """Run a bundle on a target, pull back the metrics, write a record; on several targets in parallel."""
    from edgetool import pipeline

    settings = {
        "min_repetitions": repetitions,
        "warmup": warmup,
        "min_duration_s": min_duration,
        "threads": threads,
        "cpus": cpus,
        "governor": governor,
        "cooldown_celsius": celsius(cooldown),
    }
    if len(target) > 1:
        if count_instructions:
            raise ConfigError("--count-instructions is for one target at a time")
        bench_many(bundle, target, given(settings), runs=runs, wait=wait, profile=profile, json=json)
        return
    workshop = make_workshop(quiet=json, force=False)
    folder, table = pipeline.bench(
        bundle,
        target[0],
        given(settings),
        runs=runs,
        workshop=workshop,
        wait=wait,
        profile=profile,
        count=count_instructions,
    )
    if json:
        print_json({"run": str(folder), "rows": table})
        return
    print_rows(table)
    print(f"report: {folder / 'report.md'}")


def compare(
    baseline: Annotated[Path, typer.Argument(help="A run's folder or a record's .json.")],
    candidate: Annotated[Path, typer.Argument(help="What to compare with it.")],
    json: Json = False,
) -> None:
    """Two records, or all that two runs share, side by side."""
    from edgetool.bench.pairs import compare_paths
    from edgetool.reports.tables import comparison_table

    comparisons = compare_paths(baseline, candidate)
    if json:
        print_json({"comparisons": comparisons})
        return
    from edgetool.console import print_table

    print_table(*comparison_table(comparisons))
    print_caveats(caveat for comparison in comparisons for caveat in comparison.caveats)


def report(run: Annotated[Path, typer.Argument(help="A run's or a sweep's folder.")], json: Json = False) -> None:
    """Write a run's or a sweep's report, table and charts anew."""
    from edgetool.bench.points import SWEEP
    from edgetool.reports.report import write_report
    from edgetool.reports.sweeps import write_sweep_report

    if (run / SWEEP).is_file():
        print_sweep(write_sweep_report(run), run, json=json)
        return
    table = write_report(run)
    if json:
        print_json({"report": str(run / "report.md"), "rows": table})
        return
    print_rows(table)
    print(f"report: {run / 'report.md'}")
