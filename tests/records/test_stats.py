"""Statistics: what holds for any samples."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetool.records.stats import median_ratio, proportion, summarize

SAMPLES = st.lists(st.integers(1, 2**50), min_size=1, max_size=60)


@given(SAMPLES)
def test_percentiles_are_ordered_and_within_the_samples(samples: list[int]) -> None:
    found = summarize(samples)
    ordered = [found.min_ns, found.p50_ns, found.p90_ns, found.p99_ns, found.max_ns]
    assert ordered == sorted(ordered)
    assert (found.min_ns, found.max_ns, found.count) == (min(samples), max(samples), len(samples))
    assert found.spread >= 0


@given(SAMPLES, st.randoms())
def test_the_order_of_samples_does_not_matter(samples: list[int], random: Random) -> None:
    assert summarize(random.sample(samples, len(samples))) == summarize(samples)


@given(st.integers(1, 2**50), st.integers(1, 50))
def test_equal_samples_have_no_spread(sample: int, count: int) -> None:
    found = summarize([sample] * count)
    assert (found.p50_ns, found.spread) == (sample, 0)


def test_no_samples_have_no_summary() -> None:
    with pytest.raises(ValueError, match="no samples"):
        summarize([])


@given(SAMPLES)
@settings(max_examples=30)
def test_samples_against_themselves_have_the_ratio_one(samples: list[int]) -> None:
    found = median_ratio(samples, samples)
    assert found.value == 1
    assert found.low <= 1 <= found.high


@given(SAMPLES, SAMPLES)
@settings(max_examples=30)
def test_the_interval_is_ordered_and_the_ratio_is_that_of_medians(one: list[int], other: list[int]) -> None:
    found = median_ratio(one, other)
    assert found.low <= found.high
    assert found.value == pytest.approx(summarize(one).p50_ns / summarize(other).p50_ns)


@given(st.integers(1, 1000), st.integers(2, 9))
@settings(max_examples=20)
def test_a_clear_factor_is_found_with_a_narrow_interval(base: int, factor: int) -> None:
    found = median_ratio([base * factor * 1000] * 30, [base * 1000] * 30)
    assert (found.low, found.value, found.high) == pytest.approx((factor, factor, factor))


@given(SAMPLES)
@settings(max_examples=10)
def test_the_interval_is_the_same_each_time(samples: list[int]) -> None:
    assert median_ratio(samples, [*samples, 7]) == median_ratio(samples, [*samples, 7])


@given(st.integers(1, 10_000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_the_wilson_interval_contains_the_share_and_stays_within_0_and_1(counts: tuple[int, int]) -> None:
    found = proportion(*counts)
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1


def test_the_wilson_interval_is_that_of_the_literature() -> None:
    found = proportion(10, 100)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0552, 0.1744)


@pytest.mark.parametrize(("successes", "trials"), [(1, 0), (-1, 5), (6, 5)])
def test_what_is_no_share_is_refused(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        proportion(successes, trials)
