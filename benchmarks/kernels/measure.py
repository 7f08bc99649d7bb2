"""Every runtime on every model at every vector length: a plan, measured by instruments of records and by llvm-mca's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.kernels.mca import VLEN_BITS, find_llvm, model_blocks
from benchmarks.kernels.rows import LABELS, Findings, KernelRow, Modelled
from benchmarks.zoo.models import ZOO
from edgetool import __version__
from edgetool.errors import ConfigError, HarnessError
from edgetool.harness.bench import open_bench
from edgetool.harness.counts import CountsFile, run_counting
from edgetool.models.evaluate import open_session, signal_to_noise_db
from edgetool.models.images import Split
from edgetool.models.spec import ModelArtifact, Precision
from edgetool.pipeline.plan import Plan, PlannedCase, PlannedModel
from edgetool.pipeline.prepare import Preparation, PreparedCase, UnpreparedCase
from edgetool.pipeline.run import in_this_process, run_cases
from edgetool.platform.context import StepContext
from edgetool.platform.documents import read_document, write_document
from edgetool.records.record import Recorded
from edgetool.records.results import read_run
from edgetool.runtimes.emulator import counting_emulator
from edgetool.targets.spec import Target

TARGET = "qemu-riscv64"
MODELLED_RECIPE = 1  # raised when the way blocks are modelled changes


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A model, how many images it is judged by, and the runtimes that run it."""

    model: PlannedModel
    images: int
    runtimes: tuple[str, ...]

    @property
    def plan(self) -> Plan:
        return Plan(
            models=(self.model,),
            targets=(TARGET,),
            runtimes=self.runtimes,
            precisions=(Precision.FP32, Precision.FP16, Precision.INT8),
            instruments=("accuracy", "instructions"),
            images=self.images,
        )


VLENS = (256, 128, 512, 1024)  # of the cores that are estimated; runtimes without vectors are counted at the first
ON_VECTORS = ("crossbuild", "wide32", "ncnn")
ONNX_RUNTIMES = ("debian", "scalar", "crossbuild", "wide32")
IN_HALF = ("crossbuild", "ncnn")  # which compute fp16 in fp16
BENCHMARKS = (
    Benchmark(model=PlannedModel(source="mobilenet_v2"), images=10, runtimes=(*ONNX_RUNTIMES, "ncnn")),
    *(
        Benchmark(model=PlannedModel(source=name, weights="random"), images=2, runtimes=ONNX_RUNTIMES)
        for name in ("resnet18", "mobilenet_v3_large", "efficientnet_b0", "shufflenet_v2_x1_0", "regnet_y_400mf")
    ),
    *(Benchmark(model=model, images=2, runtimes=ONNX_RUNTIMES) for model in ZOO if model.title == "small_vit"),
)


def choose_benchmarks(names: Sequence[str]) -> tuple[Benchmark, ...]:
    """Those of these models; all when none is named. Raises ConfigError."""
    known = {benchmark.model.title: benchmark for benchmark in BENCHMARKS}
    if unknown := [name for name in names if name not in known]:
        raise ConfigError(f"no benchmark {', '.join(unknown)}", hint=f"known benchmarks: {', '.join(known)}")
    return tuple(known[name] for name in names) or BENCHMARKS


def measure_all(context: StepContext, benchmarks: Sequence[Benchmark], folder: Path) -> Findings:
    """Records are kept in `folder`: what has not changed is not run again.

    Raises ConfigError where no runtime was built yet or something is not installed.
    """
    created_at = datetime.now(UTC)
    rows = [row for benchmark in benchmarks for row in _measure(benchmark, context, folder)]
    return Findings(
        schema=Findings.SCHEMA,
        created_at=created_at,
        edgetool=__version__,
        emulator=rows[0].counts.emulator.partition(",")[0],
        rows=tuple(rows),
    )


def planned(benchmark: Benchmark) -> tuple[PlannedCase, ...]:
    """The plan's cases at each vector length, those that use no vectors at the first only.

    The variants of our kernels differ in int8 only. What computes fp16 in fp32 is not counted.
    """
    return tuple(
        replace(case, target=(there := with_vlen(case.target, vlen)), case=replace(case.case, target=there.name))
        for case in benchmark.plan.cases(required=True)
        if case.case.precision is Precision.INT8 or case.case.runtime != "wide32"
        if case.case.precision is not Precision.FP16 or case.case.runtime in IN_HALF
        for vlen in (VLENS if case.case.runtime in ON_VECTORS else VLENS[:1])
    )


def with_vlen(target: Target, vlen_bits: int) -> Target:
    """The target's processor with vectors of another length."""
    cpu = f"rv64,v=true,vlen={vlen_bits},elen=64,vext_spec=v1.0,zfh=true,zvfh=true"
    return replace(target, name=f"{target.name}-vlen{vlen_bits}", executor={**target.executor, "cpu": cpu})


def _measure(benchmark: Benchmark, context: StepContext, folder: Path) -> Iterator[KernelRow]:
    preparation = Preparation(planned(benchmark), context)
    cases = tuple(preparation.cases())
    name = benchmark.model.title
    there = folder / name
    schedule = in_this_process(context)
    run_cases(cases, there, schedule, command="bench-kernels", name=name, force=context.force)
    judge = Judge.of(benchmark, preparation.model(benchmark.model, Precision.FP32))
    for case, (_, recorded) in zip(cases, read_run(there).entries, strict=True):
        if isinstance(case, UnpreparedCase) or recorded is None:
            raise HarnessError(f"{case.case.title} on {case.case.target} has no record")
        yield judge.row(case, recorded, _modelled(case, context))


@dataclass(frozen=True, kw_only=True)
class Judge:
    """What the outputs of a model are judged by."""

    reference: npt.NDArray[np.float32]  # the logits of the fp32 model on this machine
    labels: npt.NDArray[np.int64] | None  # None where an accuracy would mean nothing

    @classmethod
    def of(cls, benchmark: Benchmark, fp32: ModelArtifact) -> Judge:
        source = benchmark.model.images()
        assert source is not None, "the benchmarks are of models that bring inputs"
        held_out = source.samples(benchmark.model.request, fp32.spec, Split.HELD_OUT, benchmark.images)
        session = open_session(fp32.path)
        reference = np.concatenate([session.run(None, feeds)[0] for feeds in held_out.feeds()])
        labels = held_out.labels if fp32.spec.accuracy_means_something else None
        return cls(reference=np.asarray(reference, dtype=np.float32), labels=labels)

    def row(self, case: PreparedCase, recorded: Recorded, modelled: Modelled | None) -> KernelRow:
        record, counts = recorded.record, recorded.record.instructions
        if counts is None:
            raise HarnessError(f"{record.title} was not counted")
        logits = np.asarray(next(iter(recorded.outputs.values())), dtype=np.float32)
        return KernelRow(
            model=case.case.model,
            precision=case.case.precision,
            side=LABELS[case.case.runtime],
            release=record.subject.runtime.title,
            vlen_bits=counts.vlen_bits if counts.kernels == "vector" else None,
            counts=counts,
            images=len(logits),
            correct=None if self.labels is None else int((logits.argmax(axis=1) == self.labels).sum()),
            signal_to_noise_db=signal_to_noise_db(self.reference, logits),
            modelled=modelled,
        )


def _modelled(case: PreparedCase, context: StepContext) -> Modelled | None:
    """The hottest blocks in llvm-mca's model of a processor, kept by the case's key; None where it says nothing."""
    llvm = (
        find_llvm()
        if case.case.runtime not in ("scalar", "wide32") and case.target.name.endswith(f"vlen{VLEN_BITS}")
        else None
    )
    if llvm is None:
        return None
    inputs = {"recipe": MODELLED_RECIPE, "case": case.key, "llvm": llvm.analyser}

    def make(folder: Path) -> None:
        write_document(folder / "modelled.json", model_blocks(llvm, _blocks(case, context)))

    with context.progress.step(f"model {case.case.title} with {llvm.analyser}"):
        path = context.store.entry("modelled", inputs, make, force=context.force).path
        return read_document(path / "modelled.json", Modelled)


def _blocks(case: PreparedCase, context: StepContext) -> CountsFile:
    counting = counting_emulator(context.store, context.progress)
    with open_bench(case.bundle, case.target, context, environment=case.environment) as bench:
        return run_counting(bench, case.model, counting, blocks=True).counts
