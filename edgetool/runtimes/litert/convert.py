"""Convert models to TensorFlow Lite, with tools in a virtual environment of their own.

litert-torch converts PyTorch models, onnx2tf those that are an .onnx, and LiteRT's quantizer makes int8 of both.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from edgetool.errors import ModelError, QuantizeError
from edgetool.models.images import ImageSet
from edgetool.models.spec import ModelArtifact, ModelRequest, Precision
from edgetool.platform.context import StepContext
from edgetool.platform.documents import write_document
from edgetool.runtimes.litert.program import IMAGES, MODEL, ORDER, REFUSED, Order
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
    """Convert the PyTorch model, or the ONNX model where there is no other, to `model.tflite` in `folder`.

    `images` calibrate int8. Raises ModelError for other inputs than float32 and for an ONNX model that onnx2tf cannot
    convert, QuantizeError without calibration images or with several inputs, BuildError when a tool fails.
    """
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
        onnx=str(fp32.path.absolute()),
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
        refused = Path(scratch) / REFUSED
        if refused.is_file():
            instead = "deploy it in ONNX Runtime" + (", or give the PyTorch model" if request.is_onnx else "")
            raise ModelError(
                f"{fp32.spec.name}: {refused.read_text()}", hint=f"{instead}; the converter's log is {log}"
            )
        (Path(scratch) / MODEL).rename(folder / MODEL)
    return "LiteRT's static int8, all operators that have it" if precision is Precision.INT8 else None
