"""The steps of a deployment, from model to bundle. A step is skipped when its inputs are unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edgetool.boards.installed import PROVIDER as INSTALLED
from edgetool.boards.installed import installed_runtime
from edgetool.bundles import Bundle, build_bundle, open_bundle
from edgetool.errors import QuantizeError, UnsupportedOperator
from edgetool.harness.bench import preflight, put_bundle
from edgetool.models.artifacts import source_digest
from edgetool.models.export import export_model
from edgetool.models.half import halve_model
from edgetool.models.images import ImageSet, Split
from edgetool.models.onnxfile import digest_files
from edgetool.models.quantize import DEFAULT, Quantization, quantize_model
from edgetool.models.recipes import Recipe
from edgetool.models.spec import ModelArtifact, ModelRequest, ModelSpec, Precision
from edgetool.models.zoo import digits_checkpoint
from edgetool.pipeline.images import ImageSource
from edgetool.platform.context import StepContext
from edgetool.platform.documents import read_document, to_plain, write_document
from edgetool.platform.files import sha256_file
from edgetool.platform.values import Text, plain_name, value
from edgetool.runtimes.choice import choose_runtime
from edgetool.runtimes.spec import TITLES, Runtime, Toolchain
from edgetool.runtimes.table import KINDS
from edgetool.runtimes.toolchains import build_harness, load_toolchain
from edgetool.targets.registry import executor_of, open_executor
from edgetool.targets.spec import Target

EXPORT_RECIPE = 4  # increment when a step produces something else from the same inputs
HALVE_RECIPE = 1
QUANTIZE_RECIPE = 5
CONVERT_RECIPE = 3
BUNDLE_RECIPE = 8
CALIBRATION_IMAGES = 128
SNR_IMAGES = 64


@dataclass(frozen=True, kw_only=True)
class Kit:
    """A target with everything that its bundles are made from."""

    target: Target
    toolchain: Toolchain
    runtime: Runtime
    harness: Path


def provision(target: Target, context: StepContext, *, kind: str = "onnxruntime") -> Kit:
    """Provide a kind of runtime and the harness for a target's triple."""
    toolchain = load_toolchain(target.triple)
    with context.progress.step(f"harness for {toolchain.triple}"):
        harness = build_harness(toolchain, context.store, force=context.force)
    with context.progress.step(f"{TITLES[kind]} for {toolchain.triple}") as step:
        if kind == "onnxruntime" and target.runtime.partition(":")[0] == INSTALLED:
            with open_executor(target, progress=context.progress) as executor:
                runtime = installed_runtime(executor, target.runtime, toolchain, context.store)
        else:
            runtime = choose_runtime(
                toolchain,
                context,
                kind=kind,
                asked=target.runtime,
                libc=not executor_of(target).traits.has_libc,
                note=step.note,
            )
        step.note(runtime.build.title)
    return Kit(target=target, toolchain=toolchain, runtime=runtime, harness=harness)


def export(
    request: ModelRequest,
    source: ImageSource | None,
    context: StepContext,
    *,
    opset: int,
    weights_mirror: str | None = None,
) -> ModelArtifact:
    """Export the model to fp32 ONNX."""
    inputs = {
        "recipe": EXPORT_RECIPE,
        "source": request.source,
        "file": source_digest(request),
        "origin": request.origin,
        "checkpoint": _checkpoint_digest(request),
        "shape": (request.input_shape, request.shapes),
        "opset": opset,
        "task": request.task,
        "preprocessing": None if request.preprocessing is None else to_plain(request.preprocessing),
        "images": source.digests() if source is not None and request.origin == "random" else None,
        "packages": None if request.is_onnx else _versions("torch", "torchvision", "onnxscript"),
    }
    shape = request.input_shape or request.default_shape

    def make(folder: Path) -> None:
        images = None
        if source is not None and not request.is_onnx:
            images = source.pictures(request, shape, CALIBRATION_IMAGES)
        exported = export_model(
            request,
            folder,
            opset=opset,
            calibration=images,
            weights_cache=context.store.root / "weights",
            mirror=weights_mirror,
            log=context.store.root / "logs" / f"export-{plain_name(request.name)}.log",
        )
        difference = exported.difference
        checked = "checked" if difference is None else f"differs from PyTorch by {difference:.1e} of the largest output"
        step.note(", ".join([checked, *exported.notes]))

    # A factory's code may have changed in ways that the key doesn't cover.
    force = context.force or request.is_factory
    with context.progress.step(f"export {request.name}") as step:
        entry = context.store.entry("export", inputs, make, force=force)
        return _artifact(entry.path)


def _checkpoint_digest(request: ModelRequest) -> str | None:
    path = (
        Path(request.checkpoint) if request.checkpoint else digits_checkpoint() if request.origin == "digits" else None
    )
    return sha256_file(path) if path is not None and path.is_file() else None


def _versions(*packages: str) -> dict[str, str | None]:
    """Return the versions of installed packages without importing them."""

    def find(package: str) -> str | None:
        try:
            return version(package)
        except PackageNotFoundError:
            return None

    return {package: find(package) for package in packages}


def _artifact(folder: Path) -> ModelArtifact:
    return ModelArtifact(path=folder / "model.onnx", spec=read_document(folder / "model.json", ModelSpec))


def halve(
    model: ModelArtifact, request: ModelRequest, source: ImageSource | None, context: StepContext
) -> ModelArtifact:
    """Convert the fp32 model to fp16, but for its inputs and outputs."""
    inputs = {
        "recipe": HALVE_RECIPE,
        "model": model.spec.sha256,
        "weights": model.spec.weights,
        "task": model.spec.task,
        "preprocessing": None if model.spec.preprocessing is None else to_plain(model.spec.preprocessing),
        "images": None if source is None else source.digests(),
        "packages": _versions("onnxruntime", "onnx"),
    }

    def make(folder: Path) -> None:
        held_out = None if source is None else source.samples(request, model.spec, Split.HELD_OUT, SNR_IMAGES)
        halve_model(model, folder, held_out=held_out)

    with context.progress.step(f"convert {model.spec.name} to fp16") as step:
        made = _artifact(context.store.entry("halve", inputs, make, force=context.force).path)
        step.note(_change(made, model))
    return made


def _change(made: ModelArtifact, fp32: ModelArtifact) -> str:
    noise = "" if made.spec.signal_to_noise_db is None else f", {made.spec.signal_to_noise_db:.1f} dB against fp32"
    return f"{made.spec.size_bytes / fp32.spec.size_bytes - 1:+.1%} in size{noise}"


def quantize(
    model: ModelArtifact,
    request: ModelRequest,
    source: ImageSource | None,
    context: StepContext,
    *,
    quantization: Quantization,
    recipe: Recipe = DEFAULT,
) -> ModelArtifact:
    """Quantize the model to 8 bits. `recipe` controls static quantization."""
    inputs = {
        "recipe": QUANTIZE_RECIPE,
        "model": model.spec.sha256,
        "weights": model.spec.weights,
        "quantization": quantization,
        "how": to_plain(recipe),
        "task": model.spec.task,
        "preprocessing": None if model.spec.preprocessing is None else to_plain(model.spec.preprocessing),
        "images": None if source is None else source.digests(),
        "packages": _versions("onnxruntime", "onnx"),
    }

    def make(folder: Path) -> None:
        calibration, held_out = (
            None if source is None else source.samples(request, model.spec, split, count)
            for split, count in ((Split.CALIBRATION, recipe.images), (Split.HELD_OUT, SNR_IMAGES))
        )
        quantize_model(
            model, folder, quantization=quantization, recipe=recipe, calibration=calibration, held_out=held_out
        )

    with context.progress.step(f"quantize {model.spec.name} ({quantization})") as step:
        made = _artifact(context.store.entry("quantize", inputs, make, force=context.force).path)
        step.note(_change(made, model))
    return made


def convert(
    fp32: ModelArtifact,
    kind: str,
    precision: Precision,
    request: ModelRequest,
    source: ImageSource | None,
    context: StepContext,
) -> ModelArtifact:
    """Convert the fp32 model to the format of a kind of runtime in a precision.

    Raises ConfigError when the tools are missing, QuantizeError for a precision that the runtime doesn't support.
    """
    form = KINDS[kind].form
    if form is None or precision not in form.precisions:
        raise QuantizeError(f"{TITLES[kind]} doesn't support {fp32.spec.name} in {precision}")
    inputs = {
        "recipe": [CONVERT_RECIPE, form.recipe],
        "kind": kind,
        "model": fp32.spec.sha256,
        "precision": precision,
        "images": None if source is None else source.digests(),
        "packages": form.tools(),
    }

    def make(folder: Path) -> None:
        images = None
        if (source is not None and not request.is_onnx) or (source is not None and precision is not Precision.FP32):
            samples = source.samples(request, fp32.spec, Split.CALIBRATION, CALIBRATION_IMAGES)
            first = fp32.spec.inputs[0]  # converters refuse more inputs where they need images
            images = ImageSet(inputs=samples.arrays[first.name].reshape(-1, *first.shape[1:]))
        log = context.store.root / "logs" / f"convert-{kind}.log"
        quantized = form.convert(fp32, request, precision, images, folder, context, log=log)
        files = [folder / name for name in form.files]
        spec = replace(
            fp32.spec,
            precision=precision,
            sha256=digest_files(tuple(files)),
            size_bytes=sum(file.stat().st_size for file in files),
            parent=fp32.spec.sha256,
            signal_to_noise_db=None,
            quantized=quantized,
            calibration_samples=None if quantized is None or images is None else len(images),
        )
        write_document(folder / "model.json", spec)

    with context.progress.step(f"convert {fp32.spec.name} {precision} for {TITLES[kind]}") as step:
        folder = context.store.entry("convert", inputs, make, force=context.force).path
        spec = read_document(folder / "model.json", ModelSpec)
        step.note(f"{spec.size_bytes / fp32.spec.size_bytes - 1:+.1%} in size")
    first, *others = (folder / name for name in form.files)
    return ModelArtifact(path=first, spec=spec, beside=tuple(others))


def package(
    models: Sequence[ModelArtifact], kit: Kit, request: ModelRequest, source: ImageSource | None, context: StepContext
) -> Bundle:
    """Package the models with the target's runtime and harness, and the held-out images that it classifies."""
    count = max(1, kit.target.evaluation.images)
    inputs = {
        "recipe": BUNDLE_RECIPE,
        "models": [(model.spec.sha256, model.spec.precision, model.spec.weights, model.spec.task) for model in models],
        "runtime": (kit.runtime.build.key, kit.runtime.root.name),
        "harness": sha256_file(kit.harness),
        "images": None if source is None else [source.title, *source.digests()],
        "count": count,
    }

    def make(folder: Path) -> None:
        images = None if source is None else source.samples(request, models[0].spec, Split.HELD_OUT, count)
        specs = [model.spec for model in models]
        build_bundle(
            folder,
            models=models,
            runtime=kit.runtime,
            harness=kit.harness,
            toolchain=kit.toolchain,
            images=images,
            data=None if source is None else source.title,
            overlap=None if source is None or images is None else source.overlap(request, specs, images),
        )

    with context.progress.step(f"package for {kit.target.name}") as step:
        path = context.store.entry("bundle", inputs, make, force=context.force).path
        bundle = open_bundle(path, verify=False)
        step.note(f"{sum(file.size_bytes for file in bundle.manifest.files) / 1e6:.0f} MB")
    return bundle


@value
class Unsupported:
    """The result of `check_operators`, as cached."""

    precision: Precision
    model: Text
    operator: Text
    node: Text
    runtime: Text


@value
class OperatorCheck:
    unsupported: tuple[Unsupported, ...]


def check_operators(bundle: Bundle, target: Target, context: StepContext) -> dict[Precision, UnsupportedOperator]:
    """Load each model with the target's own runtime. Return precision → unsupported operator.

    The result is cached, since equal bundles load alike.
    """

    def make(folder: Path) -> None:
        with open_executor(target, progress=context.progress) as executor:
            put_bundle(executor, bundle)
            found = preflight(executor, bundle, target)
        rows = (
            Unsupported(precision=precision, model=e.model, operator=e.operator, node=e.node, runtime=e.runtime)
            for precision, e in found.items()
        )
        write_document(folder / "check.json", OperatorCheck(unsupported=tuple(rows)))

    inputs = {"bundle": bundle.manifest.id, "place": executor_of(target).identity(target)}
    with context.progress.step(f"operators on {target.name}") as step:
        path = context.store.entry("operators", inputs, make, force=context.force).path
        check = read_document(path / "check.json", OperatorCheck)
        step.note(", ".join(f"no {row.operator} (node {row.node})" for row in check.unsupported) or "all supported")
    return {
        row.precision: UnsupportedOperator(model=row.model, operator=row.operator, node=row.node, runtime=row.runtime)
        for row in check.unsupported
    }
