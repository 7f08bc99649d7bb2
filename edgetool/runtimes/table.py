"""The table of runtimes: one line for each folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgetool.runtimes.kind import RuntimeKind
from edgetool.runtimes.litert.kind import TFLITE
from edgetool.runtimes.ncnn.kind import NCNN
from edgetool.runtimes.onnxruntime.kind import ONNXRUNTIME

KINDS: Mapping[str, RuntimeKind] = {kind.name: kind for kind in (ONNXRUNTIME, TFLITE, NCNN)}


def kind_of_model(path: Path) -> RuntimeKind:
    """Return the kind of runtime that runs a model's file, told by its suffix: ONNX Runtime unless it is another's."""
    forms = {Path(kind.form.files[0]).suffix: kind for kind in KINDS.values() if kind.form is not None}
    return forms.get(path.suffix, ONNXRUNTIME)
