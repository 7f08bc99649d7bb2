"""Run small models in the cross-built runtime, under the emulator.

A build takes half an hour, so these tests take the newest one that `edgetool runtime build` left in the cache.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
import onnx
import pytest

from edgetool.bundles import Bundle, build_bundle
from edgetool.models import onnxfile
from edgetool.models.spec import ModelArtifact, Precision
from edgetool.pipeline.steps import provision
from edgetool.platform.context import StepContext
from edgetool.platform.process import run_process
from edgetool.platform.progress import Silent
from edgetool.platform.store import Store, cache_root
from edgetool.runtimes.cache import newest_crossbuilt
from edgetool.runtimes.toolchains import load_toolchain
from edgetool.targets.registry import load_target
from tests.kernels.processors import emulator, with_vectors

Array = npt.NDArray[np.float32]

TRIPLE = "riscv64-linux-gnu"
PORTABLE = {"EDGETOOL_FORCE_SCALAR": "1", "EDGETOOL_VARIANT": "portable"}


@dataclass(frozen=True, kw_only=True)
class Runner:
    """Runs models that `build` makes by name."""

    bundle: Bundle
    folder: Path
    build: Callable[[str], onnx.ModelProto]

    def run(
        self,
        name: str,
        *,
        vlen: int,
        threads: int = 1,
        scalar: bool = False,
        variant: str = "",
        processor: Sequence[str | Path] = (),
    ) -> Array:
        """The outputs for a seeded input. The optimized model stays in the folder."""
        graph, model = self.build(name), self.folder / f"{name}.onnx"
        onnx.save(graph, model)
        shape = [dimension.dim_value for dimension in graph.graph.input[0].type.tensor_type.shape.dim]
        np.random.default_rng(6).standard_normal(shape).astype(np.float32).tofile(self.folder / "x.bin")
        outputs = self.folder / "outputs"
        shutil.rmtree(outputs, ignore_errors=True)
        outputs.mkdir()
        options: dict[str, str | Path] = {
            "--runtime": self.bundle.root / self.bundle.manifest.runtime.library,
            "--model": model,
            "--input": f"x={self.folder / 'x.bin'}",
            "--outputs": outputs,
            "--optimized-model": self.folder / f"{name}.optimized.onnx",
            "--result": self.folder / "result.json",
            "--threads": str(threads),
        }
        done = run_process(
            [
                *(processor or (emulator(), "-cpu", with_vectors(vlen))),
                *self.bundle.command(PurePosixPath(self.bundle.root)),
                *(word for option in options.items() for word in option),
            ],
            env={**os.environ, **(PORTABLE if scalar else {"EDGETOOL_VARIANT": variant})},
            timeout_s=600,
        )
        assert done.exit_code == 0, (done.stdout + done.stderr).decode(errors="replace")
        return np.fromfile(outputs / "0.bin", np.float32)


def make_runner(build: Callable[[str], onnx.ModelProto], name: str, folder: Path) -> Runner:
    """Make a runner whose bundle is described by the model `name`. Skips the test when no runtime was built."""
    store = Store(cache_root())
    if newest_crossbuilt(store, load_toolchain(TRIPLE)) is None:
        pytest.skip(f"no cross-built runtime in the cache: `edgetool runtime build --triple {TRIPLE}` makes one")
    target = replace(load_target("qemu-riscv64"), runtime="crossbuild")
    place = provision(target, StepContext(store=store, progress=Silent()))
    model = folder / "model.onnx"
    onnx.save(build(name), model)
    spec = onnxfile.describe(
        model, name=name, precision=Precision.FP32, weights="random", accuracy_means_something=False
    )
    bundle = build_bundle(
        folder / "bundle",
        models=[ModelArtifact(path=model, spec=spec)],
        runtime=place.runtime,
        harness=place.harness,
        toolchain=place.toolchain,
        images=None,
    )
    return Runner(bundle=bundle, folder=folder, build=build)
