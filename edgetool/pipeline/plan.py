"""Plans: the models, precisions, runtimes, targets and threads to measure, and the instruments to use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le, Len

from edgetool.errors import ConfigError
from edgetool.models.functions import is_function_name
from edgetool.models.recipes import Recipe
from edgetool.models.spec import ModelRequest, Precision, PreprocessingRequest, Task
from edgetool.models.tasks.own import check_metrics
from edgetool.pipeline.images import ImageSource
from edgetool.pipeline.runtimes import RuntimeRequest, runtime_request
from edgetool.platform.documents import check_table, read_toml
from edgetool.platform.values import FileName, Name, Positive, Text, plain_name, value
from edgetool.records.case import OWN_RUNTIME, Case
from edgetool.records.goals import Goals, check_goals
from edgetool.records.instruments import DEFAULT, check_instruments
from edgetool.runtimes.table import KINDS
from edgetool.targets.registry import PATIENCE_S, load_target, with_setting
from edgetool.targets.spec import BenchmarkSpec, Target


@value
class PlannedModel:
    """One model, with the options of `deploy`. In a plan's file, paths are relative to the file."""

    source: Name
    name: FileName | None = None  # in tables; by default the source's own name
    weights: Text = ""
    checkpoint: Name | None = None
    input_shape: tuple[Positive, ...] | None = None  # of the only input
    shapes: tuple[tuple[Name, tuple[Positive, ...]], ...] = ()  # of inputs by name
    calibration: Name | None = None
    held_out: Name | None = None
    preprocessing: PreprocessingRequest | None = None
    recipe: Recipe = Recipe()  # of the int8 form
    task: Task | None = None  # None: inferred if that is certain
    metrics: Annotated[tuple[Name, ...], Len(0, 16)] = ()  # the user's own: package.module:metric
    weights_mirror: Text | None = None  # replaces the location from which torchvision downloads weights

    @property
    def title(self) -> str:
        return self.name or plain_name(self.request.name)

    @property
    def request(self) -> ModelRequest:
        return ModelRequest(
            source=self.source,
            weights=self.weights,
            checkpoint=self.checkpoint,
            input_shape=self.input_shape,
            shapes=self.shapes,
            task=self.task,
            preprocessing=self.preprocessing,
        )

    def images(self) -> ImageSource | None:
        calibration, held_out = (None if path is None else Path(path) for path in (self.calibration, self.held_out))
        return ImageSource.choose(self.request, calibration, held_out)


@dataclass(frozen=True, kw_only=True)
class PlannedCase:
    """A case with everything it is made from."""

    case: Case
    model: PlannedModel
    runtime: RuntimeRequest
    target: Target  # with its settings, including the threads
    instruments: tuple[str, ...]
    required: bool = False  # its failure fails the whole run; otherwise it is only a failed case


@value
class Plan:
    """Every model in every precision and runtime on every target with every number of threads."""

    SCHEMA: ClassVar[int] = 1
    schema: int = SCHEMA
    models: Annotated[tuple[PlannedModel, ...], Len(1, 64)]
    targets: Annotated[tuple[Name, ...], Len(1, 512)]
    precisions: Annotated[tuple[Precision, ...], Len(1, 4)] = (Precision.FP32, Precision.INT8)
    runtimes: Annotated[tuple[Name, ...], Len(1, 64)] = (OWN_RUNTIME,)
    threads: Annotated[tuple[Annotated[int, Ge(1), Le(1024)], ...], Len(0, 64)] = ()  # empty: each target's own
    instruments: Annotated[tuple[Name, ...], Len(1, 64)] = DEFAULT
    images: Positive | None = None  # held-out images to judge by; None: each target's own
    goals: Goals = ()  # goals that the report judges
    benchmark: dict[str, Any] = field(default_factory=dict)  # overrides the targets' own settings

    def cases(self, *, wait: bool = False, required: bool = False) -> Iterator[PlannedCase]:
        """Yield the cases. Raises ConfigError for unknown names and invalid settings.

        With `wait`, boards that are in use are waited for. With `required`, the cases in the first runtime are
        required; beside other runtimes only those in precisions that it has.
        """
        targets = [load_configured(name, self.benchmark, images=self.images, wait=wait) for name in self.targets]
        for target in targets:
            check_instruments(self.instruments, target)
        for model in self.models:
            check_metrics(model.metrics)
        for model, target, runtime in product(self.models, targets, self.runtimes):
            request = runtime_request(runtime, target)
            for threads, precision in product(self.threads or (target.benchmark.threads,), self.precisions):
                yield PlannedCase(
                    case=Case(
                        model=model.title,
                        precision=precision,
                        target=target.name,
                        threads=threads,
                        runtime=runtime,
                    ),
                    model=model,
                    runtime=request,
                    target=replace(target, benchmark=replace(target.benchmark, threads=threads)),
                    instruments=self.instruments,
                    required=required and self._is_required(request, precision),
                )

    def _is_required(self, request: RuntimeRequest, precision: Precision) -> bool:
        is_made = len(self.runtimes) == 1 or precision in KINDS[request.kind].precisions
        return request.name == self.runtimes[0] and is_made


def load_configured(
    name: str, settings: Mapping[str, object], *, images: int | None = None, wait: bool = False
) -> Target:
    """Load a target with `settings` replacing its own [benchmark], and optionally another number of images.

    With `wait`, the target waits for other users. Raises ConfigError, naming the invalid setting.
    """
    target = load_target(name)
    spec = check_table(BenchmarkSpec, {**asdict(target.benchmark), **settings}, where="benchmark settings")
    evaluation = target.evaluation if images is None else replace(target.evaluation, images=images)
    configured = replace(target, benchmark=spec, evaluation=evaluation)
    return with_setting(configured, "wait_s", PATIENCE_S) if wait else configured


def read_plan(path: Path) -> Plan:
    """Read a plan's file. Raises ConfigError with the file and the key."""
    plan = check_table(Plan, {"schema": None, **read_toml(path)}, where=str(path))
    axes = {
        "models": [model.title for model in plan.models],
        "targets": plan.targets,
        "precisions": plan.precisions,
        "runtimes": plan.runtimes,
        "threads": plan.threads,
        "instruments": plan.instruments,
    }
    for key, entries in axes.items():
        if twice := [entry for entry, times in Counter(entries).items() if times > 1]:
            hint = "give one of them another `name`" if key == "models" else None
            raise ConfigError(f"{path}: {key}: {twice[0]} is listed twice", hint=hint)
    check_goals(plan.goals, where=str(path))
    if "threads" in plan.benchmark:
        raise ConfigError(f"{path}: benchmark.threads: use the plan's list `threads` instead")
    return replace(plan, models=tuple(_beside(path.parent, model) for model in plan.models))


def _beside(folder: Path, model: PlannedModel) -> PlannedModel:
    """Return the model with paths relative to the current folder."""

    def found(name: str | None) -> str | None:
        return name if name is None or is_function_name(name) else str(folder / name)

    return replace(
        model,
        source=str(folder / model.source) if model.request.is_file else model.source,
        checkpoint=found(model.checkpoint),
        calibration=found(model.calibration),
        held_out=found(model.held_out),
    )
