"""The command line: parse, call one step, print."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgetool import __version__
from edgetool.cli_board import board_app
from edgetool.cli_jobs import attach, cancel, list_jobs
from edgetool.cli_runtime import runtime_app
from edgetool.cli_sweep import bench_many, print_sweep, sweep
from edgetool.cli_targets import add_target, check_target, clean_target
from edgetool.errors import ConfigError, EdgetoolError
from edgetool.platform.interrupt import Interrupted, unwind_on_signals

if TYPE_CHECKING:
    from edgetool.bench.record import Caveat
    from edgetool.models.spec import ModelArtifact, ModelRequest
    from edgetool.pipeline import Workshop
    from edgetool.reports.tables import Row

app = typer.Typer(
    name="edgetool",
    help="From a PyTorch vision model to numbers from a RISC-V or Arm board: export, quantize, package, run, compare.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
targets_app = typer.Typer(help="The places a bundle can run.", invoke_without_command=True)
app.add_typer(targets_app, name="targets")
app.add_typer(board_app, name="board")
app.add_typer(runtime_app, name="runtime")

INTERRUPTED_EXIT_CODE = 130


def _complete_target(incomplete: str) -> list[str]:
    from edgetool.executors.registry import target_files

    return [name for name in target_files() if name.startswith(incomplete)]


Target = Annotated[
    str, typer.Option("--target", "-t", help="A target's name, or a target file.", autocompletion=_complete_target)
]
Targets = Annotated[
    list[str],
    typer.Option(
        "--target", "-t", help="A target's name, or a target file; may be repeated.", autocompletion=_complete_target
    ),
]
Source = Annotated[str, typer.Argument(help="torchvision's name, package.module:factory, or a file ending in .onnx.")]
Model = Annotated[
    str, typer.Option("--model", "-m", help="torchvision's name, package.module:factory, or a file ending in .onnx.")
]
Weights = Annotated[str, typer.Option(help="digits, imagenet or random; digits is mobilenet_v2's default.")]
Checkpoint = Annotated[Path | None, typer.Option(help="A state dict: .safetensors, or a weights-only .pt.")]
InputShape = Annotated[str | None, typer.Option(help="n,c,h,w; 1,3,224,224 for PyTorch models.")]
Calibration = Annotated[Path | None, typer.Option(help="Images for calibration: a folder or an .npz.")]
HeldOut = Annotated[
    Path | None, typer.Option("--held-out", help="Images to judge by; default: every fifth of --calibration.")
]
Mirror = Annotated[
    str | None,
    typer.Option("--weights-mirror", help="Where to download weights from instead of torchvision's own place."),
]
Dynamic = Annotated[
    bool, typer.Option("--dynamic", help="Quantize activations at each inference instead of by calibration.")
]
Images = Annotated[int | None, typer.Option(min=1, help="Held-out images to classify on each place.")]
Profile = Annotated[bool, typer.Option("--profile", help="Add a table of time by operator.")]
Count = Annotated[
    bool, typer.Option("--count-instructions", help="Count an inference's instructions; emulated riscv64 only.")
]
Cpus = Annotated[str | None, typer.Option(help="Processors to use, such as 0-3,6.")]
Governor = Annotated[
    str | None, typer.Option(help="The clock's governor meanwhile, such as performance; put back afterwards.")
]
Cooldown = Annotated[str | None, typer.Option(help="Not before the board is as cool, such as 60C.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for a board that another uses.")]
Runs = Annotated[Path, typer.Option(help="Where runs are kept.")]
Force = Annotated[bool, typer.Option("--force", help="Do every step again.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines, and no progress.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"edgetool {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


@app.command()
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
    runs: Runs = Path("runs"),
    force: Force = False,
    json: Json = False,
) -> None:
    """Everything in a line: export, quantize, package, run on host and target, report."""
    from edgetool import pipeline
    from edgetool.models.quantize import Quantization

    done = pipeline.deploy(
        target,
        _request(model, weights, checkpoint, input_shape),
        _workshop(quiet=json, force=force),
        runs=runs,
        quantization=Quantization.DYNAMIC if dynamic else Quantization.STATIC,
        calibration=calibration,
        held_out=held_out,
        images=images,
        settings=_given({"cpus": cpus, "governor": governor, "cooldown_celsius": _celsius(cooldown)}),
        wait=wait,
        weights_mirror=weights_mirror,
        profile=profile,
        count=count_instructions,
    )
    if json:
        _print_json(
            {"run": str(done.folder), "report": str(done.report), "fallbacks": done.fallbacks, "rows": done.table}
        )
        return
    _print_rows(done.table)
    for fallback in done.fallbacks:
        print(f"{fallback.asked}: {fallback.reason}; instead: {fallback.instead}")
    print(f"report: {done.report}")


@app.command()
def export(
    source: Source = "mobilenet_v2",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The .onnx to write; default: the model's name.")
    ] = None,
    weights: Weights = "",
    checkpoint: Checkpoint = None,
    input_shape: InputShape = None,
    calibration: Calibration = None,
    opset: Annotated[
        int | None, typer.Option(min=16, max=23, help="Default: what every runtime in use can run.")
    ] = None,
    weights_mirror: Mirror = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """PyTorch → optimized ONNX, checked against PyTorch."""
    from edgetool import pipeline
    from edgetool.models.artifacts import save_artifact
    from edgetool.models.onnxfile import DEFAULT_OPSET

    request = _request(source, weights, checkpoint, input_shape)
    images = pipeline.ImageSource.choose(request, calibration, None)
    made = pipeline.export(
        request, images, _workshop(quiet=json, force=force), opset=opset or DEFAULT_OPSET, weights_mirror=weights_mirror
    )
    _print_model(save_artifact(made, output or Path(f"{request.name}.onnx")), json)


@app.command()
def quantize(
    model: Annotated[Path, typer.Argument(help="An fp32 .onnx.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The .onnx to write; default: NAME.int8.onnx.")
    ] = None,
    calibration: Calibration = None,
    held_out: HeldOut = None,
    dynamic: Dynamic = False,
    force: Force = False,
    json: Json = False,
) -> None:
    """fp32 ONNX → int8 ONNX, static by default."""
    from edgetool import pipeline
    from edgetool.models.artifacts import read_artifact, request_of, save_artifact
    from edgetool.models.quantize import Quantization

    quantization = Quantization.DYNAMIC if dynamic else Quantization.STATIC
    fp32 = read_artifact(model)
    request = request_of(fp32)
    images = pipeline.ImageSource.choose(request, calibration, held_out)
    made = pipeline.quantize(fp32, request, images, _workshop(quiet=json, force=force), quantization=quantization)
    saved = save_artifact(made, output or model.with_suffix(f".{made.spec.precision}.onnx"))
    _print_model(saved, json, before=fp32.spec.size_bytes)


@app.command()
def package(
    models: Annotated[list[Path], typer.Argument(help="One or more .onnx of the same inputs.")],
    target: Target = "qemu-riscv64",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder to write; default: NAME-TARGET.")
    ] = None,
    inputs: Annotated[Path | None, typer.Option(help="Images to time and judge by: a folder or an .npz.")] = None,
    images: Images = None,
    archive: Annotated[bool, typer.Option("--archive", help="Write a .tar.zst beside the folder too.")] = False,
    force: Force = False,
    json: Json = False,
) -> None:
    """Models, runtime, harness and inputs → a bundle that runs on the target."""
    from edgetool import pipeline
    from edgetool.archives import pack_bundle
    from edgetool.bundles import copy_bundle
    from edgetool.models.artifacts import read_artifact, request_of

    artifacts = [read_artifact(path) for path in models]
    request = request_of(artifacts[0])
    source = pipeline.ImageSource.choose(request, None, inputs)
    workshop = _workshop(quiet=json, force=force)
    place = pipeline.provision(pipeline.target_with_images(target, images), workshop)
    folder = output or Path(f"{artifacts[0].spec.name}-{place.target.name}")
    bundle = copy_bundle(pipeline.package(artifacts, place, request, source, workshop), folder)
    packed = pack_bundle(bundle, folder.with_name(f"{folder.name}.tar.zst")) if archive else None
    if json:
        _print_json({"bundle": str(folder), "archive": str(packed) if packed else None, "id": bundle.manifest.id})
    else:
        print(f"bundle: {folder}" + (f"\narchive: {packed}" if packed else ""))


@app.command()
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
        "cooldown_celsius": _celsius(cooldown),
    }
    if len(target) > 1:
        if count_instructions:
            raise ConfigError("--count-instructions is for one target at a time")
        bench_many(bundle, target, _given(settings), runs=runs, wait=wait, profile=profile, json=json)
        return
    workshop = _workshop(quiet=json, force=False)
    folder, table = pipeline.bench(
        bundle,
        target[0],
        _given(settings),
        runs=runs,
        workshop=workshop,
        wait=wait,
        profile=profile,
        count=count_instructions,
    )
    if json:
        _print_json({"run": str(folder), "rows": table})
        return
    _print_rows(table)
    print(f"report: {folder / 'report.md'}")


@app.command()
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
        _print_json({"comparisons": comparisons})
        return
    from edgetool.console import print_table

    print_table(*comparison_table(comparisons))
    _print_caveats(caveat for comparison in comparisons for caveat in comparison.caveats)


@app.command()
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
        _print_json({"report": str(run / "report.md"), "rows": table})
        return
    _print_rows(table)
    print(f"report: {run / 'report.md'}")


@app.command()
def doctor(
    install: Annotated[
        bool, typer.Option("--install", help="As root, install the system packages that are missing.")
    ] = False,
    optional: Annotated[bool, typer.Option("--all", help="Those too that only some options want.")] = False,
    json: Json = False,
) -> None:
    """What is installed, what is missing, and the command that mends it."""
    from edgetool.console import make_progress, print_table
    from edgetool.doctor import examine, install_system_packages, missing_system_packages
    from edgetool.platform.store import cache_root

    findings = examine()
    missing = missing_system_packages(findings, optional=optional)
    if install and missing:
        with make_progress(quiet=json).step(f"install {', '.join(missing)}"):
            install_system_packages(missing, log=cache_root() / "logs" / "system-packages.log")
        findings = examine()
    if json:
        _print_json({"findings": findings})
    else:
        cells = [(f.name, f.found or "missing", f.needed_for, "" if f.ok else f.remedy) for f in findings]
        print_table(("what", "found", "needed for", "remedy"), cells)
    if not all(finding.ok for finding in findings if finding.required):
        raise typer.Exit(ConfigError.exit_code)


@targets_app.callback()
def _targets(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_targets()


@targets_app.command("list")
def list_targets(json: Json = False) -> None:
    """All known targets."""
    from edgetool.console import print_table
    from edgetool.executors.registry import all_targets

    found = list(all_targets())
    if json:
        _print_json({"targets": found})
        return
    cells = [(t.name, t.description, t.triple, t.executor["kind"], t.runtime) for t in found]
    print_table(("target", "what", "triple", "executor", "runtime"), cells)


@targets_app.command("show")
def show_target(name: Annotated[str, typer.Argument(autocompletion=_complete_target)], json: Json = False) -> None:
    """One target, all settings."""
    from edgetool.executors.registry import load_target, target_files

    target = load_target(name)
    if json:
        _print_json(target)
        return
    path = target_files().get(name, Path(name))
    print(f"# {path}\n{path.read_text()}", end="")


targets_app.command("add")(add_target)
targets_app.command("check")(check_target)
app.command("clean")(clean_target)
app.command("jobs")(list_jobs)
app.command("attach")(attach)
app.command("cancel")(cancel)
app.command("sweep")(sweep)


def _request(source: str, weights: str, checkpoint: Path | None, input_shape: str | None) -> ModelRequest:
    from edgetool.models.spec import ModelRequest

    if weights not in ("", "digits", "imagenet", "random"):
        raise ConfigError(
            f"--weights {weights!r} is not one of digits, imagenet, random", hint="for a file use --checkpoint"
        )
    shape = None
    if input_shape is not None:
        try:
            shape = tuple(int(side) for side in input_shape.replace("x", ",").split(","))
        except ValueError:
            shape = ()
        if not shape or any(side < 1 for side in shape):
            raise ConfigError(f"--input-shape {input_shape!r} is not a list of sizes", hint="for example 1,3,224,224")
    return ModelRequest(
        source=source, weights=weights, checkpoint=None if checkpoint is None else str(checkpoint), input_shape=shape
    )


def _given(settings: Mapping[str, object]) -> dict[str, object]:
    return {name: setting for name, setting in settings.items() if setting is not None}


def _celsius(text: str | None) -> float | None:
    """
    >>> _celsius("60C"), _celsius("55.5")
    (60.0, 55.5)
    """
    try:
        return None if text is None else float(text.upper().removesuffix("C").removesuffix("°"))
    except ValueError as error:
        raise ConfigError(f"--cooldown {text!r} is no temperature", hint="for example 60C") from error


def _workshop(*, quiet: bool, force: bool) -> Workshop:
    from edgetool.console import make_progress
    from edgetool.pipeline import Workshop
    from edgetool.platform.store import Store, cache_root

    return Workshop(store=Store(cache_root()), progress=make_progress(quiet=quiet), force=force)


def _print_rows(table: Sequence[Row]) -> None:
    from edgetool.console import print_table
    from edgetool.reports.tables import text_table

    print_table(*text_table(table))
    _print_caveats(caveat for row in table for caveat in row.caveats)


def _print_caveats(caveats: Iterable[Caveat]) -> None:
    for caveat in dict.fromkeys(caveats):
        print(f"{caveat.value}: {caveat.text}; {caveat.remedy}")


def _print_model(saved: ModelArtifact, json: bool, *, before: int | None = None) -> None:
    from edgetool.reports.units import size_text

    if json:
        _print_json({"path": str(saved.path), "model": saved.spec, "size_before_bytes": before})
        return
    noise = "" if saved.spec.signal_to_noise_db is None else f", {saved.spec.signal_to_noise_db:.1f} dB against fp32"
    meaning = "" if saved.spec.accuracy_means_something else "; random weights: its accuracy means nothing"
    size = size_text(saved.spec.size_bytes)
    if before is not None:
        size = f"{size_text(before)} → {size} ({saved.spec.size_bytes / before - 1:+.1%})"
    print(f"{saved.path}: {saved.spec.precision}, opset {saved.spec.opset}, {size}{noise}{meaning}")


def _print_json(answer: object) -> None:
    from edgetool.platform.documents import to_json

    sys.stdout.buffer.write(to_json(answer))


def main() -> None:
    """The entry point: errors that edgetool raises on purpose become two lines and an exit code."""
    unwind_on_signals()
    try:
        app()
    except EdgetoolError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        where = error.filename2 or error.filename
        print(f"error: {error.strerror or error}" + (f": {where}" if where else ""), file=sys.stderr)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            print(
                "hint: free some space; $EDGETOOL_CACHE and $TMPDIR move the cache and the work folders",
                file=sys.stderr,
            )
        sys.exit(1)
    except Interrupted:
        print("interrupted; steps that were done are kept", file=sys.stderr)
        sys.exit(INTERRUPTED_EXIT_CODE)


if __name__ == "__main__":
    main()
