"""ncnn as a kind of runtime."""

from __future__ import annotations

from edgetool.models.spec import Precision
from edgetool.platform.context import StepContext
from edgetool.platform.progress import Note
from edgetool.runtimes.kind import ModelForm, RuntimeKind
from edgetool.runtimes.ncnn.build import NAME, build
from edgetool.runtimes.ncnn.convert import convert, tool_versions
from edgetool.runtimes.ncnn.selftest import build_selftest
from edgetool.runtimes.spec import Runtime, Toolchain


def provide(toolchain: Toolchain, context: StepContext, *, asked: str, note: Note) -> Runtime:
    """Build ncnn from source, the only build, whatever is asked for."""
    del asked
    return build(toolchain, context, note)


NCNN = RuntimeKind(
    name=NAME,
    provide=provide,
    form=ModelForm(
        recipe=6,
        files=("model.param", "model.bin"),
        precisions=(Precision.FP32, Precision.FP16, Precision.INT8),
        convert=convert,
        tools=tool_versions,
    ),
    selftest=build_selftest,
    profiles=True,
    halves=True,
)
