"""Prepare planned cases: each runtime, model and bundle is built once and shared by the cases that need it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar, cast

from edgetool.bill import BILL
from edgetool.bundles import NOTICE, Bundle, BundledModel
from edgetool.errors import ConfigError, EdgetoolError, QuantizeError, WrongMachine
from edgetool.models import opsets
from edgetool.models.quantize import Quantization
from edgetool.models.spec import ModelArtifact, Precision
from edgetool.models.tasks.own import check_metrics, metric_digest
from edgetool.pipeline import steps
from edgetool.pipeline.plan import PlannedCase, PlannedModel, load_configured
from edgetool.pipeline.steps import Kit
from edgetool.platform.context import StepContext
from edgetool.platform.documents import to_plain
from edgetool.platform.store import key_of
from edgetool.records.case import OWN_RUNTIME, Case, Fallback, Key
from edgetool.records.instruments import check_instruments
from edgetool.runtimes.spec import TITLES, RuntimeBuild
from edgetool.runtimes.table import KINDS
from edgetool.runtimes.toolchains import load_toolchain
from edgetool.targets.spec import Target

P = ParamSpec("P")
T = TypeVar("T")

RECORD_RECIPE = 1  # increment when cases are measured differently
QUANTIZATIONS = {quantization.precision: quantization for quantization in Quantization}
INSTEAD = {Precision.INT8_DYNAMIC: Precision.INT8}  # replacement for a precision for which a target has no kernels


@dataclass(frozen=True, kw_only=True)
class PreparedCase:
    """A case that is ready to be measured."""

    case: Case
    key: Key  # hash of all inputs of its record
    target: Target
    bundle: Bundle
    model: BundledModel
    instruments: tuple[str, ...]
    environment: Mapping[str, str]
    metrics: tuple[str, ...] = ()  # the user's own
    required: bool = False


@dataclass(frozen=True, kw_only=True)
class UnpreparedCase:
    """A case that can't be prepared, with the error."""

    case: Case
    error: EdgetoolError
    required: bool = False


class Preparation:
    """Prepares planned cases. An error becomes the result of each case that depends on it."""

    def __init__(self, planned: Sequence[PlannedCase], context: StepContext) -> None:
        self._context = context
        self._planned = tuple(planned)
        self._made: dict[object, object] = {}
        on_onnx = [case for case in planned if KINDS[case.runtime.kind].form is None]
        kits = [self._try(self._kit, case) for case in on_onnx]
        self._opset = opsets.opset_for(tuple(k.runtime.build.version for k in kits if isinstance(k, Kit)))
        self._kept = tuple(self._keep_precisions())

    def _keep_precisions(self) -> Iterator[Fallback]:
        """Plan a model that comes in fp16 or int8 in that precision, replacing the requested ones."""
        for model in dict.fromkeys(case.model for case in self._planned):
            source = self._try(self._source, model)
            asked = tuple(dict.fromkeys(case.case.precision for case in self._planned if case.model == model))
            if not isinstance(source, ModelArtifact) or source.spec.precision is Precision.FP32:
                continue
            own = source.spec.precision
            planned = (_in_precision(case, own) if case.model == model else case for case in self._planned)
            self._planned = tuple({case.case: case for case in planned}.values())
            if asked != (own,):
                yield Fallback(
                    asked=" and ".join(asked), reason=f"{model.title} is {own} already", instead=f"{own} as it is"
                )

    def settle(self) -> tuple[Fallback, ...]:
        """Load the required cases' models with their targets' runtimes, before time is spent on measuring.

        A precision without kernels on some target is replaced on every target, so that all run the same models. Raises
        UnsupportedOperator when there is no replacement, and whatever preparing raises.
        """
        instead: dict[Precision, str] = {}
        for case in {c.target.name: c for c in self._planned if c.required}.values():
            for precision, error in steps.check_operators(self._bundle(case), case.target, self._context).items():
                if precision not in INSTEAD:
                    raise error
                instead[precision] = error.message
        if not instead:
            return self._kept
        planned = (
            _in_precision(case, INSTEAD[case.case.precision]) if case.case.precision in instead else case
            for case in self._planned
        )
        self._planned = tuple({case.case: case for case in planned}.values())  # both may have been asked for
        fallbacks = (
            Fallback(
                asked=f"{precision.recipe} quantization",
                reason=reason,
                instead=f"{INSTEAD[precision].recipe} quantization in QDQ form",
            )
            for precision, reason in instead.items()
        )
        return (*fallbacks, *self.settle())

    def cases(self) -> Iterator[PreparedCase | UnpreparedCase]:
        """Yield each case in the plan's order. Raises the error of a required case that can't be prepared."""
        for case in self._planned:
            try:
                yield self._prepared(case)
            except EdgetoolError as error:
                if case.required:
                    raise
                yield UnpreparedCase(case=case.case, error=error)

    def _prepared(self, planned: PlannedCase) -> PreparedCase:
        bundle = self._bundle(planned)
        return prepared_case(
            planned.case,
            bundle,
            next(m for m in bundle.manifest.models if m.spec.precision == planned.case.precision),
            planned.target,
            instruments=planned.instruments,
            environment=planned.runtime.environment,
            metrics=planned.model.metrics,
            required=planned.required,
        )

    def runtime(self, case: PlannedCase) -> RuntimeBuild:
        """Return the runtime for a case. Raises ConfigError, BuildError."""
        return self._kit(case).runtime.build

    def _kit(self, case: PlannedCase) -> Kit:
        wanted = replace(case.target, runtime=case.runtime.provider)
        kind = case.runtime.kind
        return self._once(
            ("kit", wanted.name, kind, wanted.runtime), lambda: steps.provision(wanted, self._context, kind=kind)
        )

    def model(self, model: PlannedModel, precision: Precision, kind: str = "onnxruntime") -> ModelArtifact:
        """Return a model in the format of a kind of runtime, built once.

        Raises ModelError, and ConfigError for a package that isn't installed.
        """
        return self._once((model, precision, kind), lambda: self._make_model(model, precision, kind))

    def _make_model(self, model: PlannedModel, precision: Precision, kind: str) -> ModelArtifact:
        source = self._source(model)
        if KINDS[kind].form is not None:
            return steps.convert(source, kind, precision, model.request, model.images(), self._context)
        if source.spec.precision == precision:
            return source
        if precision is Precision.FP32 or (precision is Precision.FP16 and source.spec.precision is not Precision.FP32):
            raise QuantizeError(
                f"{model.title} is {source.spec.precision} and can't be converted to {precision}",
                hint=f"give a model in {precision}",
            )
        if precision is Precision.FP16:
            return steps.halve(source, model.request, model.images(), self._context)
        return steps.quantize(
            source,
            model.request,
            model.images(),
            self._context,
            quantization=QUANTIZATIONS[precision],
            recipe=model.recipe,
        )

    def _source(self, model: PlannedModel) -> ModelArtifact:
        """Return the model in the precision in which it comes."""
        return self._once(
            (model, "source"),
            lambda: steps.export(
                model.request, model.images(), self._context, opset=self._opset, weights_mirror=model.weights_mirror
            ),
        )

    def _bundle(self, case: PlannedCase) -> Bundle:
        """Package all available precisions of the case's model that are planned for its target and runtime."""
        kit, kind = self._kit(case), case.runtime.kind
        check_threads(kind, case.case.threads)
        self.model(case.model, case.case.precision, kind)
        beside = tuple(dict.fromkeys(other.case.precision for other in self._planned if _shares_a_bundle(other, case)))
        made = [self._try(self.model, case.model, precision, kind) for precision in beside]
        models = [artifact for artifact in made if isinstance(artifact, ModelArtifact)]
        return self._once(
            ("bundle", case.model, case.target.name, kind, case.runtime.provider, beside),
            lambda: steps.package(models, kit, case.model.request, case.model.images(), self._context),
        )

    def _once(self, key: object, make: Callable[[], T]) -> T:
        if key not in self._made:
            self._made[key] = self._try(make)
        found = self._made[key]
        if isinstance(found, EdgetoolError):
            raise found
        return cast(T, found)

    @staticmethod
    def _try(make: Callable[P, T], *args: P.args, **options: P.kwargs) -> T | EdgetoolError:
        try:
            return make(*args, **options)
        except EdgetoolError as error:
            return error


def _shares_a_bundle(one: PlannedCase, other: PlannedCase) -> bool:
    return _bundle_of(one) == _bundle_of(other)


def _bundle_of(case: PlannedCase) -> tuple[PlannedModel, str, str, str]:
    return (case.model, case.target.name, case.runtime.kind, case.runtime.provider)


def check_threads(kind: str, threads: int) -> None:
    """Check the number of threads. Raises ConfigError when the kind of runtime supports fewer."""
    most = KINDS[kind].most_threads
    if most is not None and threads > most:
        raise ConfigError(
            f"{TITLES[kind]} supports only {most} thread, not {threads}",
            hint="measure it with --threads 1",
        )


def _in_precision(planned: PlannedCase, precision: Precision) -> PlannedCase:
    return replace(planned, case=replace(planned.case, precision=precision))


def prepared_case(
    case: Case,
    bundle: Bundle,
    model: BundledModel,
    target: Target,
    *,
    instruments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    metrics: Sequence[str] = (),
    required: bool = False,
) -> PreparedCase:
    """Prepare a case, keyed by all inputs of its record, which excludes other models in the bundle."""
    others = {path for other in bundle.manifest.models if other.path != model.path for path in other.files}
    others |= {BILL, NOTICE}  # both list the other models
    described = replace(target, description="", executor={k: v for k, v in target.executor.items() if k != "wait_s"})
    inputs = {
        "recipe": RECORD_RECIPE,
        "files": [(file.path, file.sha256) for file in bundle.manifest.files if file.path not in others],
        "labels": bundle.manifest.labels,
        "target": to_plain(described),
        "instruments": sorted(instruments),
        "environment": dict(environment or {}),
        **({"metrics": [metric_digest(name) for name in metrics]} if metrics else {}),
    }
    return PreparedCase(
        case=case,
        key=key_of(inputs),
        target=target,
        bundle=bundle,
        model=model,
        instruments=tuple(instruments),
        environment=environment or {},
        metrics=tuple(metrics),
        required=required,
    )


def bundle_cases(
    bundle: Bundle,
    targets: Sequence[str],
    settings: Mapping[str, object],
    *,
    instruments: Sequence[str],
    precisions: Sequence[Precision] = (),
    metrics: Sequence[str] = (),
    wait: bool = False,
) -> tuple[PreparedCase, ...]:
    """Prepare every model of a packaged bundle, or those in `precisions`, on every target.

    Raises ConfigError, and WrongMachine for a target with another triple.
    """
    check_metrics(metrics)
    models = [m for m in bundle.manifest.models if not precisions or m.spec.precision in precisions]
    if not models:
        raise ConfigError(f"the bundle {bundle.root} contains no model in {', '.join(precisions)}")
    names, cases, kind = tuple(dict.fromkeys(targets)), [], bundle.manifest.runtime.name
    for name in names:
        target = load_configured(name, settings, wait=wait)
        check_triple(bundle, target)
        check_instruments(instruments, target)
        check_threads(kind, target.benchmark.threads)
        for model in models:
            case = Case(
                model=model.spec.name,
                precision=model.spec.precision,
                target=target.name,
                threads=target.benchmark.threads,
                runtime=OWN_RUNTIME if KINDS[kind].form is None else kind,
            )
            required = len(names) == 1
            cases.append(
                prepared_case(case, bundle, model, target, instruments=instruments, metrics=metrics, required=required)
            )
    return tuple(cases)


def check_triple(bundle: Bundle, target: Target) -> None:
    """Check the bundle's triple. Raises WrongMachine when the target has another one."""
    wanted = load_toolchain(target.triple).triple
    if bundle.manifest.triple != wanted:
        raise WrongMachine(
            f"the bundle {bundle.root} is for {bundle.manifest.triple}, {target.name} wants {wanted}",
            hint=f"package it with --target {target.name}",
        )
