"""One model in one runtime on an emulated processor, whichever the runtime: what it counts and what it says."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np
import numpy.typing as npt

from edgetool.bench.counts import (
    COUNTED,
    RESULT,
    SLOWDOWN,
    WARMUP,
    CountsFile,
    count_instructions,
    hottest_blocks,
    open_counting,
    read_counts,
)
from edgetool.bench.harness import BUNDLE, HarnessJob, input_paths, run_harness
from edgetool.bench.instructions import InstructionCounts
from edgetool.bundles import Bundle, BundledModel, inputs_by_name
from edgetool.errors import HarnessError
from edgetool.executors.base import Executor, Target
from edgetool.executors.qemu import QemuExecutor
from edgetool.models.ncnn import NcnnModel
from edgetool.models.spec import Precision
from edgetool.platform.files import sha256_file
from edgetool.runtimes.emulator import CountingEmulator
from edgetool.runtimes.ncnn.build import LIBRARIES

Logits = npt.NDArray[np.float32]
FILES = PurePosixPath("ncnn")
WITHOUT_VECTORS = {"EDGETOOL_FORCE_SCALAR": "1"}  # what a runtime with kernels of ours heeds


class Side(Protocol):
    """One way to run one model; the target says on which processor."""

    @property
    def name(self) -> str: ...

    @property
    def release(self) -> str: ...

    @property
    def precision(self) -> Precision: ...

    def inputs(self) -> dict[str, object]:
        """All that decides what it counts and says, beside the processor."""
        ...

    def count(self, counting: CountingEmulator, target: Target) -> InstructionCounts: ...

    def blocks(self, counting: CountingEmulator, target: Target) -> CountsFile:
        """The counts with the blocks that executed most."""
        ...

    def outputs(self, counting: CountingEmulator, target: Target, *, samples: int | None = None) -> Logits:
        """The first output of every held-out image, or of so many of them, (n, classes)."""
        ...


@dataclass(frozen=True, kw_only=True)
class OnnxRuntimeSide:
    """A bundle's model in the bundle's runtime, driven by the harness."""

    name: str
    bundle: Bundle
    model: BundledModel
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def release(self) -> str:
        return self.bundle.manifest.runtime.title

    @property
    def precision(self) -> Precision:
        return self.model.spec.precision

    def inputs(self) -> dict[str, object]:
        return {"bundle": self.bundle.manifest.id, "model": self.model.spec.sha256, "env": dict(self.env)}

    def count(self, counting: CountingEmulator, target: Target) -> InstructionCounts:
        return count_instructions(counting, self.bundle, target, self.model, env=self.env)

    def blocks(self, counting: CountingEmulator, target: Target) -> CountsFile:
        return hottest_blocks(counting, self.bundle, target, self.model, env=self.env)

    def outputs(self, counting: CountingEmulator, target: Target, *, samples: int | None = None) -> Logits:
        job = HarnessJob(
            model=BUNDLE / self.model.path,
            inputs=input_paths(inputs_by_name(self.bundle)),
            threads=1,
            timeout_s=target.benchmark.timeout_s,
            outputs=True,
            samples=samples,
            env=self.env,
        )
        with open_plain(target, counting) as executor:
            executor.put(self.bundle.root, BUNDLE)
            outcome = run_harness(executor, self.bundle, job, name=f"{self.name} {self.precision}")
        return np.asarray(next(iter(outcome.outputs.values())), dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class NcnnSide:
    """The same model in ncnn, with the inputs, the loader and the libc of `bundle`."""

    name: str
    release: str
    precision: Precision
    driver: Path
    model: NcnnModel
    bundle: Bundle

    def inputs(self) -> dict[str, object]:
        files = [sha256_file(path) for path in (self.driver, self.model.param, self.model.bin)]
        return {"bundle": self.bundle.manifest.id, "files": files}

    def count(self, counting: CountingEmulator, target: Target) -> InstructionCounts:
        counts = self._counted(counting, target, repetitions=1 + WARMUP + COUNTED, blocks=False)  # as the harness's
        return InstructionCounts(
            emulator=open_plain(target, counting).emulator or counting.program.name,
            vlen_bits=counts.vlen_bits,
            inferences=counts.inferences[-COUNTED:],
        )

    def blocks(self, counting: CountingEmulator, target: Target) -> CountsFile:
        return self._counted(counting, target, repetitions=2, blocks=True)

    def _counted(self, counting: CountingEmulator, target: Target, *, repetitions: int, blocks: bool) -> CountsFile:
        executor = open_counting(target, counting, blocks=blocks)
        with executor, tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
            self._run(executor, target, samples=1, repetitions=repetitions)
            executor.get(RESULT, Path(scratch) / RESULT.name)
            return read_counts(Path(scratch) / RESULT.name, f"{self.name} {self.precision}")

    def outputs(self, counting: CountingEmulator, target: Target, *, samples: int | None = None) -> Logits:
        samples = min(samples or sys.maxsize, self.bundle.manifest.inputs[0].samples)
        with open_plain(target, counting) as executor, tempfile.TemporaryDirectory(prefix="edgetool-") as scratch:
            self._run(executor, target, samples=samples, repetitions=1)
            executor.get(FILES / "output.bin", Path(scratch) / "output.bin")
            logits = np.fromfile(Path(scratch) / "output.bin", dtype="<f4")
        if logits.size == 0 or logits.size % samples:
            raise HarnessError(f"{self.name} {self.precision}: {logits.size} outputs for {samples} images")
        return logits.reshape(samples, -1).astype(np.float32)

    def _run(self, executor: Executor, target: Target, *, samples: int, repetitions: int) -> None:
        manifest = self.bundle.manifest
        executor.put(self.bundle.root / "lib", PurePosixPath(LIBRARIES))
        executor.put(self.bundle.root / manifest.inputs[0].path, FILES / "input.bin")
        for path in (self.driver, self.model.param, self.model.bin):
            executor.put(path, FILES / path.name)
        files = [FILES / path.name for path in (self.model.param, self.model.bin)] + [FILES / "input.bin"]
        sides = manifest.inputs[0].tensor.shape[1:]
        numbers = [str(number) for number in (*sides, samples, repetitions)]
        executor.run(
            [FILES / self.driver.name, *files, *numbers, FILES / "output.bin"],
            timeout_s=target.benchmark.timeout_s * SLOWDOWN,
        ).check()


def onnx_runtime_sides(name: str, bundle: Bundle, env: Mapping[str, str] | None = None) -> tuple[OnnxRuntimeSide, ...]:
    """Every model of a bundle."""
    return tuple(
        OnnxRuntimeSide(name=name, bundle=bundle, model=model, env=env or {}) for model in bundle.manifest.models
    )


def open_plain(target: Target, counting: CountingEmulator) -> Executor:
    """The emulator that counts, not counting: its vectors take a fraction of the time of an older one's."""
    return QemuExecutor.open_with(target, str(counting.program))


def with_vlen(target: Target, vlen_bits: int) -> Target:
    """The target's processor with vectors of another length."""
    cpu = f"rv64,v=true,vlen={vlen_bits},elen=64,vext_spec=v1.0"
    return replace(target, name=f"{target.name}, VLEN {vlen_bits}", executor={**target.executor, "cpu": cpu})
