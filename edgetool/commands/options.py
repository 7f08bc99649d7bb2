"""The options that several commands have, and what they are read as."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgetool.commands.completion import (
    complete_model,
    complete_precision,
    complete_runtime,
    complete_target,
    complete_task,
    one_of,
)
from edgetool.errors import ConfigError

if TYPE_CHECKING:
    from edgetool.models.recipes import Recipe
    from edgetool.models.spec import ModelRequest, Precision, PreprocessingRequest
    from edgetool.pipeline.plan import PlannedModel
    from edgetool.records.goals import Goal
    from edgetool.records.results import Criterion
    from edgetool.reports.tracking import Mlflow


SOURCES = "torchvision name, timm:NAME, hf:ID-OR-FOLDER, package.module:factory, .onnx or .pt2 file."
WEIGHTS = ("digits", "imagenet", "random")
SCENARIOS = ("SingleStream", "Offline")  # of MLPerf Inference; the first is always measured
MODEL, MEASUREMENT, BOARD = "Model and data", "Measurement", "Board"  # titles in a command's help


Target = Annotated[
    str,
    typer.Option(
        "--target", "-t", help="Target name or file. `edgetool targets` lists them.", autocompletion=complete_target
    ),
]
Targets = Annotated[
    list[str],
    typer.Option("--target", "-t", help="Target name or file; repeatable.", autocompletion=complete_target),
]
Source = Annotated[str, typer.Argument(help=SOURCES, autocompletion=complete_model)]
Model = Annotated[
    str,
    typer.Option("--model", "-m", help=SOURCES, rich_help_panel=MODEL, autocompletion=complete_model),
]
Weights = Annotated[
    str,
    typer.Option(
        help="digits, imagenet or random. Default of mobilenet_v2: digits.",
        rich_help_panel=MODEL,
        autocompletion=one_of(*WEIGHTS),
    ),
]
Checkpoint = Annotated[
    Path | None, typer.Option(help="State dict: .safetensors or weights-only .pt.", rich_help_panel=MODEL)
]
Shapes = Annotated[
    list[str],
    typer.Option(
        "--shape",
        help="Input shape such as 1,3,224,224, or NAME=SHAPE for each of several inputs. Default for PyTorch: "
        "1,3,224,224.",
        rich_help_panel=MODEL,
    ),
]
Calibration = Annotated[
    Path | None, typer.Option(help="Calibration inputs: folder, .npz or package.module:samples.", rich_help_panel=MODEL)
]
HeldOut = Annotated[
    Path | None,
    typer.Option(
        "--held-out",
        help="Inputs to evaluate on. Default: every fifth of --calibration.",
        rich_help_panel=MODEL,
    ),
]
Mirror = Annotated[
    str | None,
    typer.Option("--weights-mirror", help="Download weights from this URL.", rich_help_panel=MODEL),
]
Dynamic = Annotated[
    bool,
    typer.Option("--dynamic", help="Quantize activations at run time, without calibration.", rich_help_panel=MODEL),
]
Images = Annotated[
    int | None, typer.Option(min=1, help="Number of held-out images to evaluate.", rich_help_panel=MEASUREMENT)
]
Profile = Annotated[bool, typer.Option("--profile", help="Record time by operator.", rich_help_panel=MEASUREMENT)]
Count = Annotated[
    bool,
    typer.Option(
        "--count-instructions",
        help="Count the instructions of an inference (emulated riscv64 only).",
        rich_help_panel=MEASUREMENT,
    ),
]
Runtimes = Annotated[
    list[str],
    typer.Option(
        "--runtime",
        help="onnxruntime, tflite, ncnn, crossbuild, debian, wheel, scalar or key:KEY; repeatable, or several with "
        "commas. Default: the target's ONNX Runtime, or the plan's list.",
        rich_help_panel=MODEL,
        autocompletion=complete_runtime,
    ),
]
RuntimeKindName = Annotated[
    str,
    typer.Option(
        "--runtime",
        help="Runtime whose format the model is written in: onnxruntime, tflite or ncnn.",
        autocompletion=one_of("onnxruntime", "tflite", "ncnn"),
    ),
]
BundledRuntime = Annotated[
    str | None,
    typer.Option(
        "--runtime",
        help="Runtime to carry, such as debian or key:KEY. Default: the target's, of the models' format.",
        autocompletion=complete_runtime,
    ),
]
GoalName = Annotated[
    str,
    typer.Option(
        "--goal",
        help="Choose the runtime by latency, size, memory or accuracy.",
        rich_help_panel=MEASUREMENT,
        autocompletion=one_of("latency", "size", "memory", "accuracy"),
    ),
]
Against = Annotated[
    list[str],
    typer.Option(
        "--against",
        help="Also measure this runtime: debian, scalar (ours without vectors), ncnn or key:KEY; repeatable. "
        "Emulated targets count its instructions.",
        rich_help_panel=MEASUREMENT,
        autocompletion=complete_runtime,
    ),
]
Preprocess = Annotated[
    str | None,
    typer.Option(
        "--preprocess",
        help="How pictures become inputs: imagenet, zero-one, minus-one-one or none. Default: as the model states.",
        rich_help_panel=MODEL,
        autocompletion=one_of("imagenet", "zero-one", "minus-one-one", "none"),
    ),
]
Mean = Annotated[str | None, typer.Option(help="Mean for each channel, such as 0.5,0.5,0.5.", rich_help_panel=MODEL)]
Std = Annotated[str | None, typer.Option(help="Deviation for each channel.", rich_help_panel=MODEL)]
Scale = Annotated[float | None, typer.Option(help="Factor of pixels of 0 to 255.", rich_help_panel=MODEL)]
LayoutName = Annotated[str | None, typer.Option("--layout", help="nchw or nhwc.", rich_help_panel=MODEL)]
ResizeName = Annotated[str | None, typer.Option("--resize", help="crop, stretch or pad.", rich_help_panel=MODEL)]
Crop = Annotated[float | None, typer.Option(help="Share that the centre crop keeps.", rich_help_panel=MODEL)]
ColorName = Annotated[str | None, typer.Option("--color", help="rgb or bgr.", rich_help_panel=MODEL)]
TaskName = Annotated[
    str | None,
    typer.Option(
        "--task",
        help="classification, detection, segmentation, regression, embedding or none. Default: what is certain.",
        rich_help_panel=MODEL,
        autocompletion=complete_task,
    ),
]
Metrics = Annotated[
    list[str],
    typer.Option(
        "--metric",
        help="Also judge by this function of yours, package.module:metric, importable from here; repeatable.",
        rich_help_panel=MEASUREMENT,
    ),
]
Precisions = Annotated[
    list[str],
    typer.Option(
        "--precision",
        help="fp32, int8 or int8-dynamic; repeatable. Default: fp32 and int8.",
        rich_help_panel=MODEL,
        autocompletion=complete_precision,
    ),
]
RecipeFile = Annotated[
    Path | None,
    typer.Option("--recipe", help="Recipe of int8 (.toml or .json), such as one of tune's.", rich_help_panel=MODEL),
]
Repetitions = Annotated[int | None, typer.Option(min=1, help="Minimum timed repetitions.", rich_help_panel=MEASUREMENT)]
Warmup = Annotated[int | None, typer.Option(min=0, help="Warm-up inferences.", rich_help_panel=MEASUREMENT)]
MinDuration = Annotated[float | None, typer.Option(min=0, help="Minimum timed seconds.", rich_help_panel=MEASUREMENT)]
MaxDuration = Annotated[float | None, typer.Option(min=0, help="Maximum timed seconds.", rich_help_panel=MEASUREMENT)]
TargetError = Annotated[
    str | None,
    typer.Option(
        help="Repeat until the median's 95 % interval is this narrow, such as 1%; 0 for fixed counts. Default: 2%.",
        rich_help_panel=MEASUREMENT,
    ),
]
Scenarios = Annotated[
    list[str],
    typer.Option(
        "--scenario",
        help="SingleStream (p90 latency) or Offline (throughput by batch and threads, too); repeatable.",
        rich_help_panel=MEASUREMENT,
        autocompletion=one_of(*SCENARIOS),
    ),
]
NoInterleave = Annotated[
    bool,
    typer.Option(
        "--no-interleave",
        help="Time each model alone, not in turn with the others.",
        rich_help_panel=MEASUREMENT,
    ),
]
Threads = Annotated[int | None, typer.Option(min=1, max=1024, help="Runtime threads.", rich_help_panel=MEASUREMENT)]
Cpus = Annotated[str | None, typer.Option(help="Pin to these CPUs, such as 0-3,6.", rich_help_panel=BOARD)]
Governor = Annotated[
    str | None, typer.Option(help="CPU frequency governor while measuring; restored afterwards.", rich_help_panel=BOARD)
]
Cooldown = Annotated[
    str | None, typer.Option(help="Wait until the board cools to this temperature, such as 60C.", rich_help_panel=BOARD)
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait while someone else uses the board.", rich_help_panel=BOARD)]
Track = Annotated[
    str | None,
    typer.Option("--track", help="Log the run to MLflow, too: mlflow, or mlflow=URI of a server or store."),
]
Runs = Annotated[Path, typer.Option(help="Folder of runs.")]
Force = Annotated[bool, typer.Option("--force", help="Repeat every step, even those in the cache.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and no progress.")]


def _be_verbose(wanted: bool) -> bool:
    """Note it for this process and those that it starts."""
    if wanted:
        os.environ["EDGETOOL_VERBOSE"] = "1"
    return wanted


Verbose = Annotated[
    bool, typer.Option("--verbose", callback=_be_verbose, help="Print each step as it starts, with all that it notes.")
]


def model_request(
    source: str, weights: str, checkpoint: Path | None, shapes: Sequence[str], task: str | None = None
) -> ModelRequest:
    from edgetool.models.requests import check_request
    from edgetool.models.spec import ModelRequest, Task
    from edgetool.platform.names import member

    asked = None if task is None else member(Task, task, what="task")
    if weights not in ("", *WEIGHTS):
        raise ConfigError(
            f"--weights {weights!r} is not one of {', '.join(WEIGHTS)}", hint="for a file use --checkpoint"
        )
    named = [_read_shape(shape) for shape in shapes]
    if len({name for name, _ in named}) != len(named) or (len(named) > 1 and not all(name for name, _ in named)):
        raise ConfigError(
            "--shape: each of several inputs is named once", hint="--shape image=1,3,224,224 --shape scale=1"
        )
    request = ModelRequest(
        source=source,
        weights=weights,
        checkpoint=None if checkpoint is None else str(checkpoint),
        input_shape=next((shape for name, shape in named if not name), None),
        shapes=tuple((name, shape) for name, shape in named if name),
        task=asked,
    )
    check_request(request)
    return request


def _read_shape(text: str) -> tuple[str, tuple[int, ...]]:
    """
    >>> _read_shape("image:0=1,3,8,8"), _read_shape("1,16")
    (('image:0', (1, 3, 8, 8)), ('', (1, 16)))
    """
    name, equals, sizes = text.rpartition("=")
    try:
        shape = tuple(int(side) for side in sizes.replace("x", ",").split(","))
    except ValueError:
        shape = ()
    if not shape or any(side < 1 for side in shape) or (equals and not name):
        raise ConfigError(f"--shape {text!r} is not a list of sizes", hint="for example 1,3,224,224")
    return name, shape


def chosen_preprocessing(
    preset: str | None,
    mean: str | None,
    std: str | None,
    scale: float | None,
    layout: str | None,
    resize: str | None,
    crop: float | None,
    color: str | None,
) -> PreprocessingRequest | None:
    """What the options say; None where they say nothing. Raises ConfigError for what does not fit."""
    from edgetool.models.preprocessing import as_asked
    from edgetool.models.spec import Preprocessing, PreprocessingRequest
    from edgetool.platform.documents import check_table

    settings = {
        "preset": preset,
        "mean": _numbers("--mean", mean),
        "std": _numbers("--std", std),
        "scale": scale,
        "layout": layout,
        "resize": resize,
        "crop": crop,
        "color": color,
    }
    given = {name: setting for name, setting in settings.items() if setting is not None}
    if not given:
        return None
    asked = check_table(PreprocessingRequest, given, where="preprocessing")
    as_asked(asked, Preprocessing())
    return asked


def _numbers(option: str, text: str | None) -> list[float] | None:
    try:
        return None if text is None else [float(number) for number in text.split(",")]
    except ValueError as error:
        raise ConfigError(f"{option} {text!r} is not a list of numbers", hint="for example 0.5,0.5,0.5") from error


def planned_model(
    source: str,
    weights: str,
    checkpoint: Path | None,
    shapes: Sequence[str],
    calibration: Path | None,
    held_out: Path | None,
    weights_mirror: str | None,
    task: str | None,
    preprocessing: PreprocessingRequest | None = None,
    recipe: Path | None = None,
    metrics: Sequence[str] = (),
) -> PlannedModel:
    from edgetool.pipeline.plan import PlannedModel

    request = model_request(source, weights, checkpoint, shapes, task)
    return PlannedModel(
        source=request.source,
        weights=request.weights,
        checkpoint=request.checkpoint,
        input_shape=request.input_shape,
        shapes=request.shapes,
        task=request.task,
        metrics=tuple(metrics),
        preprocessing=preprocessing,
        recipe=chosen_recipe(recipe),
        calibration=None if calibration is None else str(calibration),
        held_out=None if held_out is None else str(held_out),
        weights_mirror=weights_mirror,
    )


def chosen_precisions(names: Sequence[str], *, dynamic: bool = False) -> tuple[Precision, ...]:
    from edgetool.models.spec import Precision
    from edgetool.platform.names import member

    if names and dynamic:
        raise ConfigError("--dynamic and --precision exclude each other", hint="--precision int8-dynamic")
    found = tuple(dict.fromkeys(member(Precision, name, what="precision") for name in names))
    return found or (Precision.FP32, Precision.INT8_DYNAMIC if dynamic else Precision.INT8)


def chosen_recipe(path: Path | None, **options: object) -> Recipe:
    """That of a file, with the options that are given in place of its own."""
    from edgetool.models.recipes import Recipe, read_recipe
    from edgetool.platform.documents import check_table, to_plain

    read = Recipe() if path is None else read_recipe(path)
    given = {name: option for name, option in options.items() if option is not None}
    return check_table(Recipe, {**to_plain(read), **given}, where="recipe")


def chosen_goals(gates: Path | None, model: str, weights: str) -> tuple[Goal, ...]:
    """Those of a file; else the default model's own, where it is the one."""
    from edgetool.models.zoo import digits_gates
    from edgetool.records.goals import read_gates

    if gates is not None:
        return read_gates(gates)
    return read_gates(digits_gates()) if model == "mobilenet_v2" and weights in ("", "digits") else ()


def chosen_criterion(name: str) -> Criterion:
    from edgetool.platform.names import member
    from edgetool.records.results import Criterion

    return member(Criterion, name, what="goal")


def chosen_instruments(*, profile: bool, count: bool, scenarios: Sequence[str] = ()) -> tuple[str, ...]:
    from edgetool.platform.names import name_hint
    from edgetool.records.instruments import DEFAULT

    if unknown := [name for name in scenarios if name not in SCENARIOS]:
        raise ConfigError(f"no scenario {unknown[0]!r}", hint=name_hint(unknown[0], SCENARIOS, what="known scenarios"))
    more = {"offline": "Offline" in scenarios, "operators": profile, "instructions": count}
    return (*DEFAULT, *(name for name, wanted in more.items() if wanted))


def benchmark_settings(
    repetitions: int | None,
    warmup: int | None,
    min_duration: float | None,
    max_duration: float | None,
    target_error: str | None,
    no_interleave: bool,
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
        "max_duration_s": max_duration,
        "target_error": share("--target-error", target_error),
        "interleave": False if no_interleave else None,
        "threads": threads,
        "cpus": cpus,
        "governor": governor,
        "cooldown_celsius": celsius(cooldown),
    }
    return {name: setting for name, setting in settings.items() if setting is not None}


def share(option: str, text: str | None) -> float | None:
    """
    >>> share("--target-error", "1.5%"), share("--target-error", "0.02")
    (0.015, 0.02)
    """
    try:
        return None if text is None else float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError as error:
        raise ConfigError(f"{option} {text!r} is no share", hint="for example 2%") from error


def chosen_tracker(text: str | None) -> Mlflow | None:
    """Where a run is logged, if anywhere: known to work before anything is measured. Raises ConfigError."""
    from edgetool.reports.tracking import Mlflow

    if text is None:
        return None
    name, equals, uri = text.partition("=")
    if name != "mlflow" or (equals and not uri):
        raise ConfigError(f"--track {text!r} is not known", hint="mlflow, or mlflow=URI")
    return Mlflow(uri or None)


def celsius(text: str | None) -> float | None:
    """
    >>> celsius("60C"), celsius("55.5")
    (60.0, 55.5)
    """
    try:
        return None if text is None else float(text.upper().removesuffix("C").removesuffix("°"))
    except ValueError as error:
        raise ConfigError(f"--cooldown {text!r} is no temperature", hint="for example 60C") from error
