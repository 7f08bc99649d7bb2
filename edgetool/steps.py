"""The steps of a deployment, from a model to a bundle, each skipped when its inputs are unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edgetool.bench.measure import preflight, put_bundle
from edgetool.bundles import Bundle, build_bundle, open_bundle
from edgetool.errors import UnsupportedOperator
from edgetool.executors.base import Target
from edgetool.executors.registry import has_own_libc, open_executor, place_of
from edgetool.models.export import DEFAULT_INPUT_SHAPE, export_model
from edgetool.models.images import ImageSet, Split, images_digest, read_images
from edgetool.models.quantize import Quantization, quantize_model
from edgetool.models.spec import ModelArtifact, ModelRequest, ModelSpec
from edgetool.models.zoo import digits_checkpoint, digits_images, preprocessing_for
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.files import sha256_file
from edgetool.platform.progress import Progress
from edgetool.platform.store import Store
from edgetool.platform.values import Text, value
from edgetool.runtimes.choice import choose_runtime
from edgetool.runtimes.spec import Runtime, Toolchain
from edgetool.runtimes.toolchains import build_harness, load_toolchain

EXPORT_RECIPE = 1  # raised when a step makes something else of the same inputs
QUANTIZE_RECIPE = 2
BUNDLE_RECIPE = 1
CALIBRATION_IMAGES = 128
SNR_IMAGES = 64


@dataclass(frozen=True, kw_only=True)
class ImageSource:
    """Pictures for calibration and, apart from them, for judging."""

    calibration: Path
    held_out: Path

    @classmethod
    def choose(cls, request: ModelRequest, calibration: Path | None, held_out: Path | None) -> ImageSource | None:
        """What the user named; the digits for models that have none of their own; else None."""
        if calibration is not None:
            return cls(calibration=calibration, held_out=held_out or calibration)
        if request.origin in ("digits", "random"):
            return cls(calibration=digits_images(), held_out=held_out or digits_images())
        return None if held_out is None else cls(calibration=held_out, held_out=held_out)

    def read(self, request: ModelRequest, shape: tuple[int, ...], split: Split, limit: int | None) -> ImageSet:
        source = self.calibration if split is Split.CALIBRATION else self.held_out
        return read_images(source, preprocessing_for(request, shape), split=split, limit=limit)

    def digests(self) -> list[str]:
        return [images_digest(self.calibration), images_digest(self.held_out)]


@dataclass(frozen=True, kw_only=True)
class Place:
    """A target with all that its bundles are made from."""

    target: Target
    toolchain: Toolchain
    runtime: Runtime
    harness: Path


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What every step needs beside its inputs."""

    store: Store
    progress: Progress
    force: bool = False


def provision(target: Target, workshop: Workshop) -> Place:
    """The runtime and the harness of a target's triple."""
    toolchain = load_toolchain(target.triple)
    with workshop.progress.step(f"harness for {toolchain.triple}"):
        harness = build_harness(toolchain, workshop.store, force=workshop.force)
    with workshop.progress.step(f"runtime for {toolchain.triple}") as step:
        runtime = choose_runtime(
            toolchain,
            workshop.store,
            asked=target.runtime,
            libc=not has_own_libc(target),
            force=workshop.force,
            note=step.note,
        )
        step.note(runtime.build.title)
    return Place(target=target, toolchain=toolchain, runtime=runtime, harness=harness)


def export(
    request: ModelRequest,
    source: ImageSource | None,
    workshop: Workshop,
    *,
    opset: int,
    weights_mirror: str | None = None,
) -> ModelArtifact:
    """The model as fp32 ONNX."""
    inputs = {
        "recipe": EXPORT_RECIPE,
        "source": request.source,
        "file": sha256_file(Path(request.source)) if request.is_onnx and Path(request.source).is_file() else None,
        "origin": request.origin,
        "checkpoint": _checkpoint_digest(request),
        "shape": request.input_shape,
        "opset": opset,
        "images": source.digests() if source is not None and request.origin == "random" else None,
        "packages": None if request.is_onnx else _versions("torch", "torchvision", "onnxscript"),
    }
    shape = request.input_shape or DEFAULT_INPUT_SHAPE

    def make(folder: Path) -> None:
        images = None
        if source is not None and not request.is_onnx:
            images = source.read(request, shape, Split.CALIBRATION, CALIBRATION_IMAGES)
        _, difference = export_model(
            request,
            folder,
            opset=opset,
            calibration=images,
            weights_cache=workshop.store.root / "weights",
            mirror=weights_mirror,
        )
        step.note(
            "checked" if difference is None else f"differs from PyTorch by {difference:.1e} of the largest output"
        )

    # A factory's code is the user's own and may have changed in ways that no key sees.
    force = workshop.force or request.is_factory
    with workshop.progress.step(f"export {request.name}") as step:
        entry = workshop.store.entry("export", inputs, make, force=force)
        return _artifact(entry.path)


def _checkpoint_digest(request: ModelRequest) -> str | None:
    path = (
        Path(request.checkpoint) if request.checkpoint else digits_checkpoint() if request.origin == "digits" else None
    )
    return sha256_file(path) if path is not None and path.is_file() else None


def _versions(*packages: str) -> dict[str, str | None]:
    """Versions of installed packages, without importing them."""

    def find(package: str) -> str | None:
        try:
            return version(package)
        except PackageNotFoundError:
            return None

    return {package: find(package) for package in packages}


def _artifact(folder: Path) -> ModelArtifact:
    return ModelArtifact(path=folder / "model.onnx", spec=read_document(folder / "model.json", ModelSpec))


def quantize(
    model: ModelArtifact,
    request: ModelRequest,
    source: ImageSource | None,
    workshop: Workshop,
    *,
    quantization: Quantization,
) -> ModelArtifact:
    """The model in 8 bits."""
    inputs = {
        "recipe": QUANTIZE_RECIPE,
        "model": model.spec.sha256,
        "weights": model.spec.weights,
        "quantization": quantization,
        "images": None if source is None else source.digests(),
        "packages": _versions("onnxruntime", "onnx"),
    }

    def make(folder: Path) -> None:
        shape = model.spec.inputs[0].shape
        quantize_model(
            model,
            folder,
            quantization=quantization,
            calibration=None if source is None else source.read(request, shape, Split.CALIBRATION, CALIBRATION_IMAGES),
            held_out=None if source is None else source.read(request, shape, Split.HELD_OUT, SNR_IMAGES),
        )

    with workshop.progress.step(f"quantize {model.spec.name} ({quantization})") as step:
        made = _artifact(workshop.store.entry("quantize", inputs, make, force=workshop.force).path)
        noise = "" if made.spec.signal_to_noise_db is None else f", {made.spec.signal_to_noise_db:.1f} dB against fp32"
        step.note(f"{made.spec.size_bytes / model.spec.size_bytes - 1:+.1%} in size{noise}")
    return made


def package(
    models: Sequence[ModelArtifact], place: Place, request: ModelRequest, source: ImageSource | None, workshop: Workshop
) -> Bundle:
    """The models with the place's runtime and harness, and as many held-out images as the place is to classify."""
    count = max(1, place.target.evaluation.images)
    inputs = {
        "recipe": BUNDLE_RECIPE,
        "models": [(model.spec.sha256, model.spec.precision, model.spec.weights) for model in models],
        "runtime": place.runtime.build.key,
        "harness": sha256_file(place.harness),
        "images": None if source is None else source.digests(),
        "count": count,
    }

    def make(folder: Path) -> None:
        images = None if source is None else source.read(request, models[0].spec.inputs[0].shape, Split.HELD_OUT, count)
        build_bundle(
            folder,
            models=models,
            runtime=place.runtime,
            harness=place.harness,
            toolchain=place.toolchain,
            images=images,
        )

    with workshop.progress.step(f"package for {place.target.name}") as step:
        path = workshop.store.entry("bundle", inputs, make, force=workshop.force).path
        bundle = open_bundle(path, verify=False)
        step.note(f"{sum(file.size_bytes for file in bundle.manifest.files) / 1e6:.0f} MB")
    return bundle


@value
class Unsupported:
    """What `check_operators` found, as it is kept."""

    precision: Text
    model: Text
    operator: Text
    node: Text
    runtime: Text


@value
class OperatorCheck:
    unsupported: tuple[Unsupported, ...]


def check_operators(bundle: Bundle, target: Target, workshop: Workshop) -> dict[str, UnsupportedOperator]:
    """Load each model in the target's own runtime; precision → what it lacks. Kept, as equal bundles load alike."""

    def make(folder: Path) -> None:
        with open_executor(target) as executor:
            put_bundle(executor, bundle)
            found = preflight(executor, bundle, target)
        rows = (
            Unsupported(precision=precision, model=e.model, operator=e.operator, node=e.node, runtime=e.runtime)
            for precision, e in found.items()
        )
        write_document(folder / "check.json", OperatorCheck(unsupported=tuple(rows)))

    inputs = {"bundle": bundle.manifest.id, "place": place_of(target)}
    with workshop.progress.step(f"operators on {target.name}") as step:
        path = workshop.store.entry("operators", inputs, make, force=workshop.force).path
        check = read_document(path / "check.json", OperatorCheck)
        step.note(", ".join(f"no {row.operator} (node {row.node})" for row in check.unsupported) or "all supported")
    return {
        row.precision: UnsupportedOperator(model=row.model, operator=row.operator, node=row.node, runtime=row.runtime)
        for row in check.unsupported
    }
