"""Every side on every model at every vector length: instructions counted, outputs judged, in one run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.kernels.mca import VLEN_BITS, find_llvm, model_blocks
from benchmarks.kernels.rows import NCNN, OURS, SCALAR, STOCK, Findings, KernelRow, Modelled
from edgetool import __version__
from edgetool.baselines import Subject, ncnn_sides
from edgetool.bench.instructions import InstructionCounts
from edgetool.bench.sides import WITHOUT_VECTORS, Logits, Side, onnx_runtime_sides, with_vlen
from edgetool.errors import ConfigError
from edgetool.executors.base import EvaluationSpec
from edgetool.executors.registry import load_target
from edgetool.models.evaluate import open_session, run_session, signal_to_noise_db
from edgetool.models.images import ImageSet, Split
from edgetool.models.quantize import Quantization
from edgetool.models.spec import ModelArtifact, ModelRequest
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.files import sha256_file
from edgetool.platform.format import count_text
from edgetool.runtimes.emulator import CountingEmulator, counting_emulator
from edgetool.steps import ImageSource, Workshop, export, package, provision, quantize

TARGET = "qemu-riscv64"
OPSET = 20
ROW_RECIPE = 1  # raised when the way a row is measured changes


@dataclass(frozen=True, kw_only=True)
class Case:
    """A model, the vector lengths it is run at, how many images it is judged by, and whether ncnn runs it too."""

    request: ModelRequest
    vlens: tuple[int, ...]
    images: int
    ncnn: bool


CASES = (
    Case(request=ModelRequest(), vlens=(256, 128), images=10, ncnn=True),
    Case(request=ModelRequest(source="resnet18", weights="random"), vlens=(256,), images=4, ncnn=False),
)


def choose_cases(names: Sequence[str]) -> tuple[Case, ...]:
    """Those of these models; all when none is named. Raises ConfigError."""
    known = {case.request.name: case for case in CASES}
    if unknown := [name for name in names if name not in known]:
        raise ConfigError(f"no case {', '.join(unknown)}", hint=f"known cases: {', '.join(known)}")
    return tuple(known[name] for name in names) or CASES


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A case with all that its sides are made from."""

    case: Case
    source: ImageSource
    models: tuple[ModelArtifact, ...]  # fp32, int8
    held_out: ImageSet
    reference: Logits  # of the fp32 model on this machine


def measure_all(workshop: Workshop, cases: Sequence[Case]) -> Findings:
    """Raises ConfigError where no runtime was built yet or something is not installed."""
    created_at = datetime.now(UTC)
    counting = counting_emulator(workshop.store, workshop.progress)
    rows = [row for case in cases for row in _measure(prepare(case, workshop), counting, workshop)]
    return Findings(
        schema=Findings.SCHEMA,
        created_at=created_at,
        edgetool=__version__,
        emulator=rows[0].counts.emulator.partition(",")[0],
        rows=tuple(rows),
    )


def prepare(case: Case, workshop: Workshop) -> Prepared:
    source = ImageSource.choose(case.request, None, None)
    assert source is not None, "the cases are models that bring images"
    fp32 = export(case.request, source, workshop, opset=OPSET)
    int8 = quantize(fp32, case.request, source, workshop, quantization=Quantization.STATIC)
    shape = fp32.spec.inputs[0].shape
    held_out = source.read(case.request, shape, Split.HELD_OUT, case.images)
    reference = run_session(open_session(fp32.path), held_out.inputs)[0]
    return Prepared(
        case=case,
        source=source,
        models=(fp32, int8),
        held_out=held_out,
        reference=np.asarray(reference, dtype=np.float32),
    )


def sides_of(prepared: Prepared, workshop: Workshop) -> tuple[Side, ...]:
    ours, stock = (_subject(prepared, runtime, workshop) for runtime in ("crossbuild", "debian"))
    return (
        *onnx_runtime_sides(STOCK, stock.bundle),
        *onnx_runtime_sides(SCALAR, ours.bundle, WITHOUT_VECTORS),
        *onnx_runtime_sides(OURS, ours.bundle),
        *(ncnn_sides(NCNN, stock, workshop) if prepared.case.ncnn else ()),
    )


def _subject(prepared: Prepared, runtime: str, workshop: Workshop) -> Subject:
    case, source = prepared.case, prepared.source
    target = replace(load_target(TARGET), runtime=runtime, evaluation=EvaluationSpec(images=case.images))
    place = provision(target, workshop)
    bundle = package(prepared.models, place, case.request, source, workshop)
    return Subject(models=prepared.models, place=place, bundle=bundle, request=case.request, source=source)


def _measure(prepared: Prepared, counting: CountingEmulator, workshop: Workshop) -> Iterator[KernelRow]:
    for side in sides_of(prepared, workshop):
        for vlen in prepared.case.vlens:
            row = _row(prepared, side, vlen, counting, workshop)
            yield row
            if row.vlen_bits is None:
                break  # the other lengths would repeat it


def _row(prepared: Prepared, side: Side, vlen: int, counting: CountingEmulator, workshop: Workshop) -> KernelRow:
    """Kept: the same instructions are executed each time, so that what has not changed need not be run again."""
    llvm = find_llvm() if side.name != SCALAR and vlen == VLEN_BITS else None
    inputs = {
        "recipe": ROW_RECIPE,
        "side": [side.name, side.release, side.inputs()],
        "reference": prepared.models[0].spec.sha256,
        "images": [prepared.source.digests(), len(prepared.held_out)],
        "vlen": vlen,
        "emulator": [sha256_file(counting.program), sha256_file(counting.plugin)],
        "llvm": None if llvm is None else llvm.analyser,
    }
    title = f"{prepared.case.request.name} {side.precision}, {side.name}, VLEN {vlen}"
    with workshop.progress.step(title) as step:
        target = with_vlen(load_target(TARGET), vlen)

        def make(folder: Path) -> None:
            counts = side.count(counting, target)
            step.note(f"weighted {count_text(counts.weighted)}")
            logits = side.outputs(counting, target)
            modelled = None if llvm is None else model_blocks(llvm, side.blocks(counting, target))
            write_document(folder / "row.json", _judge(prepared, side, vlen, counts, logits, modelled))

        path = workshop.store.entry("kernels", inputs, make, force=workshop.force).path
        row = read_document(path / "row.json", KernelRow)
        step.note(f"weighted {count_text(row.counts.weighted)}, {row.signal_to_noise_db:.1f} dB")
    return row


def _judge(
    prepared: Prepared, side: Side, vlen: int, counts: InstructionCounts, logits: Logits, modelled: Modelled | None
) -> KernelRow:
    accurate = prepared.models[0].spec.accuracy_means_something
    return KernelRow(
        model=prepared.case.request.name,
        precision=side.precision,
        side=side.name,
        release=side.release,
        vlen_bits=vlen if counts.kernels == "vector" else None,
        counts=counts,
        images=len(prepared.held_out),
        correct=_correct(logits, prepared.held_out.labels) if accurate else None,
        signal_to_noise_db=signal_to_noise_db(prepared.reference, logits),
        modelled=modelled,
    )


def _correct(logits: Logits, labels: npt.NDArray[np.int64] | None) -> int | None:
    return None if labels is None else int((logits.argmax(axis=1) == labels).sum())
