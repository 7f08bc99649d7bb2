"""What a target is: a place a bundle can run, and how it is measured there."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le

from edgetool.platform.values import Name, NonNegative, Positive, Text, value

Seconds = Annotated[float, Ge(0), Le(7 * 24 * 3600)]


@value
class BenchmarkSpec:
    """How often to repeat: until the median is known as well as is asked, within bounds on number and duration.

    Under emulation, and without `target_error`, until the lower bounds are reached.
    """

    warmup: NonNegative = 5
    min_repetitions: Positive = 30
    max_repetitions: Annotated[int, Ge(1), Le(1_000_000)] = 200_000
    min_duration_s: Seconds = 2.0
    max_duration_s: Seconds = 20.0  # of warm-up and of repetitions, each
    target_error: Annotated[float, Ge(0), Le(1)] = 0.02  # half of the median's 95 % interval ÷ the median; 0: none
    interleave: bool = True  # models of one bundle in turn, where time is no emulator's
    threads: Annotated[int, Ge(1), Le(1024)] = 1
    cpus: Name | None = None  # "0-3,6"; None: wherever the kernel puts it
    governor: Name | None = None  # "performance"; None: as it is
    cooldown_celsius: Annotated[float, Ge(0), Le(150)] | None = None  # not before the board is as cool
    timeout_s: Seconds = 600.0  # for one command on the target


@value
class EvaluationSpec:
    """How many held-out images to classify on the target, and on how many threads."""

    images: NonNegative = 200
    threads: Annotated[int, Ge(1), Le(1024)] = 1


@value
class Target:
    """A place a bundle can run: a file `targets/<name>.toml`."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    name: Name = "unnamed"  # the file's name, filled in on reading
    description: Text
    triple: Name  # "native" for this machine's
    runtime: Name = "auto"  # a provider's name
    executor: dict[str, Any]  # `kind` and that executor's own settings
    benchmark: BenchmarkSpec = BenchmarkSpec()
    evaluation: EvaluationSpec = EvaluationSpec()
