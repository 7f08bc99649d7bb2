"""`deploy`: from a PyTorch model to a host-versus-target report, all steps in one straight line."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from edgetool.archives import unpack_bundle
from edgetool.baselines import Baselines, Subject, check_baselines, count_baselines, with_baselines
from edgetool.bench.counts import check_countable, count_instructions
from edgetool.bench.measure import Measurement, measure, put_bundle, selftest
from edgetool.bench.record import Fallback
from edgetool.bench.runs import write_run
from edgetool.boards.conditions import conditions, cool_down
from edgetool.boards.probe import check_machine_of, probe_board
from edgetool.bundles import Bundle, build_bundle, open_bundle
from edgetool.errors import WrongMachine
from edgetool.executors.base import BenchmarkSpec, Target
from edgetool.executors.registry import load_target, open_executor, prepare_executor, waiting
from edgetool.models import onnxfile
from edgetool.models.quantize import Quantization
from edgetool.models.spec import ModelArtifact, ModelRequest, Precision
from edgetool.platform.documents import check_table
from edgetool.platform.format import count_text
from edgetool.platform.progress import Progress
from edgetool.reports.report import write_report
from edgetool.reports.runtimes import RuntimeRow, runtime_rows
from edgetool.reports.tables import Row
from edgetool.runtimes.emulator import CountingEmulator, counting_emulator
from edgetool.runtimes.onnxruntime.selftest import build_selftest, write_selftest
from edgetool.runtimes.spec import RuntimeBuild
from edgetool.runtimes.toolchains import load_toolchain
from edgetool.steps import ImageSource, Workshop, check_operators, export, package, provision, quantize


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What `deploy` made."""

    folder: Path
    table: tuple[Row, ...]
    fallbacks: tuple[Fallback, ...]
    runtimes: tuple[RuntimeRow, ...] = ()  # the target's beside the baselines; empty where none was counted

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
    against: Sequence[str] = (),
) -> Deployment:
    """Export, quantize, package, run and report, fp32 and int8, host and target. Raises EdgetoolError.

    `settings` stand in place of the target's own [benchmark]. With `wait` a board that another uses is waited for. With
    `count` instructions are counted, with `against` those of these baselines too.
    """
    created_at = datetime.now(UTC)
    source = ImageSource.choose(request, calibration, held_out)
    targets = [target_with_images(name, images) for name in dict.fromkeys(("host", target_name))]
    targets[-1] = with_settings(targets[-1], settings, wait=wait)
    reach(targets[-1], workshop)
    counting = _counting(targets[-1], workshop) if count or against else None
    places = [provision(target, workshop) for target in targets]
    there = places[-1]
    check_baselines(against, there)
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
    baselines = Baselines()
    if counting is not None:
        subject = Subject(models=models, place=there, bundle=bundle, request=request, source=source)
        baselines = count_baselines(against, subject, workshop, counting)
        fallbacks += baselines.fallbacks
    bundles = [*(package(models, place, request, source, workshop) for place in places[:-1]), bundle]
    measurements = [
        with_baselines(measurement, baselines.counted) if place is there else measurement
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
    return Deployment(folder=folder, table=table, fallbacks=tuple(fallbacks), runtimes=runtime_rows(measurements))


def reach(target: Target, workshop: Workshop) -> None:
    """Is a real board there, does it let us in, is it the machine that its file says? Asked before hours of work.

    Raises ConnectError, HostKeyError or WrongMachine. A question about a host key is asked here, while nothing else is
    on the terminal.
    """
    prepare_executor(target, workshop.progress)
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
