"""Targets: places where a bundle can run, and how it is measured there."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le

from edgetool.platform.values import Name, NonNegative, Positive, Text, value

Seconds = Annotated[float, Ge(0), Le(7 * 24 * 3600)]


@value
class BenchmarkSpec:
    """How to time a model: until the median is known precisely enough, within bounds on repetitions and duration.

    Emulated targets, and those without `target_error`, stop at the lower bounds.
    """

    warmup: NonNegative = 5
    min_repetitions: Positive = 30
    max_repetitions: Annotated[int, Ge(1), Le(1_000_000)] = 200_000
    min_duration_s: Seconds = 2.0
    max_duration_s: Seconds = 20.0  # for the warm-up and the repetitions, each
    target_error: Annotated[float, Ge(0), Le(1)] = 0.02  # half the median's 95 % interval ÷ the median; 0: no rule
    interleave: bool = True  # alternate the models of a bundle, unless emulated
    threads: Annotated[int, Ge(1), Le(1024)] = 1
    cpus: Name | None = None  # "0-3,6"; None leaves the choice to the kernel
    governor: Name | None = None  # "performance"; None leaves it unchanged
    cooldown_celsius: Annotated[float, Ge(0), Le(150)] | None = None  # wait until the board cools to this temperature
    timeout_s: Seconds = 600.0  # for each command on the target


@value
class EvaluationSpec:
    """How many held-out images to classify on the target, and on how many threads."""

    images: NonNegative = 200
    threads: Annotated[int, Ge(1), Le(1024)] = 1


@value
class Target:
    """A place where a bundle can run, defined in `targets/<name>.toml`."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    name: Name = "unnamed"  # the file's name, set on reading
    description: Text
    triple: Name  # "native" stands for this machine's
    runtime: Name = "auto"  # a provider's name
    executor: dict[str, Any]  # `kind`, and the settings of that kind
    benchmark: BenchmarkSpec = BenchmarkSpec()
    evaluation: EvaluationSpec = EvaluationSpec()
