"""The file that the harness writes on the target: one start of it, raw."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Len

from edgetool.models.spec import TensorSpec
from edgetool.platform.values import Name, NonNegative, Positive, Text, value
from edgetool.records.stats import Stop

Samples = Annotated[tuple[NonNegative, ...], Len(0, 1_000_000)]
Latencies = Annotated[tuple[Positive, ...], Len(1, 1_000_000)]  # of a record: none was zero


@value
class HarnessFailure:
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
    stop: Stop | None = None  # None where the counts alone decided, and of older harnesses
    profile: Text | None


@value
class HarnessResult:
    """Exactly one of `failure` and `run` is there."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    harness: Name
    environment: HarnessEnvironment
    runtime: LoadedRuntime | None
    failure: HarnessFailure | None
    run: HarnessRun | None
