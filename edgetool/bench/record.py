"""The record of a measurement: raw samples and all that is needed to judge them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from annotated_types import Ge, Le, Len

from edgetool.bench.instructions import SCALAR, BaselineCounts, InstructionCounts
from edgetool.executors.base import BenchmarkSpec
from edgetool.models.spec import ModelSpec, TensorSpec
from edgetool.platform.values import Name, NonNegative, Positive, Sha256, Text, value

Samples = Annotated[tuple[NonNegative, ...], Len(0, 1_000_000)]


@value
class Failure:
    stage: Name
    message: Text


@value
class HarnessEnvironment:
    """What the harness's process saw of the place it ran in."""

    machine: Name | None
    kernel: Name | None
    libc: Name
    processors: NonNegative
    processors_allowed: NonNegative | None
    hwcap: int
    vector_length_bits: NonNegative


@value
class LoadedRuntime:
    name: Name = "onnxruntime"  # before other runtimes were known, none was named
    version: Name
    build_info: Text | None
    api_version: NonNegative
    library: Text | None
    build_id: Text | None
    kernels: Name | None = None  # what it says it chose: "rvv vlen=256", "scalar"; None where it does not tell


@value
class HarnessRun:
    inputs: Annotated[tuple[TensorSpec, ...], Len(0, 64)]
    outputs: Annotated[tuple[TensorSpec, ...], Len(0, 64)]
    samples: NonNegative
    session_load_ns: NonNegative
    first_run_ns: NonNegative | None
    peak_rss_bytes: int | None  # -1 where /proc does not tell
    warmup_ns: Samples
    samples_ns: Samples
    profile: Text | None


@value
class HarnessResult:
    """The file the harness writes; exactly one of `failure` and `run` is there."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    harness: Name
    environment: HarnessEnvironment
    runtime: LoadedRuntime | None
    failure: Failure | None
    run: HarnessRun | None


@value
class BoardFacts:
    """What /proc and /sys tell of the machine at one moment; whatever it does not tell is None."""

    model: Text | None = None
    cpu: Text | None = None
    isa: Text | None = None
    governor: Text | None = None
    clock_hz: NonNegative | None = None
    temperature_celsius: float | None = None
    throttle_flags: NonNegative | None = None  # a Raspberry Pi firmware's: bits 0 to 3 now, 16 to 19 since its start
    cooling_steps: NonNegative | None = None  # by how many steps the kernel slows the processors for their heat
    load_1min: float | None = None
    memory_available_bytes: NonNegative | None = None


@value
class Environment:
    process: HarnessEnvironment
    emulator: Text | None  # None on silicon
    before: BoardFacts | None  # None where the target's /proc is not its own
    after: BoardFacts | None
    runtime: LoadedRuntime


@value
class Evaluation:
    """Held-out images classified on the target."""

    images: Positive
    inputs_sha256: Sha256
    predictions: tuple[int, ...]  # the class with the largest logit, in the order of the images
    labels: tuple[int, ...] | None = None  # None where there are none, or an accuracy would mean nothing

    def correct_of_first(self, count: int) -> int | None:
        """How many of the first `count` images were classified as their labels say."""
        if self.labels is None:
            return None
        pairs = zip(self.predictions[:count], self.labels[:count], strict=True)
        return sum(predicted == label for predicted, label in pairs)


@value
class OperatorTime:
    """What ONNX Runtime's profile says of one operator, per inference."""

    operator: Name
    calls: NonNegative
    time_ns: NonNegative
    share: Annotated[float, Ge(0), Le(1)]  # of all operators' time


@value
class RunRecord:
    SCHEMA: ClassVar[int] = 1
    schema: int
    id: Name
    started_at: datetime
    edgetool: Name  # version
    target: Name
    triple: Name
    bundle_id: Sha256
    model: ModelSpec
    runtime: Text  # RuntimeBuild.title
    runtime_variant: Text | None = None  # which build of it
    runtime_flags: tuple[Text, ...] = ()  # how edgetool built it
    runtime_key: Sha256
    inputs_sha256: Sha256  # of the timed inputs
    spec: BenchmarkSpec
    environment: Environment
    harness: Name  # build
    session_load_ns: NonNegative
    first_run_ns: NonNegative
    warmup_ns: Samples
    samples_ns: Samples
    peak_rss_bytes: NonNegative | None
    outputs_file: Name  # an .npz beside the record: outputs of each held-out image, or of the timed input
    evaluation: Evaluation | None
    operators: tuple[OperatorTime, ...] = ()  # empty unless a profile was asked for
    instructions: InstructionCounts | None = None  # None unless counting was asked for
    baselines: Annotated[tuple[BaselineCounts, ...], Len(0, 64)] = ()  # empty unless asked for

    @property
    def emulated(self) -> bool:
        return self.environment.emulator is not None

    @property
    def kernels(self) -> str | None:
        """Which kernels ran: in the runtime's own words, unless it was counted that no vector instruction did.

        None where neither tells.
        """
        said = self.environment.runtime.kernels
        counted = None if self.instructions is None else self.instructions.kernels
        return counted if said is None or counted == SCALAR else said

    @property
    def title(self) -> str:
        return f"{self.model.name} {self.model.precision} on {self.target}"


class Caveat(StrEnum):
    """A doubt about a number, each with a text and a remedy."""

    EMULATED = "emulated"
    FEW_SAMPLES = "few-samples"
    UNSTABLE = "unstable"
    SLOW_FIRST_RUN = "slow-first-run"
    GOVERNOR = "governor"
    THROTTLED = "throttled"
    BUSY = "busy"
    DIFFERENT_RUNTIME = "different-runtime"
    DIFFERENT_MODEL = "different-model"
    DIFFERENT_VECTORS = "different-vectors"
    RANDOM_WEIGHTS = "random-weights"
    FEW_IMAGES = "few-images"

    @property
    def text(self) -> str:
        return _CAVEATS[self][0]

    @property
    def remedy(self) -> str:
        return _CAVEATS[self][1]


_CAVEATS = {
    Caveat.EMULATED: (
        "the time is that of the emulator, not a latency of any board",
        "run on a board; under emulation read sizes, accuracy and outputs only",
    ),
    Caveat.FEW_SAMPLES: ("fewer than 20 repetitions: p90 and p99 are near the maximum", "raise min_repetitions"),
    Caveat.UNSTABLE: (
        "the middle half of the samples spreads over more than 10 % of the median",
        "stop other work, fix the clock's governor, pin the process with --cpus",
    ),
    Caveat.SLOW_FIRST_RUN: (
        "the first inference took over twice the median",
        "report it on its own where start-up matters",
    ),
    Caveat.GOVERNOR: ("the clock's governor is not `performance`", "set it before measuring"),
    Caveat.THROTTLED: (
        "the board was slowed down for its heat or its power supply",
        "cool it, give it a better power supply, and measure again",
    ),
    Caveat.BUSY: (
        "the machine had other work: its load was over half of its processors at the start",
        "stop other work",
    ),
    Caveat.DIFFERENT_RUNTIME: (
        "the two places run different releases of ONNX Runtime",
        "read the ratio as one of the whole stack, not of the hardware",
    ),
    Caveat.DIFFERENT_MODEL: ("the two records are of different models", "read the ratio as one of the models"),
    Caveat.DIFFERENT_VECTORS: (
        "the instructions were counted with vectors of different lengths",
        "compare counts of one vector length",
    ),
    Caveat.RANDOM_WEIGHTS: ("accuracy means nothing, sizes and times do", "use trained weights"),
    Caveat.FEW_IMAGES: ("fewer than 200 images: one of them is more than 0.5 % of accuracy", "raise --images"),
}


@value
class Fallback:
    """Something asked for that the target could not do, and what was done instead."""

    asked: Text
    reason: Text
    instead: Text


@value
class Run:
    """A folder `runs/<utc>-<id>/`: which records it holds and what happened on the way."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    id: Name
    created_at: datetime
    edgetool: Name
    target: Name
    models: tuple[ModelSpec, ...]
    records: tuple[Name, ...]  # paths relative to the folder
    fallbacks: tuple[Fallback, ...] = ()
