"""ncnn beside a deployment: its driver takes the place of the harness on the same bench, and gives the same record."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from edgetool.bundles import BundledModel
from edgetool.errors import HarnessError, QuantizeError
from edgetool.executors.base import Executor
from edgetool.harness.bench import Bench
from edgetool.harness.counts import COUNTED, SLOWDOWN, WARMUP, CountsFile, fetch_counts, modelled_caches, open_counting
from edgetool.harness.harness import OUTPUT_LIMIT_BYTES
from edgetool.measurements.instructions import InstructionCounts
from edgetool.models.images import Split
from edgetool.models.ncnn import NcnnModel, convert, quantize, tool_versions
from edgetool.models.spec import ModelArtifact, ModelRequest, Precision
from edgetool.pipeline.images import ImageSource
from edgetool.pipeline.steps import CALIBRATION_IMAGES, Kit
from edgetool.platform.context import StepContext
from edgetool.records.measure import Taken, make_record
from edgetool.records.record import Recorded, RuntimeIdentity
from edgetool.runtimes.emulator import CountingEmulator, counting_emulator
from edgetool.runtimes.ncnn.build import LIBRARIES, build_driver, ncnn_source
from edgetool.targets.registry import open_executor

FILES = PurePosixPath("ncnn")
NCNN_RECIPE = 1  # raised when the way a model gets into ncnn's form changes

check_tools = tool_versions


@dataclass(frozen=True, kw_only=True)
class NcnnProgram:
    """The driver for a target with a model in ncnn's form."""

    driver: Path
    model: NcnnModel

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.driver, self.model.param, self.model.bin)


def make_program(
    fp32: ModelArtifact,
    precision: Precision,
    request: ModelRequest,
    source: ImageSource | None,
    kit: Kit,
    context: StepContext,
) -> NcnnProgram:
    """From the same weights, calibrated with the same images as ONNX Runtime's.

    Raises ConfigError without ncnn's tools, QuantizeError for a model that does not fit, BuildError when a tool fails.
    """
    shapes = [tensor.shape for tensor in fp32.spec.inputs]
    if source is None or len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][0] != 1:
        raise QuantizeError(f"{fp32.spec.name}: ncnn is compared on models of one image, with images to calibrate by")
    models = ncnn_models(fp32, request, source, context)
    if precision not in models:
        raise QuantizeError(f"ncnn has no {precision} form of the model")
    return NcnnProgram(driver=build_driver(kit.toolchain, context.store, context.progress), model=models[precision])


def ncnn_models(
    fp32: ModelArtifact, request: ModelRequest, source: ImageSource, context: StepContext
) -> dict[Precision, NcnnModel]:
    """The model in ncnn's form. Raises as make_program."""
    shape = fp32.spec.inputs[0].shape
    inputs = {
        "recipe": NCNN_RECIPE,
        "model": fp32.spec.sha256,
        "images": source.digests(),
        "packages": tool_versions(),
    }

    def make(folder: Path) -> None:
        images = source.read(request, shape, Split.CALIBRATION, CALIBRATION_IMAGES)
        model = convert(fp32.path, shape, folder, log=context.store.root / "logs" / "pnnx.log")
        quantize(model, images.inputs, folder)

    with context.progress.step(f"{fp32.spec.name} for ncnn"):
        folder = context.store.entry("ncnn-model", inputs, make, force=context.force).path
    return {
        Precision.FP32: NcnnModel(param=folder / "model.ncnn.param", bin=folder / "model.ncnn.bin"),
        Precision.INT8: NcnnModel(param=folder / "model.int8.param", bin=folder / "model.int8.bin"),
    }


def measure_ncnn(bench: Bench, model: BundledModel, program: NcnnProgram) -> Recorded:
    """Instructions, and the outputs of as many held-out images as the target is to classify.

    Raises HarnessError, and ConfigError for a target whose instructions can't be counted.
    """
    counting = counting_emulator(bench.context.store, bench.context.progress)
    with bench.context.progress.step(f"count instructions, {model.spec.precision} in ncnn on {bench.target.name}"):
        counts = count(bench, program, counting, repetitions=1 + WARMUP + COUNTED)  # as the harness's
        samples = min(bench.images or sys.maxsize, bench.bundle.manifest.inputs[0].samples)
        outputs = {model.spec.outputs[0].name: logits(bench, program, samples=samples)}
    instructions = InstructionCounts(
        emulator=bench.executor.emulator or counting.program.name,
        vlen_bits=counts.vlen_bits,
        inferences=counts.inferences[-COUNTED:],
    )
    release = ncnn_source().version
    identity = RuntimeIdentity(name="ncnn", kind="ncnn", title=f"ncnn {release}", key=None)
    loaded = bench.run(model)  # what the harness sees of the place
    taken = Taken(
        outcome=loaded, runtime=identity, loaded=None, outputs=outputs, measured={"instructions": instructions}
    )
    return make_record(bench, model, taken)


def count(
    bench: Bench, program: NcnnProgram, counting: CountingEmulator, *, repetitions: int, blocks: bool = False
) -> CountsFile:
    caches = () if blocks else modelled_caches(bench.target)
    executor = open_counting(bench.target, counting, blocks=blocks, caches=caches)
    with executor:
        _run(executor, bench, program, samples=1, repetitions=repetitions)
        return fetch_counts(executor, "ncnn")


def logits(bench: Bench, program: NcnnProgram, *, samples: int) -> npt.NDArray[np.generic]:
    """(samples, classes)."""
    with open_executor(bench.target) as executor, tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
        _run(executor, bench, program, samples=samples, repetitions=1)
        executor.get(FILES / "output.bin", Path(scratch) / "output.bin", limit_bytes=OUTPUT_LIMIT_BYTES)
        found = np.fromfile(Path(scratch) / "output.bin", dtype="<f4")
    if found.size == 0 or found.size % samples:
        raise HarnessError(f"ncnn: {found.size} outputs for {samples} images")
    return found.reshape(samples, -1).astype(np.float32)


def _run(executor: Executor, bench: Bench, program: NcnnProgram, *, samples: int, repetitions: int) -> None:
    bundle = bench.bundle
    executor.put(bundle.root / "lib", PurePosixPath(LIBRARIES))
    executor.put(bundle.root / bundle.manifest.inputs[0].path, FILES / "input.bin")
    for path in program.files:
        executor.put(path, FILES / path.name)
    files = [FILES / path.name for path in (program.model.param, program.model.bin)] + [FILES / "input.bin"]
    sides = bundle.manifest.inputs[0].tensor.shape[1:]
    numbers = [str(number) for number in (*sides, samples, repetitions)]
    executor.run(
        [FILES / program.driver.name, *files, *numbers, FILES / "output.bin"],
        timeout_s=bench.target.benchmark.timeout_s * SLOWDOWN,
    ).check()
