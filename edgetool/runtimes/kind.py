"""The interface of a kind of runtime, implemented in each folder of `runtimes/`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgetool.models.images import ImageSet
from edgetool.models.spec import ModelArtifact, ModelRequest, Precision
from edgetool.platform.context import StepContext
from edgetool.platform.progress import Note
from edgetool.runtimes.selftest import SelfTest
from edgetool.runtimes.spec import Runtime, Toolchain

MADE = tuple(Precision)  # of an .onnx


class Provide(Protocol):
    def __call__(self, toolchain: Toolchain, context: StepContext, *, asked: str, note: Note) -> Runtime:
        """Return the runtime for a triple, building or fetching it on first use. `asked` selects a build by name.

        Raises ConfigError when there is none, BuildError, FetchError.
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
    ) -> str | None:
        """Convert a model to the runtime's format in a precision and write it to `folder`. `images` calibrate it.

        `fp32` is the ONNX export and `request` its source; a converter uses one or the other. Return how it was
        quantized, None where it wasn't. Raises ConfigError when its tools are missing, ModelError and BuildError.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class ModelForm:
    """The model format of a runtime that doesn't run ONNX files."""

    recipe: int  # increment when the conversion changes
    files: tuple[str, ...]  # named as `convert` writes them; the harness receives the first
    precisions: tuple[Precision, ...]
    convert: Convert
    tools: Callable[[], Mapping[str, str]]  # package → version; raises ConfigError when one isn't installed


@dataclass(frozen=True, kw_only=True)
class RuntimeKind:
    """A kind of runtime: a folder of `runtimes/` and a back end of the harness."""

    name: str  # the name that the harness uses
    provide: Provide
    form: ModelForm | None  # None if it runs ONNX files as they are
    selftest: Callable[[Collection[Precision]], SelfTest] | None  # of what models in these precisions need
    profiles: bool = False  # reports the time of each operator
    halves: bool = False  # must be told to compute an fp16 model in 16 bits
    most_threads: int | None = None  # None without a limit

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """The precisions in which edgetool makes models for this kind."""
        return MADE if self.form is None else self.form.precisions
