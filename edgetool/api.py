"""The public Python API: a function for each command, which the commands call themselves.

Values come back frozen. In a notebook a run shows its verdict and its table, and a chart its picture.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgetool.bundles import Bundle, copy_bundle
from edgetool.console.context import make_context
from edgetool.console.sweep import watch_boards
from edgetool.errors import ConfigError
from edgetool.estimates.cores import core_names, load_core
from edgetool.estimates.rows import EstimateRow
from edgetool.models.artifacts import read_artifact, request_of, save_artifact
from edgetool.models.opsets import DEFAULT_OPSET
from edgetool.models.quantize import Quantization
from edgetool.models.spec import ModelArtifact, Precision
from edgetool.pipeline import deploy as pipeline
from edgetool.pipeline import steps
from edgetool.pipeline.deploy import Finished
from edgetool.pipeline.estimates import COUNT, recorded_rows
from edgetool.pipeline.images import ImageSource
from edgetool.pipeline.plan import Plan, load_configured
from edgetool.pipeline.plan import PlannedModel as Model
from edgetool.pipeline.prepare import bundle_cases
from edgetool.pipeline.run import on_many_boards
from edgetool.pipeline.runtimes import chosen_runtimes
from edgetool.records.case import OWN_RUNTIME
from edgetool.records.compare import compare_paths
from edgetool.records.goals import Goal
from edgetool.records.instruments import DEFAULT
from edgetool.records.results import Criterion
from edgetool.reports.report import Report
from edgetool.reports.tables.comparisons import Comparisons

__all__ = [
    "Comparisons",
    "EstimateRow",
    "Finished",
    "Goal",
    "Model",
    "ModelArtifact",
    "Precision",
    "Report",
    "bench",
    "compare",
    "deploy",
    "estimate",
    "export",
    "load_run",
    "package",
    "quantize",
]

AnyPath = str | os.PathLike[str]
BOTH = (Precision.FP32, Precision.INT8)


def export(
    model: str | Model = "mobilenet_v2",
    output: AnyPath | None = None,
    *,
    opset: int = DEFAULT_OPSET,
    force: bool = False,
    quiet: bool = False,
) -> ModelArtifact:
    """A PyTorch model as optimized ONNX in fp32, checked against PyTorch.

    The file and its description are copied to `output`; without it they stay in the cache. Raises ModelError, and
    ConfigError for a package that is not installed.
    """
    asked = _model(model)
    made = steps.export(
        asked.request,
        asked.images(),
        make_context(quiet=quiet, force=force),
        opset=opset,
        weights_mirror=asked.weights_mirror,
    )
    return made if output is None else save_artifact(made, Path(output))


def quantize(
    model: ModelArtifact | AnyPath,
    output: AnyPath | None = None,
    *,
    calibration: AnyPath | None = None,
    held_out: AnyPath | None = None,
    dynamic: bool = False,
    force: bool = False,
    quiet: bool = False,
) -> ModelArtifact:
    """An fp32 ONNX model in int8.

    `calibration` is a folder of pictures or an .npz; models trained on the digits have images of their own. With
    `dynamic` the ranges of activations are found at each inference, which takes no calibration. Raises QuantizeError,
    and ConfigError for images that can't be read.
    """
    fp32 = _artifact(model)
    request = request_of(fp32)
    made = steps.quantize(
        fp32,
        request,
        ImageSource.choose(request, _path(calibration), _path(held_out)),
        make_context(quiet=quiet, force=force),
        quantization=Quantization.DYNAMIC if dynamic else Quantization.STATIC,
    )
    return made if output is None else save_artifact(made, Path(output))


def package(
    models: Sequence[ModelArtifact | AnyPath],
    target: str = "qemu-riscv64",
    output: AnyPath | None = None,
    *,
    inputs: AnyPath | None = None,
    images: int | None = None,
    force: bool = False,
    quiet: bool = False,
) -> Bundle:
    """Models with the same inputs, the target's runtime, the harness and held-out inputs, as one folder.

    The folder is `output`; without it the bundle stays in the cache. `images` is how many are evaluated, by default as
    many as the target's file says. Raises BuildError, ConfigError, and ModelError for inputs that do not fit.
    """
    artifacts = [_artifact(model) for model in models]
    if not artifacts:
        raise ConfigError("there is no model to package")
    request = request_of(artifacts[0])
    context = make_context(quiet=quiet, force=force)
    kit = steps.provision(load_configured(target, {}, images=images), context)
    bundle = steps.package(artifacts, kit, request, ImageSource.choose(request, None, _path(inputs)), context)
    return bundle if output is None else copy_bundle(bundle, Path(output))


def deploy(
    model: str | Model = "mobilenet_v2",
    target: str = "qemu-riscv64",
    *,
    precisions: Sequence[str] = BOTH,
    runtimes: Sequence[str] = (OWN_RUNTIME,),
    instruments: Sequence[str] = DEFAULT,
    against: Sequence[str] = (),
    images: int | None = None,
    goals: Sequence[Goal] = (),
    criterion: str = Criterion.LATENCY,
    benchmark: Mapping[str, object] | None = None,
    runs: AnyPath = "runs",
    wait: bool = False,
    force: bool = False,
    quiet: bool = False,
) -> Finished:
    """Export, quantize and package a model, measure it on this machine and on `target`, and report.

    `runtimes` are those to measure in, such as "auto", "tflite" and "ncnn"; the first must work. `criterion` is what
    the report chooses among them by: "latency", "size", "memory" or "accuracy". `instruments` are "timing", "accuracy",
    "operators" and "instructions"; `against` names other runtimes to measure on the target; `goals` are judged in the
    report; `benchmark` replaces settings of the target's [benchmark], such as {"min_repetitions": 10}. The run is a new
    folder in `runs`. Raises EdgetoolError.
    """
    plan = Plan(
        models=(_model(model),),
        targets=(target,),
        precisions=_precisions(precisions),
        runtimes=chosen_runtimes(runtimes),
        instruments=tuple(instruments),
        images=images,
        goals=tuple(goals),
        benchmark=dict(benchmark or {}),
    )
    context = make_context(quiet=quiet, force=force)
    return pipeline.deploy(plan, context, runs=Path(runs), against=against, criterion=Criterion(criterion), wait=wait)


def bench(
    bundle: Bundle | AnyPath,
    targets: str | Sequence[str] = "qemu-riscv64",
    *,
    precisions: Sequence[str] = (),
    instruments: Sequence[str] = DEFAULT,
    benchmark: Mapping[str, object] | None = None,
    signers: AnyPath | None = None,
    runs: AnyPath = "runs",
    wait: bool = False,
    force: bool = False,
    quiet: bool = False,
) -> Finished:
    """Measure a bundle, a folder or an archive, on one target or on several in parallel (extra: sweep).

    `precisions` chooses among the bundle's models; the other options are those of `deploy`. With
    `signers`, ssh-keygen's file of allowed signers, an unsigned bundle is refused. On one target a case that
    fails raises its error; on several it is a result with its reason. Raises EdgetoolError.
    """
    names = [targets] if isinstance(targets, str) else targets
    with pipeline.opened(bundle.root if isinstance(bundle, Bundle) else Path(bundle), signers=_path(signers)) as opened:
        cases = bundle_cases(
            opened,
            names,
            benchmark or {},
            instruments=tuple(instruments),
            precisions=_precisions(precisions),
            wait=wait,
        )
        if len({case.case.target for case in cases}) == 1:
            return pipeline.bench(cases, make_context(quiet=quiet, force=force), runs=Path(runs))
        with watch_boards(quiet=quiet) as watch:
            context = make_context(quiet=True, force=force)
            return pipeline.bench(cases, context, runs=Path(runs), schedule=on_many_boards(watch), watch=watch)


def compare(baseline: Finished | AnyPath, candidate: Finished | AnyPath) -> Comparisons:
    """Two records, or every case that two runs share: ratios with 95 % intervals, differences of outputs, doubts.

    A run compared with itself pairs the host's records with the target's. Raises CompareError.
    """
    return Comparisons(compare_paths(_folder(baseline), _folder(candidate)))


def estimate(run: Finished | AnyPath, cores: Sequence[str] = ()) -> tuple[EstimateRow, ...]:
    """What a run's counted instructions would cost named cores, by default all that are known.

    Each is an interval of cycles between perfect overlap and none, and no measured time. Raises ConfigError for a core
    that nobody knows, and for a run without counts that fit one.
    """
    found = recorded_rows(_folder(run), [load_core(name) for name in cores or core_names()])
    if not found:
        raise ConfigError(f"{_folder(run)} holds no counts for these cores", hint=COUNT)
    return found


def load_run(folder: AnyPath) -> Finished:
    """A run that was measured before, by whatever command; its report is written again.

    Raises CompareError for a folder that is no run.
    """
    return pipeline.load(Path(folder))


def _model(model: str | Model) -> Model:
    return Model(source=model) if isinstance(model, str) else model


def _artifact(model: ModelArtifact | AnyPath) -> ModelArtifact:
    return model if isinstance(model, ModelArtifact) else read_artifact(Path(model))


def _path(path: AnyPath | None) -> Path | None:
    return None if path is None else Path(path)


def _folder(run: Finished | AnyPath) -> Path:
    return run.folder if isinstance(run, Finished) else Path(run)


def _precisions(names: Sequence[str]) -> tuple[Precision, ...]:
    try:
        return tuple(dict.fromkeys(Precision(name) for name in names))
    except ValueError as error:
        raise ConfigError(f"precision: {error}", hint=f"known precisions: {', '.join(Precision)}") from error
