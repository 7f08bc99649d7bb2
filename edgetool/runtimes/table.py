"""The table of runtimes: one line for each folder."""

from __future__ import annotations

from collections.abc import Mapping

from edgetool.runtimes.kind import RuntimeKind
from edgetool.runtimes.litert.kind import TFLITE
from edgetool.runtimes.ncnn.kind import NCNN
from edgetool.runtimes.onnxruntime.kind import ONNXRUNTIME

KINDS: Mapping[str, RuntimeKind] = {kind.name: kind for kind in (ONNXRUNTIME, TFLITE, NCNN)}
