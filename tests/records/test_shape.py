"""Shapes of series: how often two modes and a drift are found where they are, and where they are not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from edgetool.records.caveats import Caveat, caveats_of
from edgetool.records.shape import drift, modes
from tests.records.test_coverage import DRAWS
from tests.support.records import record

TRIALS = 200
COUNT = 300
FALSE_ALARMS = 0.05
POWER = 0.95


def nanoseconds(samples: npt.NDArray[np.float64]) -> list[int]:
    return [round(max(1.0, 1e4 * sample)) for sample in samples]


@pytest.mark.parametrize("name", [name for name in DRAWS if name != "bimodal"])
def test_noise_of_one_mode_is_not_taken_for_two_nor_for_a_drift(name: str) -> None:
    random = np.random.default_rng(11)
    series = [nanoseconds(DRAWS[name](random, COUNT)) for _ in range(TRIALS)]
    assert sum(bool(modes(samples)) for samples in series) / TRIALS <= FALSE_ALARMS
    assert sum(drift(samples) is not None for samples in series) / TRIALS <= FALSE_ALARMS


@pytest.mark.parametrize("apart", [1.06, 1.3, 3.0])
def test_two_modes_are_found_with_their_shares(apart: float) -> None:
    """That scatter by 1 %, a quarter of the samples in the slower one."""
    random = np.random.default_rng(12)
    found = []
    for _ in range(TRIALS):
        levels = np.where(random.random(COUNT) < 0.25, 100 * apart, 100)
        found.append(modes(nanoseconds(levels * (1 + 0.01 * random.standard_normal(COUNT)))))
    assert sum(bool(pair) for pair in found) / TRIALS >= POWER
    fast, slow = next(pair for pair in found if pair)
    assert slow.median_ns / fast.median_ns == pytest.approx(apart, rel=0.01)
    assert slow.share == pytest.approx(0.25, abs=0.06)


def test_a_drift_of_a_fifth_is_found() -> None:
    """In 300 samples that scatter by 5 %."""
    random = np.random.default_rng(13)
    rising = np.linspace(100, 120, COUNT)
    found = [drift(nanoseconds(rising * (1 + 0.05 * random.standard_normal(COUNT)))) for _ in range(TRIALS)]
    assert sum(ratio is not None for ratio in found) / TRIALS >= POWER


@pytest.mark.parametrize("samples", [[5], [7] * 500, [1000, 2000] * 300, list(range(1, 40))])
def test_a_series_that_tells_nothing_has_no_modes(samples: list[int]) -> None:
    assert modes(samples) == ()


def test_a_record_is_doubted_for_the_shape_of_its_series() -> None:
    random = np.random.default_rng(14)
    two = nanoseconds(np.where(random.random(COUNT) < 0.4, 130, 100) * (1 + 0.01 * random.standard_normal(COUNT)))
    slower = nanoseconds(np.linspace(100, 140, COUNT) * (1 + 0.01 * random.standard_normal(COUNT)))
    assert Caveat.BIMODAL in caveats_of(record(samples_ns=tuple(two)))
    assert Caveat.DRIFTING in caveats_of(record(samples_ns=tuple(slower)))
