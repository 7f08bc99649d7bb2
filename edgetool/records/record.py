"""A record: a subject, its environment and its measurements. Made complete and never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from edgetool.boards.facts import BoardFacts
from edgetool.harness.harness import Outputs
from edgetool.harness.instructions import SCALAR
from edgetool.harness.result import HarnessEnvironment, LoadedRuntime
from edgetool.measurements.accuracy import Accuracy
from edgetool.measurements.instructions import InstructionCounts
from edgetool.measurements.offline import Offline
from edgetool.measurements.operators import Operators
from edgetool.measurements.timing import Timing
from edgetool.models.spec import ModelSpec, Precision
from edgetool.models.tasks.base import Score
from edgetool.platform.values import Name, NonNegative, Positive, Sha256, Text, value
from edgetool.runtimes.spec import Installed


@value
class RuntimeIdentity:
    """The runtime that was used and the environment variables of its process."""

    name: Name  # the name in plans: "crossbuild", "debian", "wheel", "scalar", "ncnn"
    kind: Name  # "onnxruntime", "ncnn"
    title: Text  # with its version
    key: Sha256 | None  # hash of its files; None in records converted from an older schema
    variant: Text | None = None  # which build it is
    size_bytes: NonNegative | None = None  # of its libraries, without those that every board has
    flags: tuple[Text, ...] = ()  # how edgetool built it
    environment: tuple[tuple[Name, Text], ...] = ()  # environment variables of its process
    installed: Installed | None = None  # where it was found on the board


@value
class Subject:
    """What was measured."""

    model: ModelSpec
    recipe: Name  # how the model was brought to its precision
    runtime: RuntimeIdentity
    target: Name
    triple: Name
    threads: Positive

    @property
    def precision(self) -> Precision:
        return self.model.precision

    @property
    def title(self) -> str:
        return f"{self.model.name} {self.precision} on {self.target}"


@value
class Environment:
    """Where it was measured."""

    process: HarnessEnvironment
    runtime: LoadedRuntime | None  # None in records converted from an older schema
    emulator: Text | None  # None on silicon
    board: BoardFacts | None  # None if the target's /proc isn't its own


@value
class Record:
    """A subject and its measurements. A measurement is None if it wasn't requested or doesn't apply."""

    SCHEMA: ClassVar[int] = 2
    schema: int
    id: Name
    started_at: datetime
    edgetool: Name  # edgetool's version
    subject: Subject
    bundle_id: Sha256
    inputs_sha256: Sha256  # of the first sample, which is timed and counted
    harness: Name  # the harness build
    environment: Environment
    outputs_file: Name | None  # an .npz beside the record: the outputs of each held-out image, or of the timed input
    data: Text | None = None  # what the held-out inputs are called; None in records of older releases
    overlap: NonNegative | None = None  # held-out inputs that an int8 model of the bundle was calibrated with, too
    timing: Timing | None = None
    accuracy: Accuracy | None = None  # of a classifier
    scores: tuple[Score, ...] = ()  # by the metrics of other tasks and of the user's own
    offline: Offline | None = None
    operators: Operators | None = None
    instructions: InstructionCounts | None = None

    @property
    def emulated(self) -> bool:
        return self.environment.emulator is not None

    @property
    def kernels(self) -> str | None:
        """Describe the kernels that ran: as the runtime reports, unless counting found no vector instruction.

        None if neither is known.
        """
        said = None if self.environment.runtime is None else self.environment.runtime.kernels
        counted = None if self.instructions is None else self.instructions.kernels
        return counted if said is None or counted == SCALAR else said

    @property
    def title(self) -> str:
        return self.subject.title


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A record with the outputs stored beside it."""

    record: Record
    outputs: Outputs
