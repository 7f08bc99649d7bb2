"""Statistics beside SciPy's on the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy

from edgetool.records.stats import holm, mcnemar, proportion, quantile, ratio_in_turn, student_t, summarize


@pytest.mark.parametrize(("baseline", "candidate"), [(0, 0), (5, 0), (3, 3), (12, 1), (40, 71), (900, 1100)])
def test_mcnemars_test_is_the_binomial_test_of_the_pairs_that_differ(baseline: int, candidate: int) -> None:
    n = baseline + candidate
    expected = scipy.binomtest(baseline, n).pvalue if n else 1.0
    assert mcnemar(baseline, candidate) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("correct", "images"), [(0, 40), (39, 40), (360, 360), (702, 1000)])
def test_the_interval_of_a_share_is_wilsons(correct: int, images: int) -> None:
    expected = scipy.binomtest(correct, images).proportion_ci(method="wilson")
    found = proportion(correct, images)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("degrees", [9, 19, 199])
def test_students_quantile(degrees: int) -> None:
    assert student_t(degrees) == pytest.approx(scipy.t.ppf(0.975, degrees), rel=2e-4)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_the_interval_of_a_quantile_lies_within_one_rank_of_the_exact_one(share: float) -> None:
    samples = np.random.default_rng(1).permutation(1000).astype(float)
    expected = scipy.quantile_test(samples, p=share).confidence_interval(confidence_level=0.95)
    found = quantile(list(samples), share)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=2)


def test_percentiles_are_numpys_and_scipys() -> None:
    samples = np.random.default_rng(2).integers(1, 10**9, 777)
    found = summarize(samples.tolist())
    assert [found.p50_ns, found.p90_ns, found.p99_ns] == pytest.approx(
        [scipy.scoreatpercentile(samples, percent) for percent in (50, 90, 99)]
    )


def test_the_interval_of_a_ratio_in_turn_is_students_over_the_rounds() -> None:
    random = np.random.default_rng(3)
    a, b = (random.integers(900, 1100, (8, 1)).tolist() for _ in range(2))
    rounds = (np.log(np.ravel(a)) - np.log(np.ravel(b))).reshape(-1, 2).mean(axis=1)
    low, high = scipy.t.interval(0.95, len(rounds) - 1, loc=rounds.mean(), scale=scipy.sem(rounds))
    found = ratio_in_turn(a, b)
    assert (found.low, found.high) == pytest.approx((np.exp(low), np.exp(high)))


def test_holms_correction_rejects_what_it_should() -> None:
    """Holm (1979), by its definition: the smallest of the others' p-values times how many are left."""
    assert holm([0.3, 0.01, 0.02]) == pytest.approx([0.3, 0.03, 0.04])
