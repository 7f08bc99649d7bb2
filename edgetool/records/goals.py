"""Goals of a deployment, as read from a file of gates."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import Len

from edgetool.errors import ConfigError
from edgetool.models.spec import Precision
from edgetool.platform.documents import check_table, read_toml
from edgetool.platform.values import Name, Text, value
from edgetool.records.case import OWN_RUNTIME


class Metric(StrEnum):
    """The metric that a goal bounds. The name includes the unit; shares and ratios have none."""

    SIZE_BYTES = "size_bytes"
    SIZE_RATIO = "size_ratio"  # to fp32
    LOAD_MS = "load_ms"
    P50_MS = "p50_ms"
    P90_MS = "p90_ms"
    LATENCY_RATIO = "latency_ratio"  # of medians, to fp32
    BASELINE_LATENCY_RATIO = "baseline_latency_ratio"  # of medians, to the same case of a baseline run
    PEAK_RSS_BYTES = "peak_rss_bytes"
    ACCURACY = "accuracy"
    ACCURACY_LOSS = "accuracy_loss"  # to fp32, on the same images
    SAME_CLASS = "same_class"  # share of the images for which host and target agree
    SCORE = "score"  # of the model's task, or by the user's own metric: the one that `score` names
    SCORE_LOSS = "score_loss"  # of a share, to fp32, on the same samples
    INSTRUCTIONS = "instructions"
    WEIGHTED_INSTRUCTIONS = "weighted_instructions"
    BASELINE_INSTRUCTIONS_RATIO = "baseline_instructions_ratio"  # unweighted, to the same case of a baseline run
    ESTIMATED_CYCLES = "estimated_cycles"  # on `core`


# Of what is a share of 1, the least it can be.
SHARES = {Metric.ACCURACY: 0.0, Metric.SAME_CLASS: 0.0, Metric.ACCURACY_LOSS: -1.0, Metric.SCORE_LOSS: -1.0}
OF_SCORES = (Metric.SCORE, Metric.SCORE_LOSS)


def score_title(metric: Metric, score: str | None) -> str | None:
    """Return the title of a metric of a score, "mAP" or "mAP loss"; None for any other metric."""
    return score if score is None or metric is Metric.SCORE else f"{score} loss"


class Priority(StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@value
class Goal:
    """A bound of one metric for the selected cases. None selects all."""

    metric: Metric
    max: float | None = None
    min: float | None = None
    model: Name | None = None
    precision: Precision | None = None
    target: Name | None = None  # None: every target except the host, or the host if it is the only one
    runtime: Name = OWN_RUNTIME  # stands for the deployed one
    core: Name | None = None  # for estimated cycles
    score: Text | None = None  # for scores: "mAP", "MAE of gaze", "package.module:metric"
    name: Text = ""
    owner: Text = ""
    priority: Priority = Priority.MEDIUM

    @property
    def title(self) -> str:
        return self.name or score_title(self.metric, self.score) or self.metric.value.replace("_", " ")


Goals = Annotated[tuple[Goal, ...], Len(0, 200)]


@value
class Gates:
    """A file of goals."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    goals: Annotated[tuple[Goal, ...], Len(1, 200)]


def read_gates(path: Path) -> tuple[Goal, ...]:
    """Read a file of goals. Raises ConfigError with the file and the key."""
    goals = check_table(Gates, {"schema": None, **read_toml(path)}, where=str(path)).goals
    check_goals(goals, where=str(path))
    return goals


def check_goals(goals: tuple[Goal, ...], *, where: str) -> None:
    """Check goals.

    Raises ConfigError for one without exactly one bound, with a bound beyond what its metric can be, or with a missing
    or unused core or score.
    """
    for index, goal in enumerate(goals):
        key = f"{where}: goals.{index}"
        if (goal.max is None) == (goal.min is None):
            raise ConfigError(f"{key}: {goal.title}: exactly one of `max` and `min` is required")
        bound, share = goal.max if goal.min is None else goal.min, SHARES.get(goal.metric)
        if bound is not None and share is not None and not share <= bound <= 1:
            raise ConfigError(
                f"{key}: {goal.title}: {goal.metric.value} is a share, and {bound:g} is none",
                hint="0.95 is 95 %, and 0.01 one point",
            )
        if bound is not None and goal.metric not in {*SHARES, Metric.SCORE} and bound < 0:
            raise ConfigError(f"{key}: {goal.title}: {goal.metric.value} is never below 0, and its bound is {bound:g}")
        if (goal.metric is Metric.ESTIMATED_CYCLES) != (goal.core is not None):
            raise ConfigError(
                f"{key}: {goal.title}: `core` belongs to the metric {Metric.ESTIMATED_CYCLES.value}",
                hint='use for example metric = "estimated_cycles", core = "x60", max = 60e6',
            )
        if (goal.metric in OF_SCORES) != (goal.score is not None):
            raise ConfigError(
                f"{key}: {goal.title}: `score` belongs to the metrics {' and '.join(OF_SCORES)}",
                hint='use for example metric = "score", score = "mAP", min = 0.3',
            )
