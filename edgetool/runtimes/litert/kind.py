"""TensorFlow Lite as a kind of runtime."""

from __future__ import annotations

from edgetool.errors import ConfigError
from edgetool.models.spec import Precision
from edgetool.platform.context import StepContext
from edgetool.platform.progress import Note
from edgetool.runtimes.cache import newest_crossbuilt
from edgetool.runtimes.kind import ModelForm, RuntimeKind
from edgetool.runtimes.litert import prebuilt
from edgetool.runtimes.litert.build import COST, build
from edgetool.runtimes.litert.convert import convert
from edgetool.runtimes.litert.tools import tool_versions
from edgetool.runtimes.spec import Runtime, Toolchain


def provide(toolchain: Toolchain, context: StepContext, *, asked: str, note: Note) -> Runtime:
    """Return the build that is asked for: "crossbuild" is edgetool's, "debian" Debian's.

    Otherwise return that of LiteRT's wheel; where there is none, the newest of edgetool's in the cache, or Debian's.
    Raises ConfigError for a cross build where there is a wheel: the sources that are unpacked are those for riscv64.
    """
    if asked == "crossbuild":
        if toolchain.crossbuild is None or toolchain.litert_wheel is not None:
            raise ConfigError(
                f"edgetool builds no TensorFlow Lite for {toolchain.triple}",
                hint="use --runtime tflite: LiteRT's own build, out of its wheel",
            )
        return build(toolchain, toolchain.crossbuild, context, note)
    if asked != "debian" and toolchain.litert_wheel is None:
        built = newest_crossbuilt(context.store, toolchain, kind=prebuilt.NAME)
        if built is not None:
            return built
        if toolchain.crossbuild is not None:
            note(f"Debian's, without XNNPACK or vectors; --runtime tflite-crossbuild builds one with both: {COST}")
    return prebuilt.provide(toolchain, context.store, provider=asked, force=context.force, note=note)


FORM = ModelForm(
    recipe=7,
    files=("model.tflite",),
    precisions=(Precision.FP32, Precision.INT8),
    convert=convert,
    tools=tool_versions,
)
TFLITE = RuntimeKind(name=prebuilt.NAME, provide=provide, form=FORM, selftest=None, profiles=True)
