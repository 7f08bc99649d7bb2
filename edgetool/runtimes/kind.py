"""What a kind of runtime is to edgetool: the verbs that every folder of `runtimes/` has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgetool.models.images import ImageSet
from edgetool.models.spec import ModelArtifact, ModelRequest, Precision
from edgetool.platform.context import StepContext
from edgetool.platform.progress import Note
from edgetool.runtimes.selftest import SelfTest
from edgetool.runtimes.spec import Runtime, Toolchain


class Provide(Protocol):
    def __call__(self, toolchain: Toolchain, context: StepContext, *, asked: str, note: Note) -> Runtime:
        """The runtime for a triple, built or fetched once; `asked` is a plan's or a target's name for a build of it.

        Raises ConfigError where there is none, BuildError and FetchError.
        """
        ...


class Convert(Protocol):
    def __call__(
        self,
        fp32: ModelArtifact,
        request: ModelRequest,
        precision: Precision,
        images: ImageSet | None,
        folder: Path,
        context: StepContext,
        *,
        log: Path,
    ) -> None:
        """Write a model in the runtime's form and in a precision to `folder`; `images` calibrate it.

        `fp32` is its export to ONNX and `request` where that came from: a tool converts the one or the other.

        Raises ConfigError without its tools, ModelError and BuildError.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class ModelForm:
    """The form in which a runtime takes models, where it is not ONNX."""

    recipe: int  # raised when the way a model is converted changes
    files: tuple[str, ...]  # as `convert` calls them; the harness is given the first
    precisions: tuple[Precision, ...]
    convert: Convert
    tools: Callable[[], Mapping[str, str]]  # package → version; raises ConfigError for what is not installed


@dataclass(frozen=True, kw_only=True)
class RuntimeKind:
    """A kind of runtime: one folder of `runtimes/` and one back end of the harness."""

    name: str  # as the harness calls it
    provide: Provide
    form: ModelForm | None  # None: it runs ONNX files as they are
    selftest: Callable[[], SelfTest] | None
    profiles: bool = False  # tells how long each operator took
    most_threads: int | None = None  # None: as many as are asked for
