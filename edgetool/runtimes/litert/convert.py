"""Convert PyTorch models to TensorFlow Lite with LiteRT's tools, in a virtual environment of their own."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from edgetool.errors import ConfigError, ModelError, QuantizeError
from edgetool.models.images import ImageSet
from edgetool.models.spec import ModelArtifact, ModelRequest, Precision
from edgetool.platform.context import StepContext
from edgetool.platform.documents import write_document
from edgetool.runtimes.litert.program import IMAGES, MODEL, ORDER, Order
from edgetool.runtimes.litert.tools import run_python


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
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        write_document(Path(scratch) / ORDER, order)
        if images is not None:
            np.save(Path(scratch) / IMAGES, images.inputs)
        run_python(["-m", "edgetool.runtimes.litert.program", scratch], context, log=log)
        (Path(scratch) / MODEL).rename(folder / MODEL)
    return "LiteRT's static int8, all operators that have it" if precision is Precision.INT8 else None
