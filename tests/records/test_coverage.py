"""Intervals hold what they promise: in simulation, 95 % of them hold the value that the samples were drawn around."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from edgetool.measurements.offline import FEWEST_BATCHES, samples_per_second
from edgetool.records.stats import (
    correlation_time,
    median_ratio,
    paired_difference,
    proportion,
    quantile,
    ratio_in_turn,
)

Samples = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Samples]
TRIALS = 400
COUNT = 400  # samples
PROMISED = 0.93  # of 400 intervals of 95 %, fewer hold in one run of thirty; the seeds are fixed


def autocorrelated(weight: float) -> Draw:
    def draw(random: np.random.Generator, count: int) -> Samples:
        noise = random.standard_normal(count + 200)
        for i in range(1, len(noise)):
            noise[i] += weight * noise[i - 1]
        return 100 + noise[200:]

    return draw


DRAWS: dict[str, Draw] = {
    "normal": lambda random, count: 100 + random.standard_normal(count),
    "lognormal": lambda random, count: 100 * np.exp(0.3 * random.standard_normal(count)),
    "heavy-tailed": lambda random, count: 1000 + random.standard_t(2, count),
    "autocorrelated": autocorrelated(0.5),
    "strongly autocorrelated": autocorrelated(0.8),
    "bimodal": lambda random, count: np.where(random.random(count) < 0.7, 100, 130) + random.standard_normal(count),
}


@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize("name", DRAWS)
def test_intervals_of_quantiles_hold_the_true_one(name: str, share: float) -> None:
    random = np.random.default_rng(1)
    truth = float(np.quantile(DRAWS[name](random, 400_000), share))
    intervals = [quantile(list(DRAWS[name](random, COUNT)), share) for _ in range(TRIALS)]
    held = [interval.low <= truth <= interval.high for interval in intervals if interval is not None]
    assert len(held) > TRIALS / 2  # where too few samples are independent, there is none
    assert sum(held) / len(held) >= PROMISED


@pytest.mark.parametrize("name", DRAWS)
def test_intervals_of_ratios_hold_one_where_nothing_changed(name: str) -> None:
    """So a gate on a ratio gives a false alarm in one of twenty at most."""
    random = np.random.default_rng(2)

    def nanoseconds() -> list[int]:
        return [round(1000 * sample) for sample in DRAWS[name](random, COUNT)]

    ratios = [median_ratio(nanoseconds(), nanoseconds()) for _ in range(TRIALS)]
    assert sum(ratio.low <= 1 <= ratio.high for ratio in ratios) / TRIALS >= PROMISED


def test_a_change_of_five_percent_is_seen() -> None:
    """In 200 samples that scatter by 5 %, in nine of ten runs."""
    random = np.random.default_rng(3)
    ratios = [
        median_ratio(
            [round(1050 * (1 + 0.05 * noise)) for noise in random.standard_normal(200)],
            [round(1000 * (1 + 0.05 * noise)) for noise in random.standard_normal(200)],
        )
        for _ in range(TRIALS)
    ]
    assert sum(ratio.low > 1 for ratio in ratios) / TRIALS >= 0.9


@pytest.mark.parametrize("count", [FEWEST_BATCHES, 20, COUNT])
@pytest.mark.parametrize("name", ["normal", "lognormal", "heavy-tailed"])
def test_intervals_of_throughput_hold_the_true_one(name: str, count: int) -> None:
    random = np.random.default_rng(8)
    truth = 4e9 / float(np.median(DRAWS[name](random, 400_000) * 1000))
    intervals = [samples_per_second([round(1000 * t) for t in DRAWS[name](random, count)], 4) for _ in range(TRIALS)]
    assert sum(interval.low <= truth <= interval.high for interval in intervals) / TRIALS >= PROMISED


def in_turn(random: np.random.Generator, *, drift: float) -> tuple[list[list[int]], list[list[int]]]:
    """Two equal models, timed A B B A in processes that differ by 1 %, while the board slows down by `drift`."""
    blocks: tuple[list[list[int]], list[list[int]]] = ([], [])
    for place, model in enumerate([0, 1, 1, 0] * 4):
        level = 1000 * (1 + drift * place / 15) * (1 + 0.01 * random.standard_normal())
        blocks[model].append([round(1000 * level * (1 + 0.02 * noise)) for noise in random.standard_normal(25)])
    return blocks


@pytest.mark.parametrize("drift", [0.0, 0.3])
def test_ratios_in_turn_hold_one_whatever_drifts(drift: float) -> None:
    random = np.random.default_rng(6)
    ratios = [ratio_in_turn(*in_turn(random, drift=drift)) for _ in range(TRIALS)]
    assert sum(ratio.low <= 1 <= ratio.high for ratio in ratios) / TRIALS >= PROMISED


def test_ratios_of_one_process_each_do_not_though_their_intervals_are_narrow() -> None:
    """Which is why they are taken in turn: processes that differ by 1 % are not told from models that do."""
    random = np.random.default_rng(7)

    def process() -> list[int]:
        level = 1e6 * (1 + 0.01 * random.standard_normal())
        return [round(level * (1 + 0.02 * noise)) for noise in random.standard_normal(200)]

    ratios = [median_ratio(process(), process()) for _ in range(TRIALS)]
    assert sum(ratio.low <= 1 <= ratio.high for ratio in ratios) / TRIALS < 0.5


def test_intervals_of_shares_hold_the_true_one() -> None:
    """On the average over shares, which is what Wilson's interval promises: close to 1 it dips to 92 %."""
    random = np.random.default_rng(4)
    shares = random.uniform(0.5, 0.995, size=10 * TRIALS)
    intervals = [(share, proportion(int(random.binomial(200, share)), 200)) for share in shares]
    assert sum(interval.low <= share <= interval.high for share, interval in intervals) / len(shares) >= PROMISED


def test_intervals_of_differences_hold_the_true_one() -> None:
    random = np.random.default_rng(5)
    held = 0
    for _ in range(TRIALS):
        lost, gained, _ = random.multinomial(300, [0.04, 0.02, 0.94])
        interval = paired_difference(int(lost), int(gained), 300)
        held += interval.low <= 0.02 <= interval.high
    assert held / TRIALS >= PROMISED


def test_the_correlation_time_is_that_of_the_series() -> None:
    """Of an autoregression with weight w it is (1 + w) ÷ (1 − w)."""
    random = np.random.default_rng(6)
    for weight in (0.5, 0.8):
        found = correlation_time(list(autocorrelated(weight)(random, 100_000)))
        assert found == pytest.approx((1 + weight) / (1 - weight), rel=0.1)
