"""PyTorch → ONNX, checked against PyTorch on real input; or an existing ONNX file, checked and passed through."""

from __future__ import annotations

import contextlib
import io
import logging
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgetool.errors import ExportError
from edgetool.models.evaluate import open_session, run_session
from edgetool.models.images import Float32Array, ImageSet
from edgetool.models.onnxfile import describe, fix_input_shape, load_model
from edgetool.models.spec import ModelArtifact, ModelRequest, Precision
from edgetool.models.zoo import build_model, import_torch
from edgetool.platform.documents import write_document

if TYPE_CHECKING:
    import torch

# Largest difference from PyTorch, as a share of the largest output: fp32 sums in another order differ by less.
TOLERANCE = 1e-4
DEFAULT_INPUT_SHAPE = (1, 3, 224, 224)


def export_model(
    request: ModelRequest,
    folder: Path,
    *,
    opset: int,
    calibration: ImageSet | None = None,
    weights_cache: Path | None = None,
    mirror: str | None = None,
) -> tuple[ModelArtifact, float | None]:
    """Write `model.onnx` and `model.json` to `folder`.

    Returns the artifact and its largest relative difference from PyTorch (None for a file passed through).
    Raises ConfigError, ModelError or ExportError.
    """
    path = folder / "model.onnx"
    difference = None
    if request.is_onnx:
        _pass_through(request, path)
    else:
        torch = import_torch()
        model = build_model(request, calibration=calibration, weights_cache=weights_cache or folder, mirror=mirror)
        shape = request.input_shape or DEFAULT_INPUT_SHAPE
        inputs = _example(shape, calibration)
        _export(model, torch.from_numpy(inputs), path, opset)
        difference = _difference_from_pytorch(model, path, inputs)
        if difference > TOLERANCE:
            raise ExportError(
                f"{request.name}: ONNX differs from PyTorch by {difference:.1e} of the largest output",
                hint=f"at most {TOLERANCE} is accepted; look for a layer that behaves differently in training",
            )
    spec = describe(
        path,
        name=request.name,
        precision=Precision.FP32,
        weights=request.origin,
        accuracy_means_something=request.origin != "random",
    )
    write_document(folder / "model.json", spec)
    return ModelArtifact(path=path, spec=spec), difference


def _pass_through(request: ModelRequest, path: Path) -> None:
    source = Path(request.source)
    model = load_model(source)
    if request.input_shape is None:
        shutil.copyfile(source, path)
    else:
        import onnx

        onnx.save(fix_input_shape(model, source, request.input_shape), path)


def _example(shape: tuple[int, ...], calibration: ImageSet | None) -> Float32Array:
    """A batch of real input where there is one of this shape, else seeded noise."""
    if calibration is not None and calibration.inputs.shape[1:] == shape[1:] and len(calibration) >= shape[0]:
        return calibration.inputs[: shape[0]]
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def _export(model: torch.nn.Module, inputs: torch.Tensor, path: Path, opset: int) -> None:
    import torch

    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # about the exporter's own insides
            program = torch.onnx.export(
                model,
                (inputs,),
                dynamo=True,
                verbose=False,
                opset_version=opset,
                input_names=["input"],
                output_names=["logits"],
            )
            assert program is not None
            program.save(path, external_data=False)
    except (RuntimeError, TypeError, ValueError, torch.onnx.errors.OnnxExporterError) as error:
        raise ExportError(
            f"PyTorch cannot export this model for opset {opset}: {str(error).strip().splitlines()[0]}",
            hint="does model(input) run with the input shape given?",
        ) from error
    finally:
        logger.setLevel(level)


def _difference_from_pytorch(model: torch.nn.Module, path: Path, inputs: Float32Array) -> float:
    """Largest difference over the outputs ÷ largest output."""
    import torch

    with torch.inference_mode():
        reference = model(torch.from_numpy(inputs)).numpy()
    found = run_session(open_session(path), inputs)[0]
    return float(np.abs(found - reference).max() / max(np.abs(reference).max(), np.finfo(np.float32).tiny))
