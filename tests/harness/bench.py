"""A folder to start the harness in, and what it writes there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.harness.result import HarnessResult
from edgetool.platform.documents import read_document
from edgetool.platform.process import Completed, run_process
from tests.support.models import save_model, tiny_graph, tiny_inputs

SAMPLES = 3
# The runtime keeps what it made until the process ends.
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=1", "LSAN_OPTIONS": "suppressions=suppressions"}


class Bench:
    """A folder with the tiny model and its input, and a harness to start in it."""

    def __init__(self, folder: Path, harness: Path, library: Path) -> None:
        self.folder = folder
        self.harness = harness
        self.library = library
        save_model(folder / "model.onnx", tiny_graph())
        tiny_inputs(SAMPLES).tofile(folder / "input.bin")
        (folder / "outputs").mkdir()
        (folder / "suppressions").write_text("leak:libonnxruntime\n")

    def run(self, *words: object, **options: object) -> Completed:
        """Start it; `options` replace --runtime, --model and --result, None leaves one out."""
        whole = {"runtime": self.library, "model": "model.onnx", "result": "result.json", **options}
        named = [word for name, value in whole.items() if value is not None for word in (f"--{name}", value)]
        argv = [str(word) for word in (self.harness, *named, *words)]
        return run_process(argv, cwd=self.folder, env=ENVIRONMENT, timeout_s=120)

    def result(self, *words: object, **options: object) -> HarnessResult:
        """Of a start that must end well."""
        done = self.run(*words, **options)
        assert done.exit_code == 0, done.stderr.decode()
        return self.written()

    def failure(self, *words: object, **options: object) -> tuple[str, str]:
        """Stage and message of a start that must fail, and that carries no time."""
        done = self.run(*words, **options)
        assert done.exit_code == 1, done.stderr.decode()
        written = self.written()
        assert written.run is None
        assert written.failure is not None
        return written.failure.stage, written.failure.message

    def written(self) -> HarnessResult:
        return read_document(self.folder / "result.json", HarnessResult)

    def output(self, index: int, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> npt.NDArray[Any]:
        return np.fromfile(self.folder / "outputs" / f"{index}.bin", dtype=dtype).reshape(shape)


INPUT = ("--input", "input=input.bin")
