"""`edgetool deploy` and `bench`: measure a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgetool.commands.chosen import (
    benchmark_settings,
    chosen_criterion,
    chosen_goals,
    chosen_instruments,
    chosen_precisions,
    chosen_preprocessing,
    chosen_tracker,
    planned_model,
)
from edgetool.commands.options import (
    Against,
    Calibration,
    Checkpoint,
    ColorName,
    Cooldown,
    Count,
    Cpus,
    Crop,
    Dynamic,
    Force,
    GoalName,
    Governor,
    HeldOut,
    Images,
    Json,
    LayoutName,
    MaxDuration,
    Mean,
    Metrics,
    MinDuration,
    Mirror,
    Model,
    NoInterleave,
    Precisions,
    Preprocess,
    Profile,
    RecipeFile,
    Repetitions,
    ResizeName,
    Runs,
    Runtimes,
    Scale,
    Scenarios,
    Shapes,
    Std,
    Target,
    TargetError,
    Targets,
    TaskName,
    Threads,
    Track,
    Verbose,
    Wait,
    Warmup,
    Weights,
)
from edgetool.commands.output import print_run
from edgetool.errors import ConfigError

if TYPE_CHECKING:
    from edgetool.keyless import Signer


def deploy(
    target: Target = "qemu-riscv64",
    model: Model = "mobilenet_v2",
    weights: Weights = "",
    checkpoint: Checkpoint = None,
    shape: Shapes = [],
    calibration: Calibration = None,
    held_out: HeldOut = None,
    weights_mirror: Mirror = None,
    preprocess: Preprocess = None,
    mean: Mean = None,
    std: Std = None,
    scale: Scale = None,
    layout: LayoutName = None,
    resize: ResizeName = None,
    crop: Crop = None,
    color: ColorName = None,
    task: TaskName = None,
    metric: Metrics = [],
    precision: Precisions = [],
    dynamic: Dynamic = False,
    recipe: RecipeFile = None,
    runtime: Runtimes = [],
    images: Images = None,
    repetitions: Repetitions = None,
    warmup: Warmup = None,
    min_duration: MinDuration = None,
    max_duration: MaxDuration = None,
    target_error: TargetError = None,
    scenario: Scenarios = [],
    no_interleave: NoInterleave = False,
    threads: Threads = None,
    cpus: Cpus = None,
    governor: Governor = None,
    cooldown: Cooldown = None,
    wait: Wait = False,
    gate: Annotated[
        Path | None,
        typer.Option("--gate", help="Goals (.toml) to judge the run by. Default: those of the default model."),
    ] = None,
    profile: Profile = False,
    count_instructions: Count = False,
    against: Against = [],
    goal: GoalName = "latency",
    track: Track = None,
    runs: Runs = Path("runs"),
    force: Force = False,
    verbose: Verbose = False,
    json: Json = False,
) -> None:
    """Export, quantize and package a model, run it on host and target, and report.

    Example: edgetool deploy --target visionfive2 --model resnet18 --weights imagenet
    """
    from edgetool import api
    from edgetool.pipeline.runtimes import chosen_runtimes

    del verbose  # noted by its callback
    tracker = chosen_tracker(track)
    pictures = chosen_preprocessing(preprocess, mean, std, scale, layout, resize, crop, color)
    done = api.deploy(
        planned_model(
            model,
            weights,
            checkpoint,
            shape,
            calibration,
            held_out,
            weights_mirror,
            task,
            pictures,
            recipe,
            metric,
        ),
        target,
        precisions=chosen_precisions(precision, dynamic=dynamic),
        runtimes=chosen_runtimes(runtime),
        instruments=chosen_instruments(profile=profile, count=count_instructions, scenarios=scenario),
        against=against,
        images=images,
        goals=chosen_goals(gate, model, weights),
        criterion=chosen_criterion(goal),
        benchmark=benchmark_settings(
            repetitions,
            warmup,
            min_duration,
            max_duration,
            target_error,
            no_interleave,
            threads,
            cpus,
            governor,
            cooldown,
        ),
        runs=runs,
        wait=wait,
        force=force,
        quiet=json,
    )
    print_run(done, json=json, tracker=tracker)


def bench(
    bundle: Annotated[Path, typer.Argument(help="Bundle: folder or .tar.zst.")],
    target: Targets = ["qemu-riscv64"],
    precision: Precisions = [],
    metric: Metrics = [],
    repetitions: Repetitions = None,
    warmup: Warmup = None,
    min_duration: MinDuration = None,
    max_duration: MaxDuration = None,
    target_error: TargetError = None,
    scenario: Scenarios = [],
    no_interleave: NoInterleave = False,
    threads: Threads = None,
    cpus: Cpus = None,
    governor: Governor = None,
    cooldown: Cooldown = None,
    wait: Wait = False,
    profile: Profile = False,
    count_instructions: Count = False,
    require_signature: Annotated[
        Path | None, typer.Option(help="Refuse a bundle that nobody in this allowed_signers file signed.")
    ] = None,
    require_signer: Annotated[
        str | None, typer.Option(help="Refuse a bundle that this identity didn't sign by sigstore (extra: sigstore).")
    ] = None,
    issuer: Annotated[
        str | None, typer.Option(help="URL of the OpenID Connect provider that vouches for --require-signer.")
    ] = None,
    track: Track = None,
    runs: Runs = Path("runs"),
    force: Force = False,
    verbose: Verbose = False,
    json: Json = False,
) -> None:
    """Run a packaged bundle on one or several targets and record its metrics.

    Example: edgetool bench mobilenet_v2-visionfive2 --target visionfive2 --threads 4
    """
    from edgetool import api
    from edgetool.pipeline.run import check_complete

    del verbose  # noted by its callback
    tracker = chosen_tracker(track)
    done = api.bench(
        bundle,
        target,
        precisions=precision,
        metrics=metric,
        instruments=chosen_instruments(profile=profile, count=count_instructions, scenarios=scenario),
        benchmark=benchmark_settings(
            repetitions,
            warmup,
            min_duration,
            max_duration,
            target_error,
            no_interleave,
            threads,
            cpus,
            governor,
            cooldown,
        ),
        signers=_signers(require_signature, require_signer, issuer),
        runs=runs,
        wait=wait,
        force=force,
        quiet=json,
    )
    print_run(done, json=json, tracker=tracker)
    check_complete(done.run, done.folder)


def _signers(allowed: Path | None, identity: str | None, issuer: str | None) -> Path | Signer | None:
    if (identity is None) != (issuer is None):
        raise ConfigError("--require-signer and --issuer belong together: an identity is one provider's word")
    if identity is None or issuer is None:
        return allowed
    if allowed is not None:
        raise ConfigError("a bundle's signature is required by --require-signature or by --require-signer, not by both")
    from edgetool.keyless import Signer

    return Signer(identity=identity, issuer=issuer)
