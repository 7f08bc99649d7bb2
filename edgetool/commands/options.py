"""The options that several commands have, and what they are read as."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgetool.errors import ConfigError

if TYPE_CHECKING:
    from edgetool.models.spec import ModelRequest, Precision
    from edgetool.pipeline.plan import PlannedModel


def complete_target(incomplete: str) -> list[str]:
    from edgetool.targets.registry import target_files

    return [name for name in target_files() if name.startswith(incomplete)]


Target = Annotated[
    str, typer.Option("--target", "-t", help="A target's name, or a target file.", autocompletion=complete_target)
]
Targets = Annotated[
    list[str],
    typer.Option(
        "--target", "-t", help="A target's name, or a target file; may be repeated.", autocompletion=complete_target
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
Against = Annotated[
    list[str],
    typer.Option(
        "--against",
        help="Measure in this runtime too: debian, scalar (our own without vectors), ncnn, key:KEY; on an emulated "
        "target its instructions are counted. May be repeated.",
    ),
]
Precisions = Annotated[
    list[str],
    typer.Option("--precision", help="fp32, int8 or int8-dynamic; may be repeated. Default: fp32 and int8."),
]
Repetitions = Annotated[int | None, typer.Option(min=1, help="Minimum timed repetitions.")]
Warmup = Annotated[int | None, typer.Option(min=0, help="Inferences before the first timed one.")]
MinDuration = Annotated[float | None, typer.Option(min=0, help="Minimum seconds of timed repetitions.")]
Threads = Annotated[int | None, typer.Option(min=1, max=1024, help="Threads of the runtime.")]
Cpus = Annotated[str | None, typer.Option(help="Processors to use, such as 0-3,6.")]
Governor = Annotated[
    str | None, typer.Option(help="The clock's governor meanwhile, such as performance; put back afterwards.")
]
Cooldown = Annotated[str | None, typer.Option(help="Wait until the board cools to this temperature, such as 60C.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for a board that another uses.")]
Runs = Annotated[Path, typer.Option(help="Where runs are kept.")]
Force = Annotated[bool, typer.Option("--force", help="Do every step again.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines, and no progress.")]


def model_request(source: str, weights: str, checkpoint: Path | None, input_shape: str | None) -> ModelRequest:
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


def planned_model(
    source: str,
    weights: str,
    checkpoint: Path | None,
    input_shape: str | None,
    calibration: Path | None,
    held_out: Path | None,
    weights_mirror: str | None,
) -> PlannedModel:
    from edgetool.pipeline.plan import PlannedModel

    request = model_request(source, weights, checkpoint, input_shape)
    return PlannedModel(
        source=request.source,
        weights=request.weights,
        checkpoint=request.checkpoint,
        input_shape=request.input_shape,
        calibration=None if calibration is None else str(calibration),
        held_out=None if held_out is None else str(held_out),
        weights_mirror=weights_mirror,
    )


def chosen_precisions(names: Sequence[str], *, dynamic: bool = False) -> tuple[Precision, ...]:
    from edgetool.models.spec import Precision

    if names and dynamic:
        raise ConfigError("--dynamic and --precision exclude each other", hint="--precision int8-dynamic")
    try:
        found = tuple(dict.fromkeys(Precision(name) for name in names))
    except ValueError as error:
        raise ConfigError(f"--precision: {error}", hint=f"known precisions: {', '.join(Precision)}") from error
    return found or (Precision.FP32, Precision.INT8_DYNAMIC if dynamic else Precision.INT8)


def chosen_instruments(*, profile: bool, count: bool) -> tuple[str, ...]:
    from edgetool.records.instruments import DEFAULT

    return (*DEFAULT, *(("operators",) if profile else ()), *(("instructions",) if count else ()))


def benchmark_settings(
    repetitions: int | None,
    warmup: int | None,
    min_duration: float | None,
    threads: int | None,
    cpus: str | None,
    governor: str | None,
    cooldown: str | None,
) -> dict[str, object]:
    """Those that are given, as they are called in a target's [benchmark]."""
    settings = {
        "min_repetitions": repetitions,
        "warmup": warmup,
        "min_duration_s": min_duration,
        "threads": threads,
        "cpus": cpus,
        "governor": governor,
        "cooldown_celsius": celsius(cooldown),
    }
    return {name: setting for name, setting in settings.items() if setting is not None}


def celsius(text: str | None) -> float | None:
    """
    >>> celsius("60C"), celsius("55.5")
    (60.0, 55.5)
    """
    try:
        return None if text is None else float(text.upper().removesuffix("C").removesuffix("°"))
    except ValueError as error:
        raise ConfigError(f"--cooldown {text!r} is no temperature", hint="for example 60C") from error
