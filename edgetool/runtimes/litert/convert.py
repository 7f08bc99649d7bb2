"""Convert PyTorch models to TensorFlow Lite with LiteRT's tools, in a virtual environment of their own.

The tools are large and need other package versions than edgetool. The environment is created on the first conversion
and falls back to edgetool's own packages, so PyTorch isn't installed twice.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from filelock import FileLock

import edgetool
from edgetool.errors import ConfigError, ModelError, QuantizeError
from edgetool.models.images import ImageSet
from edgetool.models.spec import ModelArtifact, ModelRequest, Precision
from edgetool.platform.context import StepContext
from edgetool.platform.documents import write_document
from edgetool.platform.files import staged
from edgetool.platform.process import run_tool
from edgetool.platform.python import PYTHON
from edgetool.platform.store import Store, key_of
from edgetool.runtimes.litert.program import IMAGES, MODEL, ORDER, Order

TOOLS = {"litert-torch": "0.10.0"}
COST = "about 30 packages of PyPI, 1 GB on disk, 1 to 4 minutes"
TIMEOUT_S = 3600


def tool_versions() -> Mapping[str, str]:
    return TOOLS


def tools(context: StepContext) -> Path:
    """Return the Python of the environment with LiteRT's tools, creating it on first use.

    Raises BuildError with pip's log.
    """
    store = context.store
    above = [path for path in sys.path if Path(path).is_dir() and path.endswith("site-packages")]
    above.append(str(Path(edgetool.__file__).parents[1]))
    folder = store.root / "litert-tools" / key_of({"tools": TOOLS, "python": sys.version, "above": above})
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not folder.is_dir():
            with context.progress.step(f"LiteRT's tools: {COST}"), staged(folder) as beside:
                _make(beside, above, store)
    return folder / "bin" / "python"


def _make(folder: Path, above: list[str], store: Store) -> None:
    log = store.root / "logs" / "litert-tools.log"
    run_tool([*PYTHON, "-m", "venv", "--without-pip", folder], log=log, timeout_s=300)
    packages = next(path for path in sorted(folder.glob("lib/python*/site-packages")))
    (packages / "above.pth").write_text("\n".join(above) + "\n")
    wanted = [f"{name}=={version}" for name, version in TOOLS.items()]
    run_tool([folder / "bin" / "python", "-m", "pip", "install", "--quiet", *wanted], log=log, timeout_s=TIMEOUT_S)


def convert(
    fp32: ModelArtifact,
    request: ModelRequest,
    precision: Precision,
    images: ImageSet | None,
    folder: Path,
    context: StepContext,
    *,
    log: Path,
) -> str | None:
    """Convert the PyTorch model to `model.tflite` in `folder`. `images` calibrate int8.

    Raises ConfigError for a model that isn't from PyTorch, ModelError for other inputs than float32, QuantizeError
    without calibration images or with several inputs, BuildError when a tool fails.
    """
    if request.is_onnx:
        raise ConfigError(
            f"{fp32.spec.name}: LiteRT's converter takes PyTorch models, not .onnx",
            hint="give the model by its name in torchvision or as package.module:factory",
        )
    inputs = fp32.spec.inputs
    for tensor in inputs:
        if tensor.dtype != "float32":
            raise ModelError(
                f"{fp32.spec.name}: TensorFlow Lite models take float32 inputs, {tensor.name} is {tensor.dtype}",
                hint="deploy it in ONNX Runtime, or embed its integers outside of the model",
            )
    if precision is Precision.INT8 and len(inputs) != 1:
        raise QuantizeError(
            f"int8 in TensorFlow Lite is calibrated with one input, {fp32.spec.name} has {len(inputs)}",
            hint="deploy it with --precision fp32",
        )
    if precision is Precision.INT8 and (images is None or len(images) == 0):
        raise QuantizeError("int8 in TensorFlow Lite needs calibration images", hint="give --calibration DIR")
    order = Order(
        request=request,
        precision=precision,
        inputs=inputs,
        outputs=fp32.spec.outputs,
        weights_cache=str(context.store.root / "weights"),
    )
    python = tools(context)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        write_document(Path(scratch) / ORDER, order)
        if images is not None:
            np.save(Path(scratch) / IMAGES, images.inputs)
        run_tool([python, "-P", "-m", "edgetool.runtimes.litert.program", scratch], log=log, timeout_s=TIMEOUT_S)
        (Path(scratch) / MODEL).rename(folder / MODEL)
    return "LiteRT's static int8, all operators that have it" if precision is Precision.INT8 else None
