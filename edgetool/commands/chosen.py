"""What the options of several commands are read as."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgetool.commands.options import (
    SCENARIOS,
    WEIGHTS,
    BenchmarkOptions,
    InstrumentOptions,
    ModelOptions,
    PreprocessingOptions,
)
from edgetool.errors import ConfigError

if TYPE_CHECKING:
    from edgetool.models.recipes import Recipe
    from edgetool.models.spec import ModelRequest, Precision, PreprocessingRequest
    from edgetool.pipeline.plan import PlannedModel
    from edgetool.records.goals import Goal
    from edgetool.records.results import Criterion
    from edgetool.reports.tracking import Mlflow


def model_request(source: str, options: ModelOptions) -> ModelRequest:
    from edgetool.models.requests import check_request
    from edgetool.models.spec import ModelRequest, Task
    from edgetool.platform.names import member

    task = None if options.task is None else member(Task, options.task, what="task")
    if options.weights not in ("", *WEIGHTS):
        raise ConfigError(
            f"--weights {options.weights!r} is not one of {', '.join(WEIGHTS)}", hint="for a file use --checkpoint"
        )
    named = [_read_shape(shape) for shape in options.shape]
    if len({name for name, _ in named}) != len(named) or (len(named) > 1 and not all(name for name, _ in named)):
        raise ConfigError(
            "--shape: each of several inputs is named once", hint="--shape image=1,3,224,224 --shape scale=1"
        )
    request = ModelRequest(
        source=source,
        weights=options.weights,
        checkpoint=None if options.checkpoint is None else str(options.checkpoint),
        input_shape=next((shape for name, shape in named if not name), None),
        shapes=tuple((name, shape) for name, shape in named if name),
        task=task,
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


def chosen_preprocessing(options: PreprocessingOptions) -> PreprocessingRequest | None:
    """What the options say; None where they say nothing. Raises ConfigError for what does not fit."""
    from edgetool.models.preprocessing import as_asked
    from edgetool.models.spec import Preprocessing, PreprocessingRequest
    from edgetool.platform.documents import check_table

    settings = {
        "preset": options.preprocess,
        "mean": _numbers("--mean", options.mean),
        "std": _numbers("--std", options.std),
        "scale": options.scale,
        "layout": options.layout,
        "resize": options.resize,
        "crop": options.crop,
        "color": options.color,
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
    options: ModelOptions,
    preprocessing: PreprocessingOptions,
    *,
    calibration: Path | None,
    held_out: Path | None = None,
    recipe: Path | None = None,
    metrics: Sequence[str] = (),
) -> PlannedModel:
    from edgetool.pipeline.plan import PlannedModel

    request = model_request(source, options)
    return PlannedModel(
        source=request.source,
        weights=request.weights,
        checkpoint=request.checkpoint,
        input_shape=request.input_shape,
        shapes=request.shapes,
        task=request.task,
        metrics=tuple(metrics),
        preprocessing=chosen_preprocessing(preprocessing),
        recipe=chosen_recipe(recipe),
        calibration=None if calibration is None else str(calibration),
        held_out=None if held_out is None else str(held_out),
        weights_mirror=options.weights_mirror,
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


def chosen_instruments(options: InstrumentOptions) -> tuple[str, ...]:
    from edgetool.platform.names import name_hint
    from edgetool.records.instruments import DEFAULT

    if unknown := [name for name in options.scenario if name not in SCENARIOS]:
        raise ConfigError(f"no scenario {unknown[0]!r}", hint=name_hint(unknown[0], SCENARIOS, what="known scenarios"))
    more = {
        "offline": "Offline" in options.scenario,
        "operators": options.profile,
        "instructions": options.count_instructions,
    }
    return (*DEFAULT, *(name for name, wanted in more.items() if wanted))


def benchmark_settings(options: BenchmarkOptions) -> dict[str, object]:
    """Those that are given, as they are called in a target's [benchmark]."""
    settings = {
        "min_repetitions": options.repetitions,
        "warmup": options.warmup,
        "min_duration_s": options.min_duration,
        "max_duration_s": options.max_duration,
        "target_error": share("--target-error", options.target_error),
        "interleave": False if options.no_interleave else None,
        "threads": options.threads,
        "cpus": options.cpus,
        "governor": options.governor,
        "cooldown_celsius": celsius(options.cooldown),
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
