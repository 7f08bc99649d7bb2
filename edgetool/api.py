"""The public Python API: one function for each command. The commands call the same functions.

Returned values are frozen. A notebook shows a run as its verdict and table, and a chart as an image.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from edgetool.bundles import Bundle, copy_bundle
from edgetool.console.context import make_context
from edgetool.console.sweep import watch_boards
from edgetool.errors import ConfigError
from edgetool.estimates.cores import core_names, load_core
from edgetool.estimates.rows import EstimateRow
from edgetool.keyless import Signer
from edgetool.models.artifacts import read_artifact, request_of, save_artifact
from edgetool.models.opsets import DEFAULT_OPSET
from edgetool.models.quantize import Quantization
from edgetool.models.recipes import Recipe, read_recipe
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
from edgetool.pipeline.runtimes import DEFAULT_KIND, chosen_runtimes, kind_named, runtime_for
from edgetool.platform.names import member
from edgetool.records.case import OWN_RUNTIME
from edgetool.records.compare import compare_paths
from edgetool.records.goals import Goal
from edgetool.records.instruments import DEFAULT
from edgetool.records.results import Criterion
from edgetool.reports.report import Report
from edgetool.reports.tables.comparisons import Comparisons
from edgetool.runtimes.spec import TITLES

__all__ = [
    "Comparisons",
    "EstimateRow",
    "Finished",
    "Goal",
    "Model",
    "ModelArtifact",
    "Precision",
    "Recipe",
    "Report",
    "Signer",
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
    runtime: str = DEFAULT_KIND,
    force: bool = False,
    quiet: bool = False,
) -> ModelArtifact:
    """Export a PyTorch model to optimized fp32 ONNX and check it against PyTorch.

    For the `runtime` "tflite" or "ncnn", the model is converted to its format. The model and its description are copied
    to `output`, or stay in the cache without it. Raises ModelError, and ConfigError for a missing package.
    """
    asked, kind, context = _model(model), kind_named(runtime), make_context(quiet=quiet, force=force)
    images = asked.images()
    made = steps.export(asked.request, images, context, opset=opset, weights_mirror=asked.weights_mirror)
    if kind.form is not None:
        made = steps.convert(made, kind.name, Precision.FP32, asked.request, images, context)
    return made if output is None else save_artifact(made, Path(output))


def quantize(
    model: ModelArtifact | AnyPath,
    output: AnyPath | None = None,
    *,
    calibration: AnyPath | None = None,
    held_out: AnyPath | None = None,
    dynamic: bool = False,
    recipe: Recipe | AnyPath | None = None,
    runtime: str = DEFAULT_KIND,
    force: bool = False,
    quiet: bool = False,
) -> ModelArtifact:
    """Quantize an fp32 ONNX model to int8, for ONNX Runtime or in the format of the `runtime` "tflite" or "ncnn".

    `calibration` is a folder of images or an .npz. Models trained on the digits data set bring their own images. With
    `dynamic`, activation ranges are computed at inference time, so no calibration is needed. `recipe`, a value or a
    file, controls static quantization by ONNX Runtime; the others have no recipe. Raises QuantizeError, and ConfigError
    for files that can't be read.
    """
    fp32, kind, how = _artifact(model), kind_named(runtime), _recipe(recipe)
    request = request_of(fp32)
    images = ImageSource.choose(request, _path(calibration), _path(held_out))
    context = make_context(quiet=quiet, force=force)
    quantization = Quantization.DYNAMIC if dynamic else Quantization.STATIC
    if kind.form is None:
        made = steps.quantize(fp32, request, images, context, quantization=quantization, recipe=how)
    elif how != Recipe():
        raise ConfigError(f"a recipe is for ONNX Runtime's quantizer, not for {TITLES[kind.name]}'s")
    else:
        made = steps.convert(fp32, kind.name, quantization.precision, request, images, context)
    return made if output is None else save_artifact(made, Path(output))


def package(
    models: Sequence[ModelArtifact | AnyPath],
    target: str = "qemu-riscv64",
    output: AnyPath | None = None,
    *,
    inputs: AnyPath | None = None,
    images: int | None = None,
    runtime: str | None = None,
    force: bool = False,
    quiet: bool = False,
) -> Bundle:
    """Package models with the runtime that runs them, the harness and held-out inputs in one folder.

    The models must have the same inputs and one format. `runtime` is another build of their runtime than the target's
    own, such as "debian" or "key:KEY". The bundle is written to `output`, or stays in the cache without it. `images`
    is the number of images to evaluate, by default the target file's. Raises BuildError, ConfigError, and ModelError
    for inputs that don't match.
    """
    artifacts = [_artifact(model) for model in models]
    if not artifacts:
        raise ConfigError("there is no model to package")
    request = request_of(artifacts[0])
    context = make_context(quiet=quiet, force=force)
    there = load_configured(target, {}, images=images)
    carried = runtime_for(artifacts, runtime, there)
    kit = steps.provision(replace(there, runtime=carried.provider), context, kind=carried.kind)
    bundle = steps.package(artifacts, kit, request, ImageSource.choose(request, None, _path(inputs)), context)
    return bundle if output is None else copy_bundle(bundle, Path(output))


def deploy(
    model: str | Model = "mobilenet_v2",
    target: str = "qemu-riscv64",
    *,
    precisions: Sequence[str] = BOTH,
    runtimes: Sequence[str] = (OWN_RUNTIME,),
    instruments: Sequence[str] = DEFAULT,
    images: int | None = None,
    goals: Sequence[Goal] = (),
    criterion: str = Criterion.LATENCY,
    benchmark: Mapping[str, object] | None = None,
    runs: AnyPath = "runs",
    wait: bool = False,
    force: bool = False,
    quiet: bool = False,
) -> Finished:
    """Export, quantize and package a model, measure it on this machine and on `target`, and write a report.

    `runtimes` are the runtimes to measure, such as "auto", "tflite" and "ncnn"; the first one must work. `criterion` is
    what the report ranks them by: "latency", "size", "memory" or "accuracy". `instruments` are "timing", "accuracy",
    "operators" and "instructions"; the last compares runtimes on emulated targets. `goals` are judged in the report.
    `benchmark` overrides settings of the target's [benchmark] table, such as {"min_repetitions": 10}. Each run creates
    a new folder in `runs`. Raises EdgetoolError.
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
    return pipeline.deploy(
        plan, context, runs=Path(runs), criterion=member(Criterion, criterion, what="goal"), wait=wait
    )


def bench(
    bundle: Bundle | AnyPath,
    targets: str | Sequence[str] = "qemu-riscv64",
    *,
    precisions: Sequence[str] = (),
    metrics: Sequence[str] = (),
    instruments: Sequence[str] = DEFAULT,
    benchmark: Mapping[str, object] | None = None,
    signers: AnyPath | Signer | None = None,
    runs: AnyPath = "runs",
    wait: bool = False,
    force: bool = False,
    quiet: bool = False,
) -> Finished:
    """Measure a bundle, given as a folder or an archive, on one target or on several in parallel (extra: sweep).

    `precisions` selects models of the bundle; `metrics` are functions of yours, "package.module:metric"; the other
    options are those of `deploy`. With `signers`, a file of allowed signers for ssh-keygen or a `Signer` by sigstore,
    a bundle that is not signed by them is refused. On one target a failing case raises its error; on several it
    becomes a result with the reason. Raises EdgetoolError.
    """
    names = [targets] if isinstance(targets, str) else targets
    allowed = signers if isinstance(signers, Signer) else _path(signers)
    with pipeline.opened(bundle.root if isinstance(bundle, Bundle) else Path(bundle), signers=allowed) as opened:
        cases = bundle_cases(
            opened,
            names,
            benchmark or {},
            instruments=tuple(instruments),
            precisions=_precisions(precisions),
            metrics=metrics,
            wait=wait,
        )
        if len({case.case.target for case in cases}) == 1:
            return pipeline.bench(cases, make_context(quiet=quiet, force=force), runs=Path(runs))
        with watch_boards(quiet=quiet) as watch:
            context = make_context(quiet=True, force=force)
            return pipeline.bench(cases, context, runs=Path(runs), schedule=on_many_boards(watch), watch=watch)


def compare(baseline: Finished | AnyPath, candidate: Finished | AnyPath) -> Comparisons:
    """Compare two records, or every case that two runs share.

    Returns ratios with 95 % intervals, differences of outputs, and caveats. Comparing a run with itself pairs the
    host's records with the target's. Raises CompareError.
    """
    return Comparisons(compare_paths(_folder(baseline), _folder(candidate)))


def estimate(run: Finished | AnyPath, cores: Sequence[str] = ()) -> tuple[EstimateRow, ...]:
    """Estimate what a run's counted instructions would cost the named cores, by default all known ones.

    Each estimate is an interval of cycles between perfect overlap and none, not a measured time. Raises ConfigError for
    an unknown core, and for a run without counts that fit one.
    """
    found = recorded_rows(_folder(run), [load_core(name) for name in cores or core_names()])
    if not found:
        raise ConfigError(f"{_folder(run)} holds no counts for these cores", hint=COUNT)
    return found


def load_run(folder: AnyPath) -> Finished:
    """Load a run measured earlier by any command, and write its report again.

    Raises CompareError when the folder isn't a run.
    """
    return pipeline.load(Path(folder))


def _model(model: str | Model) -> Model:
    return Model(source=model) if isinstance(model, str) else model


def _artifact(model: ModelArtifact | AnyPath) -> ModelArtifact:
    return model if isinstance(model, ModelArtifact) else read_artifact(Path(model))


def _recipe(recipe: Recipe | AnyPath | None) -> Recipe:
    return recipe if isinstance(recipe, Recipe) else Recipe() if recipe is None else read_recipe(Path(recipe))


def _path(path: AnyPath | None) -> Path | None:
    return None if path is None else Path(path)


def _folder(run: Finished | AnyPath) -> Path:
    return run.folder if isinstance(run, Finished) else Path(run)


def _precisions(names: Sequence[str]) -> tuple[Precision, ...]:
    return tuple(dict.fromkeys(member(Precision, name, what="precision") for name in names))
