"""Other runtimes that a deployment is counted beside: Debian's, our own without vectors, ncnn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgetool.bench.compare import output_difference
from edgetool.bench.instructions import BaselineCounts, InstructionCounts
from edgetool.bench.measure import Measurement
from edgetool.bench.record import Fallback
from edgetool.bench.sides import WITHOUT_VECTORS, Logits, NcnnSide, Side, onnx_runtime_sides
from edgetool.bundles import Bundle
from edgetool.errors import BuildError, ConfigError, ExecutorError, HarnessError, QuantizeError
from edgetool.executors.base import Target
from edgetool.models.images import Split
from edgetool.models.ncnn import NcnnModel, convert, tool_versions
from edgetool.models.ncnn import quantize as quantize_for_ncnn
from edgetool.models.spec import ModelArtifact, ModelRequest, Precision
from edgetool.platform.arrays import read_npz
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.files import sha256_file
from edgetool.platform.format import count_text
from edgetool.runtimes.emulator import CountingEmulator
from edgetool.runtimes.ncnn.build import build_driver, ncnn_source
from edgetool.runtimes.onnxruntime.build import PROVIDER
from edgetool.steps import CALIBRATION_IMAGES, ImageSource, Place, Workshop, check_operators, package, provision

DEBIAN, SCALAR, NCNN = "debian", "scalar", "ncnn"
NAMES = (DEBIAN, SCALAR, NCNN)
NCNN_RECIPE = 1  # raised when the way a model gets into ncnn's form changes
COUNT_RECIPE = 1  # raised when the way a baseline is counted changes
SAMPLES = 4  # whose outputs are compared


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is deployed, and what it was made from."""

    models: Sequence[ModelArtifact]  # fp32 first
    place: Place
    bundle: Bundle
    request: ModelRequest
    source: ImageSource | None


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What a side counts in an inference, and says of the first held-out images."""

    side: Side
    counts: InstructionCounts
    outputs: Logits


@dataclass(frozen=True, kw_only=True)
class Baselines:
    """One for each name and precision that could be counted, and what was asked for in vain."""

    counted: tuple[Counted, ...] = ()
    fallbacks: tuple[Fallback, ...] = ()


def check_baselines(names: Iterable[str], place: Place) -> None:
    """Raises ConfigError for a baseline that is unknown, is the place's own runtime, or lacks its tools."""
    build = place.runtime.build
    for name in names:
        if name not in NAMES:
            raise ConfigError(f"no baseline {name!r}", hint=f"known baselines: {', '.join(NAMES)}")
        if (name == DEBIAN and build.provider == DEBIAN) or (name == SCALAR and build.provider != PROVIDER):
            raise ConfigError(
                f"{place.target.name} runs {build.title}: against {name!r} there is nothing to compare",
                hint=f"edgetool runtime build --triple {build.triple}",
            )
        if name == NCNN:
            tool_versions()


def count_baselines(
    names: Iterable[str], subject: Subject, workshop: Workshop, counting: CountingEmulator
) -> Baselines:
    """Make what the subject is counted beside, and count it. What can't be had is left out with its reason."""
    counted: list[Counted] = []
    fallbacks: list[Fallback] = []
    for name in dict.fromkeys(names):
        reasons: dict[Precision, str] = {}
        for side in _sides(name, subject, workshop, reasons):
            try:
                counted.append(_count(side, counting, subject.place.target, workshop))
            except (ExecutorError, HarnessError) as error:
                reasons[side.precision] = error.message
        done = {entry.side.precision for entry in counted if entry.side.name == name}
        fallbacks += (
            Fallback(
                asked=f"{precision} against {name}",
                reason=reasons.get(precision, f"{name} has no {precision} form of the model"),
                instead="left out of the comparison",
            )
            for precision in (model.spec.precision for model in subject.models)
            if precision not in done
        )
    return Baselines(counted=tuple(counted), fallbacks=tuple(fallbacks))


def _sides(name: str, subject: Subject, workshop: Workshop, reasons: dict[Precision, str]) -> list[Side]:
    """Those of the subject's precisions; why one is missing goes into `reasons`."""
    if name == SCALAR:
        return [*onnx_runtime_sides(name, subject.bundle, WITHOUT_VECTORS)]
    if name == DEBIAN:
        there = provision(replace(subject.place.target, runtime=DEBIAN), workshop)
        bundle = package(subject.models, there, subject.request, subject.source, workshop)
        for precision, error in check_operators(bundle, there.target, workshop).items():
            reasons[Precision(precision)] = error.message
        return [side for side in onnx_runtime_sides(name, bundle) if side.precision not in reasons]
    wanted = [model.spec.precision for model in subject.models]
    try:
        return [side for side in ncnn_sides(name, subject, workshop) if side.precision in wanted]
    except (BuildError, QuantizeError) as error:
        reasons |= dict.fromkeys(wanted, error.message)
        return []


def ncnn_sides(name: str, subject: Subject, workshop: Workshop) -> tuple[NcnnSide, ...]:
    """fp32 and int8, from the same weights, calibrated with the same images; with the inputs and libc of the bundle.

    Raises ConfigError without ncnn's tools, QuantizeError for a model that does not fit, BuildError when a tool fails.
    """
    fp32, source = subject.models[0], subject.source
    shapes = [tensor.shape for tensor in fp32.spec.inputs]
    if source is None or len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][0] != 1:
        raise QuantizeError(f"{fp32.spec.name}: ncnn is compared on models of one image, with images to calibrate by")
    models = ncnn_models(fp32, subject.request, source, workshop)
    driver = build_driver(subject.place.toolchain, workshop.store, workshop.progress)
    release = f"ncnn {ncnn_source().version}"
    return tuple(
        NcnnSide(name=name, release=release, precision=precision, driver=driver, model=model, bundle=subject.bundle)
        for precision, model in models.items()
    )


def ncnn_models(
    fp32: ModelArtifact, request: ModelRequest, source: ImageSource, workshop: Workshop
) -> dict[Precision, NcnnModel]:
    """The model in ncnn's form. Raises as ncnn_sides."""
    shape = fp32.spec.inputs[0].shape
    inputs = {
        "recipe": NCNN_RECIPE,
        "model": fp32.spec.sha256,
        "images": source.digests(),
        "packages": tool_versions(),
    }

    def make(folder: Path) -> None:
        images = source.read(request, shape, Split.CALIBRATION, CALIBRATION_IMAGES)
        model = convert(fp32.path, shape, folder, log=workshop.store.root / "logs" / "pnnx.log")
        quantize_for_ncnn(model, images.inputs, folder)

    with workshop.progress.step(f"{fp32.spec.name} for ncnn"):
        folder = workshop.store.entry("ncnn-model", inputs, make, force=workshop.force).path
    return {
        Precision.FP32: NcnnModel(param=folder / "model.ncnn.param", bin=folder / "model.ncnn.bin"),
        Precision.INT8: NcnnModel(param=folder / "model.int8.param", bin=folder / "model.int8.bin"),
    }


def _count(side: Side, counting: CountingEmulator, target: Target, workshop: Workshop) -> Counted:
    """Kept: the same program executes the same instructions each time."""
    inputs = {
        "recipe": COUNT_RECIPE,
        "side": [side.name, side.release, side.inputs()],
        "place": target.executor,
        "samples": SAMPLES,
        "emulator": [sha256_file(counting.program), sha256_file(counting.plugin)],
    }

    def make(folder: Path) -> None:
        write_document(folder / "counts.json", side.count(counting, target))
        np.savez(folder / "outputs.npz", outputs=side.outputs(counting, target, samples=SAMPLES))

    with workshop.progress.step(f"count instructions, {side.precision} in {side.name} on {target.name}") as step:
        path = workshop.store.entry("baseline", inputs, make, force=workshop.force).path
        counts = read_document(path / "counts.json", InstructionCounts, error=HarnessError)
        step.note(f"{count_text(counts.raw)}, weighted {count_text(counts.weighted)}")
    return Counted(side=side, counts=counts, outputs=read_npz(path / "outputs.npz", error=HarnessError)["outputs"])


def with_baselines(measurement: Measurement, counted: Iterable[Counted]) -> Measurement:
    """The measurement with the baselines of its precision, and how far their outputs are from its own."""
    record = measurement.record
    own = next(iter(measurement.outputs.values()))
    baselines = (_baseline(entry, own) for entry in counted if entry.side.precision == record.model.precision)
    return replace(measurement, record=replace(record, baselines=tuple(baselines)))


def _baseline(entry: Counted, own: npt.NDArray[np.generic]) -> BaselineCounts:
    difference = output_difference({"": own[: len(entry.outputs)]}, {"": entry.outputs})
    return BaselineCounts(
        name=entry.side.name,
        runtime=entry.side.release,
        instructions=entry.counts,
        differs_by=None if difference is None else difference.max_abs_relative,
        same_predictions=None if difference is None else difference.same_top1,
        compared_samples=None if difference is None else difference.samples,
    )
