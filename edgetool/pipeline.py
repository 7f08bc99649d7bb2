"""`deploy`: from a PyTorch model to a host-versus-target report, each step skipped when its inputs are unchanged."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType

from edgetool.archives import unpack_bundle
from edgetool.bench.counts import check_countable, count_instructions
from edgetool.bench.measure import Measurement, measure, preflight, put_bundle, selftest
from edgetool.bench.record import Fallback
from edgetool.bench.runs import write_run
from edgetool.boards.conditions import conditions, cool_down
from edgetool.boards.probe import check_machine_of, probe_board
from edgetool.bundles import Bundle, build_bundle, open_bundle
from edgetool.errors import UnsupportedOperator, WrongMachine
from edgetool.executors.base import BenchmarkSpec, Target
from edgetool.executors.registry import has_own_libc, load_target, open_executor, place_of, waiting
from edgetool.models import onnxfile
from edgetool.models.export import DEFAULT_INPUT_SHAPE, export_model
from edgetool.models.images import ImageSet, Split, images_digest, read_images
from edgetool.models.quantize import Quantization, quantize_model
from edgetool.models.spec import ModelArtifact, ModelRequest, ModelSpec, Precision
from edgetool.models.zoo import digits_checkpoint, digits_images, preprocessing_for
from edgetool.platform.documents import check_table, read_document, write_document
from edgetool.platform.files import sha256_file
from edgetool.platform.progress import Progress
from edgetool.platform.store import Store
from edgetool.platform.values import Text, value
from edgetool.reports.report import write_report
from edgetool.reports.tables import Row
from edgetool.reports.units import count_text
from edgetool.runtimes.choice import choose_runtime
from edgetool.runtimes.emulator import CountingEmulator, counting_emulator
from edgetool.runtimes.selftest import build_selftest, write_selftest
from edgetool.runtimes.spec import Runtime, RuntimeBuild, Toolchain
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


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What `deploy` made."""

    folder: Path
    table: tuple[Row, ...]
    fallbacks: tuple[Fallback, ...]

    @property
    def report(self) -> Path:
        return self.folder / "report.md"


def deploy(
    target_name: str,
    request: ModelRequest,
    workshop: Workshop,
    *,
    runs: Path,
    quantization: Quantization = Quantization.STATIC,
    calibration: Path | None = None,
    held_out: Path | None = None,
    images: int | None = None,
    settings: Mapping[str, object] = MappingProxyType({}),
    wait: bool = False,
    weights_mirror: str | None = None,
    profile: bool = False,
    count: bool = False,
) -> Deployment:
    """Export, quantize, package, run and report, fp32 and int8, host and target. Raises EdgetoolError.

    `settings` stand in place of the target's own [benchmark]. With `wait` a board that another uses is waited for.
    """
    created_at = datetime.now(UTC)
    source = ImageSource.choose(request, calibration, held_out)
    targets = [target_with_images(name, images) for name in dict.fromkeys(("host", target_name))]
    targets[-1] = with_settings(targets[-1], settings, wait=wait)
    reach(targets[-1], workshop)
    counting = _counting(targets[-1], workshop) if count else None
    places = [provision(target, workshop) for target in targets]
    there = places[-1]
    opset = onnxfile.opset_for(tuple(place.runtime.build.version for place in places))
    fp32 = export(request, source, workshop, opset=opset, weights_mirror=weights_mirror)
    models = [fp32, quantize(fp32, request, source, workshop, quantization=quantization)]
    bundle = package(models, there, request, source, workshop)
    fallbacks = []
    for precision, error in check_operators(bundle, there.target, workshop).items():
        if precision != Quantization.DYNAMIC.precision:
            raise error
        models = [fp32, quantize(fp32, request, source, workshop, quantization=Quantization.STATIC)]
        fallbacks.append(
            Fallback(asked="dynamic quantization", reason=error.message, instead="static quantization in QDQ form")
        )
        bundle = package(models, there, request, source, workshop)
        for unsupported in check_operators(bundle, there.target, workshop).values():
            raise unsupported
    bundles = [*(package(models, place, request, source, workshop) for place in places[:-1]), bundle]
    measurements = [
        measurement
        for place, ready in zip(places, bundles, strict=True)
        for measurement in measure_bundle(
            ready, place.target, workshop.progress, profile=profile, counting=counting if place is there else None
        )
    ]
    with workshop.progress.step("report") as step:
        folder = write_run(
            runs,
            target=there.target.name,
            created_at=created_at,
            models=[model.spec for model in models],
            measurements=measurements,
            fallbacks=fallbacks,
        )
        table = write_report(folder)
        step.note(str(folder / "report.md"))
    return Deployment(folder=folder, table=table, fallbacks=tuple(fallbacks))


def reach(target: Target, workshop: Workshop) -> None:
    """Is a real board there, does it let us in, is it the machine that its file says? Asked before hours of work.

    Raises ConnectError, HostKeyError or WrongMachine. A question about a host key is asked here, while nothing else is
    on the terminal.
    """
    executor = open_executor(target, exclusive=False)
    if target.triple == "native" or not executor.native() or executor.emulator is not None:
        return
    with executor:
        probe = probe_board(executor)
    with workshop.progress.step(f"reach {target.name}") as step:
        check_machine_of(target, probe)
        step.note(f"{probe.machine}, {probe.vectors}" if probe.vectors else probe.machine)


def target_with_images(name: str, images: int | None) -> Target:
    """A target, with another number of held-out images when one is given."""
    target = load_target(name)
    return target if images is None else replace(target, evaluation=replace(target.evaluation, images=images))


def provision(target: Target, workshop: Workshop) -> Place:
    """The runtime and the harness of a target's triple."""
    toolchain = load_toolchain(target.triple)
    with workshop.progress.step(f"harness for {toolchain.triple}"):
        harness = build_harness(toolchain, workshop.store, force=workshop.force)
    with workshop.progress.step(f"runtime for {toolchain.triple}") as step:
        runtime = choose_runtime(
            toolchain, workshop.store, asked=target.runtime, libc=not has_own_libc(target), force=workshop.force
        )
        step.note(runtime.build.title)
    return Place(target=target, toolchain=toolchain, runtime=runtime, harness=harness)


def selftest_runtime(target: Target, workshop: Workshop) -> tuple[RuntimeBuild, int]:
    """Run the numeric self-test alone in the runtime that the target would get; returns it and how many cases held."""
    place = provision(target, workshop)
    with tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
        write_selftest(build_selftest(), Path(scratch))
        path = Path(scratch) / "model.onnx"
        spec = onnxfile.describe(
            path, name="selftest", precision=Precision.FP32, weights="random", accuracy_means_something=False
        )
        bundle = build_bundle(
            Path(scratch) / "bundle",
            models=[ModelArtifact(path=path, spec=spec)],
            runtime=place.runtime,
            harness=place.harness,
            toolchain=place.toolchain,
            images=None,
        )
        with open_executor(target) as executor, workshop.progress.step(f"self-test on {target.name}") as step:
            put_bundle(executor, bundle)
            held = selftest(executor, bundle)
            step.note(f"{held} cases hold")
    return place.runtime.build, held


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


def measure_bundle(
    bundle: Bundle,
    target: Target,
    progress: Progress,
    *,
    precision: Precision | None = None,
    profile: bool = False,
    counting: CountingEmulator | None = None,
) -> Iterator[Measurement]:
    """Self-test, then every model of the bundle in turn, or the one of `precision`; its instructions last."""
    with open_executor(target) as executor, conditions(executor, target.benchmark):
        with progress.step(f"self-test on {target.name}") as step:
            put_bundle(executor, bundle)
            step.note(f"{selftest(executor, bundle)} cases hold")
        for model in bundle.manifest.models:
            if precision not in (None, model.spec.precision):
                continue
            cool_down(executor, target.benchmark)
            measurement = measure(executor, bundle, target, model, progress=progress, profile=profile)
            if counting is not None:
                with progress.step(f"count instructions, {model.spec.precision} on {target.name}") as step:
                    counts = count_instructions(counting, bundle, target, model)
                    step.note(f"{count_text(counts.raw)}, weighted {count_text(counts.weighted)}")
                measurement = replace(measurement, record=replace(measurement.record, instructions=counts))
            yield measurement


def _counting(target: Target, workshop: Workshop) -> CountingEmulator:
    """Refused before anything is built for a target whose instructions can't be counted."""
    check_countable(target)
    return counting_emulator(workshop.store, workshop.progress)


def bench(
    path: Path,
    target_name: str,
    settings: Mapping[str, object],
    *,
    runs: Path,
    workshop: Workshop,
    wait: bool = False,
    profile: bool = False,
    count: bool = False,
) -> tuple[Path, tuple[Row, ...]]:
    """Measure a packaged bundle, a folder or an archive, with `settings` in place of the target's own [benchmark].

    Returns the run's folder and its table. Raises WrongMachine for a bundle of another triple.
    """
    created_at = datetime.now(UTC)
    target = with_settings(load_target(target_name), settings, wait=wait)
    reach(target, workshop)
    counting = _counting(target, workshop) if count else None
    with tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
        bundle = unpack_bundle(path, Path(scratch) / "bundle") if path.is_file() else open_bundle(path)
        check_triple(bundle, target)
        measurements = list(measure_bundle(bundle, target, workshop.progress, profile=profile, counting=counting))
    models = [model.spec for model in bundle.manifest.models]
    folder = write_run(runs, target=target.name, created_at=created_at, models=models, measurements=measurements)
    return folder, write_report(folder)


def with_settings(target: Target, settings: Mapping[str, object], *, wait: bool = False) -> Target:
    """A target with `settings` in place of its own [benchmark]; with `wait`, one that waits for who else uses it.

    Raises ConfigError, naming the setting that does not fit.
    """
    spec = check_table(BenchmarkSpec, {**asdict(target.benchmark), **settings}, where="benchmark settings")
    return replace(waiting(target) if wait else target, benchmark=spec)


def check_triple(bundle: Bundle, target: Target) -> None:
    """Raises WrongMachine for a bundle of another triple."""
    wanted = load_toolchain(target.triple).triple
    if bundle.manifest.triple != wanted:
        raise WrongMachine(
            f"the bundle {bundle.root} is for {bundle.manifest.triple}, {target.name} wants {wanted}",
            hint=f"package it with --target {target.name}",
        )
