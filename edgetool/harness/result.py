"""The result file that the harness writes on the target."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Len

from edgetool.models.spec import TensorSpec
from edgetool.platform.values import Name, NonNegative, Positive, Text, value
from edgetool.records.stats import Stop

Samples = Annotated[tuple[NonNegative, ...], Len(0, 1_000_000)]
Latencies = Annotated[tuple[Positive, ...], Len(1, 1_000_000)]  # in a record, where none is zero


@value
class HarnessFailure:
    stage: Name
    message: Text


@value
class HarnessEnvironment:
    """The environment as the harness process saw it."""

    machine: Name | None
    kernel: Name | None
    libc: Name
    processors: NonNegative
    processors_allowed: NonNegative | None
    hwcap: int
    vector_length_bits: NonNegative


@value
class LoadedRuntime:
    name: Name = "onnxruntime"  # results from before there were other runtimes name none
    version: Name
    build_info: Text | None
    api_version: NonNegative
    library: Text | None
    build_id: Text | None
    kernels: Name | None = None  # as the runtime reports: "rvv vlen=256", "scalar"; None if it doesn't


@value
class Energy:
    """What a sensor of the board counted over all timed repetitions, with what the board does beside them."""

    sensor: Text
    microjoules: NonNegative


@value
class Memory:
    """Resident memory of the harness process after each stage; None where /proc doesn't tell."""

    runtime_bytes: NonNegative | None  # the runtime is loaded, the model not
    session_bytes: NonNegative | None  # the model is loaded: weights, packed weights, the session's own
    first_run_bytes: NonNegative | None  # one inference is over: activations too, which the runtime's arena keeps


@value
class HarnessRun:
    inputs: Annotated[tuple[TensorSpec, ...], Len(0, 64)]
    outputs: Annotated[tuple[TensorSpec, ...], Len(0, 64)]
    samples: NonNegative
    session_load_ns: NonNegative
    first_run_ns: NonNegative | None
    peak_rss_bytes: int | None  # -1 if /proc doesn't report it
    warmup_ns: Samples
    samples_ns: Samples
    stop: Stop | None = None  # None if no stop rule was used, or from an older harness
    energy: Energy | None = None  # None without a sensor, or from an older harness
    memory: Memory | None = None  # None without timed repetitions, or from an older harness
    profile: Text | None


@value
class HarnessResult:
    """The result of one run: either `failure` or `run`."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    harness: Name
    environment: HarnessEnvironment
    runtime: LoadedRuntime | None
    failure: HarnessFailure | None
    run: HarnessRun | None
