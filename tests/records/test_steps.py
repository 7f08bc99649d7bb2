"""Steps in a history: seldom seen where there is none, and seen where there is one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from edgetool.records.stats import Interval
from edgetool.records.steps import find_steps

TRIALS = 100
RUNS = 24


def noise(kind: str, random: np.random.Generator) -> npt.NDArray[np.float64]:
    return random.standard_t(3, RUNS) if kind == "heavy-tailed" else random.standard_normal(RUNS)


def history(logs: npt.NDArray[np.float64], half: float = 0.005) -> list[Interval]:
    values = np.exp(logs).tolist()
    return [Interval(value=x, low=x * (1 - half), high=x * (1 + half)) for x in values]


@pytest.mark.parametrize("kind", ["normal", "heavy-tailed"])
def test_at_most_one_in_twenty_unchanged_histories_raises_an_alarm(kind: str) -> None:
    random = np.random.default_rng(1)
    alarms = sum(bool(find_steps(history(0.02 * noise(kind, random)))) for _ in range(TRIALS))
    assert alarms / TRIALS <= 0.05


@pytest.mark.parametrize(("kind", "power"), [("normal", 0.95), ("heavy-tailed", 0.8)])
def test_a_change_of_five_percent_is_found_where_runs_scatter_by_one(kind: str, power: float) -> None:
    random = np.random.default_rng(2)
    found = 0
    for _ in range(TRIALS):
        logs = 0.01 * noise(kind, random)
        logs[RUNS // 2 :] += np.log(1.05)
        found += any(abs(step.after - RUNS // 2) <= 1 for step in find_steps(history(logs)))
    assert found / TRIALS >= power


def test_an_exact_metric_has_exact_steps() -> None:
    points = history(np.log([100.0] * 5 + [110.0] * 5), half=0)
    (step,) = find_steps(points)
    assert step.after == 5
    assert step.ratio == pytest.approx(1.1)


def test_one_outlier_is_no_step() -> None:
    assert find_steps(history(np.log([100, 101, 100, 300, 100, 101, 100, 101]))) == ()


def test_a_change_that_matters_to_nobody_is_none() -> None:
    assert find_steps(history(np.log([100.0] * 8 + [101.0] * 8), half=0)) == ()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_few_points_have_none(count: int) -> None:
    assert find_steps(history(np.zeros(count))) == ()
