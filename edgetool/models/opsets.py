"""Know the opsets and IR versions of ONNX Runtime's releases, and convert models to them."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import version_converter

from edgetool.errors import ModelError
from edgetool.models.onnxfile import opset_of

# ONNX Runtime's release → the newest opset and IR version it runs:
# https://onnxruntime.ai/docs/reference/compatibility.html
NEWEST_OPSET = {11: 16, 12: 17, 13: 17, 14: 18, 15: 19, 16: 19, 17: 20, 18: 21, 19: 21, 20: 21, 21: 22, 22: 23, 23: 23}
NEWEST_IR = {11: 8, 12: 8, 13: 8, 14: 8, 15: 8, 16: 9, 17: 9, 18: 10, 19: 10, 20: 10, 21: 10, 22: 11, 23: 11}
SHIPPED = 21  # the release that edgetool builds for riscv64: the oldest in use
DEFAULT_OPSET = 20  # what PyTorch's exporter writes without conversion
OLDEST_OPSET = 11  # older ones are converted
QUANTIZABLE_OPSET = 13  # the first whose QuantizeLinear has scales per channel


def newest_opset(runtime_version: str) -> int:
    """Return the newest opset that a release of ONNX Runtime supports.

    >>> newest_opset("1.21.0")
    22
    """
    return NEWEST_OPSET[_release(runtime_version, NEWEST_OPSET)]


def newest_ir(runtime_version: str) -> int:
    """
    >>> newest_ir("1.21.0")
    10
    """
    return NEWEST_IR[_release(runtime_version, NEWEST_IR)]


def opset_for(runtime_versions: tuple[str, ...]) -> int:
    """Return the opset to export for: the exporter's own, or the oldest runtime's newest when that is lower.

    >>> opset_for(("1.31.1", "1.14.0"))
    18
    """
    return min([DEFAULT_OPSET, *map(newest_opset, runtime_versions)])


def _release(version: str, table: dict[int, int]) -> int:
    minor = int(version.split(".")[1])
    return max(min(minor, max(table)), min(table))


def bring_to(model: onnx.ModelProto, path: Path, *, oldest: int, newest: int) -> onnx.ModelProto:
    """Convert the model to an opset between `oldest` and `newest`, unless it has one already.

    Error messages call the model `path`. Raises ModelError when onnx has no conversion.
    """
    opset = opset_of(model)
    wanted = min(max(opset, oldest), newest)
    if opset == wanted:
        return model
    try:
        return version_converter.convert_version(model, wanted)
    except Exception as error:  # the converter raises RuntimeError, ConvertError or what its C++ throws
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"{path} is of opset {opset}, and onnx cannot convert it to opset {wanted}: {reason}",
            hint=f"export it with opset {wanted}",
        ) from error


def lower_ir(model: onnx.ModelProto, newest: int) -> onnx.ModelProto:
    """Lower the model's IR version to a supported one. No version since 8 changed the meaning of our graphs."""
    model.ir_version = min(model.ir_version, newest)
    return model
