"""A sweep's file: which models, in which precisions, on which targets, with how many threads."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le, Len

from edgetool.errors import ConfigError
from edgetool.models.quantize import Quantization
from edgetool.models.spec import ModelRequest, Precision
from edgetool.platform.documents import check_table, read_toml
from edgetool.platform.values import FileName, Name, Positive, Text, plain_name, value
from edgetool.steps import ImageSource

QUANTIZATIONS = {quantization.precision: quantization for quantization in Quantization}


@value
class SweepModel:
    """One model, as `deploy`'s options name it; files are relative to the sweep's file."""

    source: Name
    name: FileName | None = None  # in the sweep's tables; the source's own when it is None
    weights: Text = ""
    checkpoint: Name | None = None
    input_shape: tuple[Positive, ...] | None = None
    calibration: Name | None = None
    held_out: Name | None = None

    @property
    def title(self) -> str:
        return self.name or plain_name(self.request.name)

    @property
    def request(self) -> ModelRequest:
        return ModelRequest(
            source=self.source, weights=self.weights, checkpoint=self.checkpoint, input_shape=self.input_shape
        )

    def images(self) -> ImageSource | None:
        calibration, held_out = (None if path is None else Path(path) for path in (self.calibration, self.held_out))
        return ImageSource.choose(self.request, calibration, held_out)


@value
class SweepPlan:
    """Every model in every precision on every target with every number of threads."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    models: Annotated[tuple[SweepModel, ...], Len(1, 64)]
    targets: Annotated[tuple[Name, ...], Len(1, 512)]
    precisions: Annotated[tuple[Precision, ...], Len(1, 3)] = (Precision.FP32, Precision.INT8)
    threads: Annotated[tuple[Annotated[int, Ge(1), Le(1024)], ...], Len(0, 64)] = ()  # none: what each target says
    images: Positive | None = None  # held-out images to classify; None: what each target says
    benchmark: dict[str, Any] | None = None  # in place of the targets' own settings


def read_plan(path: Path) -> SweepPlan:
    """Raises ConfigError with the file and the key."""
    table = read_toml(path)
    if table.get("schema") != SweepPlan.SCHEMA:
        raise ConfigError(f"{path}: schema: {table.get('schema')!r}, this edgetool reads {SweepPlan.SCHEMA}")
    plan = check_table(SweepPlan, table, where=str(path))
    axes = {
        "models": [model.title for model in plan.models],
        "targets": plan.targets,
        "precisions": plan.precisions,
        "threads": plan.threads,
    }
    for key, entries in axes.items():
        if twice := [entry for entry, times in Counter(entries).items() if times > 1]:
            hint = "give one of them another `name`" if key == "models" else None
            raise ConfigError(f"{path}: {key}: {twice[0]} is there twice", hint=hint)
    if "threads" in (plan.benchmark or {}):
        raise ConfigError(f"{path}: benchmark.threads: it is one of the sweep's own lists, `threads`")
    return replace(plan, models=tuple(_beside(path.parent, model) for model in plan.models))


def _beside(folder: Path, model: SweepModel) -> SweepModel:
    """The model with its files' paths as seen from here."""

    def found(name: str | None) -> str | None:
        return None if name is None else str(folder / name)

    return replace(
        model,
        source=str(folder / model.source) if model.request.is_onnx else model.source,
        checkpoint=found(model.checkpoint),
        calibration=found(model.calibration),
        held_out=found(model.held_out),
    )
