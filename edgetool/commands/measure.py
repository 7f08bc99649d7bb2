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
    chosen_tracker,
    planned_model,
)
from edgetool.commands.groups import with_groups
from edgetool.commands.options import (
    BenchmarkOptions,
    Calibration,
    Dynamic,
    Force,
    GoalName,
    HeldOut,
    Images,
    InstrumentOptions,
    Json,
    Metrics,
    Model,
    ModelOptions,
    Precisions,
    PreprocessingOptions,
    RecipeFile,
    Runs,
    Runtimes,
    Target,
    Targets,
    Track,
    Verbose,
    Wait,
)
from edgetool.commands.output import print_run
from edgetool.errors import ConfigError

if TYPE_CHECKING:
    from edgetool.keyless import Signer


@with_groups
def deploy(
    *,
    target: Target = "qemu-riscv64",
    model: Model = "mobilenet_v2",
    options: ModelOptions,
    calibration: Calibration = None,
    held_out: HeldOut = None,
    preprocessing: PreprocessingOptions,
    metric: Metrics = [],
    precision: Precisions = [],
    dynamic: Dynamic = False,
    recipe: RecipeFile = None,
    runtime: Runtimes = [],
    images: Images = None,
    benchmark: BenchmarkOptions,
    wait: Wait = False,
    gate: Annotated[
        Path | None,
        typer.Option("--gate", help="Goals (.toml) to judge the run by. Default: those of the default model."),
    ] = None,
    instruments: InstrumentOptions,
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
    done = api.deploy(
        planned_model(
            model,
            options,
            preprocessing,
            calibration=calibration,
            held_out=held_out,
            recipe=recipe,
            metrics=metric,
        ),
        target,
        precisions=chosen_precisions(precision, dynamic=dynamic),
        runtimes=chosen_runtimes(runtime),
        instruments=chosen_instruments(instruments),
        images=images,
        goals=chosen_goals(gate, model, options.weights),
        criterion=chosen_criterion(goal),
        benchmark=benchmark_settings(benchmark),
        runs=runs,
        wait=wait,
        force=force,
        quiet=json,
    )
    print_run(done, json=json, tracker=tracker)


@with_groups
def bench(
    *,
    bundle: Annotated[Path, typer.Argument(help="Bundle: folder or .tar.zst.")],
    target: Targets = ["qemu-riscv64"],
    precision: Precisions = [],
    metric: Metrics = [],
    benchmark: BenchmarkOptions,
    wait: Wait = False,
    instruments: InstrumentOptions,
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
        instruments=chosen_instruments(instruments),
        benchmark=benchmark_settings(benchmark),
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
