"""Points with all that measuring them takes: models made, bundles packaged, targets with their settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar

from edgetool import pipeline, steps
from edgetool.bench.points import Key, Point, PointFailure, PointResult
from edgetool.bundles import Bundle
from edgetool.errors import EdgetoolError
from edgetool.executors.base import Target
from edgetool.executors.registry import load_target
from edgetool.models import onnxfile
from edgetool.models.spec import ModelArtifact, Precision
from edgetool.platform.documents import to_plain
from edgetool.platform.store import key_of
from edgetool.steps import Place, Workshop
from edgetool.sweep.plan import QUANTIZATIONS, SweepModel, SweepPlan

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Order:
    """A point that can be measured."""

    point: Point
    key: Key
    target: Target
    bundle: Bundle
    profile: bool = False


def order_for(point: Point, bundle: Bundle, target: Target, *, profile: bool = False) -> Order:
    """The order, keyed by all that its record follows from: not by the other models of its bundle."""
    others = {model.path for model in bundle.manifest.models if model.spec.precision != point.precision}
    inputs = {
        "files": [(file.path, file.sha256) for file in bundle.manifest.files if file.path not in others],
        "labels": bundle.manifest.labels,
        "target": to_plain(replace(target, description="")),
        "profile": profile,
    }
    return Order(point=point, key=key_of(inputs), target=target, bundle=bundle, profile=profile)


def _point(model: str, precision: Precision, target: Target) -> Point:
    return Point(model=model, precision=precision, target=target.name, threads=target.benchmark.threads)


def bundle_orders(
    bundle: Bundle,
    targets: Sequence[str],
    settings: Mapping[str, object],
    *,
    wait: bool = False,
    profile: bool = False,
) -> tuple[Order, ...]:
    """Every model of a packaged bundle on every target. Raises ConfigError, and WrongMachine for another triple."""
    orders = []
    for name in dict.fromkeys(targets):
        target = pipeline.with_settings(load_target(name), settings, wait=wait)
        pipeline.check_triple(bundle, target)
        orders += [
            order_for(_point(model.spec.name, model.spec.precision, target), bundle, target, profile=profile)
            for model in bundle.manifest.models
        ]
    return tuple(orders)


def plan_orders(plan: SweepPlan, workshop: Workshop) -> Iterator[Order | PointResult]:
    """Make what the points need, each thing once; a point whose model or target can't be made is a failure.

    Raises ConfigError for a target that is not known and settings that do not fit.
    """
    targets = [_target(name, plan) for name in plan.targets]
    places = {target.name: _attempt(steps.provision, target, workshop) for target in targets}
    opset = onnxfile.opset_for(tuple(p.runtime.build.version for p in places.values() if isinstance(p, Place)))
    for model in plan.models:
        made = _make_models(model, plan.precisions, opset, workshop)
        for target in targets:
            bundle = _bundle(model, made, places[target.name], workshop)
            for threads in plan.threads or (target.benchmark.threads,):
                chosen = replace(target, benchmark=replace(target.benchmark, threads=threads))
                for precision in plan.precisions:
                    yield _order(model, precision, made[precision], bundle, chosen)


def _target(name: str, plan: SweepPlan) -> Target:
    return pipeline.with_settings(pipeline.target_with_images(name, plan.images), plan.benchmark or {})


def _order(
    model: SweepModel,
    precision: Precision,
    made: ModelArtifact | PointFailure,
    bundle: Bundle | PointFailure,
    target: Target,
) -> Order | PointResult:
    point = _point(model.title, precision, target)
    if isinstance(made, PointFailure):
        return PointResult(point=point, failure=made)
    if isinstance(bundle, PointFailure):
        return PointResult(point=point, failure=bundle)
    return order_for(point, bundle, target)


def _make_models(
    model: SweepModel, precisions: Sequence[Precision], opset: int, workshop: Workshop
) -> dict[Precision, ModelArtifact | PointFailure]:
    source = _attempt(model.images)
    if isinstance(source, PointFailure):
        return dict.fromkeys(precisions, source)
    fp32 = _attempt(steps.export, model.request, source, workshop, opset=opset)
    if isinstance(fp32, PointFailure):
        return dict.fromkeys(precisions, fp32)
    return {
        precision: fp32
        if precision is Precision.FP32
        else _attempt(steps.quantize, fp32, model.request, source, workshop, quantization=QUANTIZATIONS[precision])
        for precision in precisions
    }


def _bundle(
    model: SweepModel,
    made: dict[Precision, ModelArtifact | PointFailure],
    place: Place | PointFailure,
    workshop: Workshop,
) -> Bundle | PointFailure:
    """The models that could be made, for one place."""
    if isinstance(place, PointFailure):
        return place
    artifacts = [artifact for artifact in made.values() if isinstance(artifact, ModelArtifact)]
    if not artifacts:
        return next(failure for failure in made.values() if isinstance(failure, PointFailure))
    return _attempt(steps.package, artifacts, place, model.request, model.images(), workshop)


def _attempt(make: Callable[P, T], *args: P.args, **options: P.kwargs) -> T | PointFailure:
    try:
        return make(*args, **options)
    except EdgetoolError as error:
        return PointFailure.of(error)
