"""TensorFlow Lite as a kind of runtime."""

from __future__ import annotations

from edgetool.models.spec import Precision
from edgetool.platform.context import StepContext
from edgetool.platform.progress import Note
from edgetool.runtimes.kind import ModelForm, RuntimeKind
from edgetool.runtimes.litert import prebuilt
from edgetool.runtimes.litert.build import build
from edgetool.runtimes.litert.convert import convert
from edgetool.runtimes.litert.tools import tool_versions
from edgetool.runtimes.spec import Runtime, Toolchain


def provide(toolchain: Toolchain, context: StepContext, *, asked: str, note: Note) -> Runtime:
    """Return Debian's build if it is asked for, otherwise that of LiteRT's wheel, or edgetool's where there is none."""
    if asked != "debian" and toolchain.litert_wheel is None and toolchain.crossbuild is not None:
        return build(toolchain, toolchain.crossbuild, context, note)
    return prebuilt.provide(toolchain, context.store, provider=asked, force=context.force, note=note)


FORM = ModelForm(
    recipe=7,
    files=("model.tflite",),
    precisions=(Precision.FP32, Precision.INT8),
    convert=convert,
    tools=tool_versions,
)
TFLITE = RuntimeKind(name=prebuilt.NAME, provide=provide, form=FORM, selftest=None, profiles=True)
