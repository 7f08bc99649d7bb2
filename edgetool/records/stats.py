"""Statistics of latency samples and accuracies, as pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from edgetool.platform.values import NonNegative, Positive, value

LAGS = 2048  # longest lag of autocovariances considered
MORE_LIMIT = 10**12
FEWEST_SAMPLES = 10  # with which a score has an interval
T95 = {8: 3.182446305284263}  # by number of blocks: Student's t for one degree of freedom less than there are rounds


@value
class Interval:
    """A value with its 95 % confidence interval."""

    value: float
    low: float
    high: float


def exactly(number: float) -> Interval:
    """Return the interval of a number that has no uncertainty."""
    return Interval(value=number, low=number, high=number)


@value
class Stop:
    """Whether a series determines its median as precisely as requested.

    The harness computes the same to decide whether to continue (toolchain/harness/stop.c).
    """

    target_error_ppm: Positive  # requested half width of the median's interval ÷ the median
    error_ppm: NonNegative | None  # actual half width; None: too few samples for an interval
    independent: NonNegative  # number of independent samples with the same information
    more: NonNegative | None  # further samples needed; None if unknown

    @property
    def reached(self) -> bool:
        return self.more == 0

    @property
    def verdict(self) -> str:
        """Describe the precision of the median, and the samples still needed.

        >>> Stop(target_error_ppm=20_000, error_ppm=31_000, independent=30, more=42).verdict
        'median ±3.1 %, not reached: about 42 more would'
        """
        if self.error_ppm is None or self.more is None:
            return "too few repetitions for an interval"
        more = "reached" if self.reached else f"not reached: about {self.more} more would"
        return f"median ±{self.error_ppm / 1e4:.2g} %, {more}"


@value
class LatencySummary:
    """Derived from samples and never stored alone. In nanoseconds, except for `spread`."""

    count: int
    min_ns: float
    p50_ns: float
    p90_ns: float
    p99_ns: float
    max_ns: float
    spread: float  # interquartile range ÷ median


def summarize(samples_ns: Sequence[int]) -> LatencySummary:
    """Compute percentiles by linear interpolation (numpy's default). Raises ValueError without samples.

    >>> summarize([10, 20, 30, 40, 50]).p50_ns
    30.0
    """
    if not samples_ns:
        raise ValueError("no samples")
    low, p25, p50, p75, p90, p99, high = np.percentile(samples_ns, [0, 25, 50, 75, 90, 99, 100]).tolist()
    return LatencySummary(
        count=len(samples_ns),
        min_ns=low,
        p50_ns=p50,
        p90_ns=p90,
        p99_ns=p99,
        max_ns=high,
        spread=(p75 - p25) / p50 if p50 else 0.0,
    )


def correlation_time(samples: Sequence[float]) -> float:
    """Return how many consecutive samples carry the information of one independent sample; at least 1.

    This is the integrated autocorrelation time by Geyer's initial positive sequence (Geyer 1992, section 3.3): sums of
    two neighbouring autocovariances are added until one is negative.

    >>> correlation_time([1, 2] * 50), correlation_time([5] * 9)
    (1.0, 1.0)
    """
    array = np.asarray(samples, dtype=np.float64)
    n = len(array)
    if n < 4 or not (array := array - array.mean()).any():
        return 1.0
    spectrum = np.fft.rfft(array, 2 * n)
    covariances = np.fft.irfft(spectrum * spectrum.conj())[:n]
    pairs = covariances[: min(n // 2 * 2, LAGS)].reshape(-1, 2).sum(axis=1) / covariances[0]
    negative = np.flatnonzero(pairs <= 0)
    kept = pairs[: negative[0]] if len(negative) else pairs
    return float(min(max(1.0, 2 * np.minimum.accumulate(kept).sum() - 1 if len(kept) else 1.0), n))


def quantile(samples: Sequence[float], share: float) -> Interval | None:
    """Return a quantile of a series in time order with its 95 % interval, or None if there are too few samples for one.

    The interval lies between two order statistics (Hahn & Meeker 1991, 5.2), whose distance from the quantile assumes
    as many samples as are independent (see `correlation_time`).

    >>> quantile([10, 12, 11, 9, 13] * 20, 0.5), quantile([10, 12, 11], 0.9)
    (Interval(value=11.0, low=11.0, high=12.0), None)
    """
    if not len(samples):
        return None
    low, high = _ranks(samples, share)
    if low < 0 or high >= len(samples):
        return None
    ordered = np.sort(np.asarray(samples, dtype=np.float64))
    return Interval(value=float(np.quantile(ordered, share)), low=float(ordered[low]), high=float(ordered[high]))


def _ranks(samples: Sequence[float], share: float) -> tuple[int, int]:
    """Return the indices of the interval's ends in the sorted samples; out of range if there are too few samples."""
    n = len(samples)
    z = NormalDist().inv_cdf(0.975)
    half = z * (n * share * (1 - share) * correlation_time(samples)) ** 0.5
    return math.floor(n * share - half), math.ceil(n * share + half)


def stop(samples: Sequence[float], target_error_ppm: int) -> Stop:
    """Judge the precision of a series in time order.

    An interval narrows with the square root of the number of samples.

    >>> stop([10, 12, 11, 9, 13] * 20, 100_000), stop([10, 11], 20_000)
    (Stop(target_error_ppm=100000, error_ppm=90910, independent=100, more=0), \
Stop(target_error_ppm=20000, error_ppm=None, independent=2, more=None))
    """
    independent = int(len(samples) / correlation_time(samples))
    found = quantile(samples, 0.5)
    if found is None or found.value <= 0:
        return Stop(target_error_ppm=target_error_ppm, error_ppm=None, independent=independent, more=None)
    error = max(found.value - found.low, found.high - found.value) / found.value * 1e6
    more = math.ceil(min(len(samples) * ((error / target_error_ppm) ** 2 - 1), MORE_LIMIT))
    return Stop(
        target_error_ppm=target_error_ppm,
        error_ppm=math.ceil(error),
        independent=independent,
        more=0 if error <= target_error_ppm else max(1, more),
    )


def median_ratio(candidate: Sequence[int], baseline: Sequence[int]) -> Interval:
    """Return median(candidate) ÷ median(baseline) with its 95 % interval, combined from those of both medians.

    The distances between the logarithms of the medians and of their interval ends add like variances (Bonett & Price
    2020). With too few samples for an interval, the range of all samples is used.

    >>> median_ratio([20] * 9, [10] * 9)
    Interval(value=2.0, low=2.0, high=2.0)
    """
    a, b = (_log_median(samples) for samples in (candidate, baseline))
    ratio = float(np.median(candidate)) / max(float(np.median(baseline)), 1.0)
    return Interval(
        value=ratio,
        low=ratio * math.exp(-math.hypot(a.value - a.low, b.high - b.value)),
        high=ratio * math.exp(math.hypot(a.high - a.value, b.value - b.low)),
    )


def ratio_in_turn(candidate: Sequence[Sequence[int]], baseline: Sequence[Sequence[int]]) -> Interval:
    """Return the ratio of medians of blocks taken in turn, A B B A, with its 95 % interval by Student's t.

    Each round, there and back, gives the logarithm of one ratio, in which linear drift cancels. The rounds are the
    sample. Raises ValueError unless there are four rounds.

    >>> ratio_in_turn([[20]] * 8, [[10]] * 8)
    Interval(value=2.0, low=2.0, high=2.0)
    """
    if len(candidate) != len(baseline) or len(candidate) not in T95:
        raise ValueError(f"{len(candidate)} blocks beside {len(baseline)}")
    a, b = ([math.log(max(float(np.median(block)), 1.0)) for block in blocks] for blocks in (candidate, baseline))
    rounds = (np.array(a) - np.array(b)).reshape(-1, 2).mean(axis=1)
    middle = float(rounds.mean())
    half = T95[len(candidate)] * float(rounds.std(ddof=1)) / len(rounds) ** 0.5
    return Interval(value=_exp(middle), low=_exp(middle - half), high=_exp(middle + half))


def _exp(logarithm: float) -> float:
    return round(math.exp(logarithm), 12)  # a ratio of two numbers of ns has no more digits


def _log_median(samples: Sequence[int]) -> Interval:
    ordered = np.log(np.maximum(np.sort(np.asarray(samples, dtype=np.float64)), 1.0))
    low, high = _ranks(samples, 0.5)
    middle = math.log(max(float(np.median(samples)), 1.0))
    return Interval(value=middle, low=float(ordered[max(low, 0)]), high=float(ordered[min(high, len(ordered) - 1)]))


def proportion(successes: int, trials: int) -> Interval:
    """Return a share with its 95 % Wilson score interval (Wilson 1927), which is also valid near 0 and 1.

    >>> round(proportion(39, 40).low, 3)
    0.871
    """
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} of {trials} is no share")
    z = NormalDist().inv_cdf(0.975)
    p = successes / trials
    centre = (p + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * (p * (1 - p) / trials + z * z / (4 * trials * trials)) ** 0.5
    return Interval(value=p, low=max(0.0, centre - half), high=min(1.0, centre + half))


def student_t(degrees: int) -> float:
    """Return the 97.5 % quantile of Student's t by its expansion in 1 ÷ degrees (Abramowitz & Stegun 1964, 26.7.5).

    >>> round(student_t(9), 3), round(student_t(199), 3)
    (2.262, 1.972)
    """
    z, n = NormalDist().inv_cdf(0.975), degrees
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / n + second / n**2 + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384 / n**3


def resampled_interval(
    score: float, resampled: Sequence[float], samples: int, *, is_share: bool = False
) -> Interval | None:
    """Return a score with its 95 % interval by the bootstrap's error and Student's t.

    `resampled` are the scores of as many samples drawn with replacement (Efron & Tibshirani 1993, chapters 6 and 10).
    Their root mean square distance from the score holds its bias, too, and is too small by (n − 1) ÷ n in the square
    (Hesterberg 2015). A share's interval is one of its logit, a positive number's one of its logarithm. Where every
    sample is right, or none, it is Wilson's. Return None for fewer than `FEWEST_SAMPLES`, or a score that no draw
    changes.

    >>> round(resampled_interval(0.5, [0.4, 0.5, 0.6] * 50, 100, is_share=True).low, 3)
    0.343
    """
    if samples < FEWEST_SAMPLES or not resampled:
        return None
    if is_share and score in (0.0, 1.0):
        return proportion(round(score) * samples, samples)
    half = student_t(samples - 1) * _resampled_error(score, resampled, samples)
    if not half:
        return None
    if is_share:
        middle, half = math.log(score / (1 - score)), half / (score * (1 - score))
        low, high = ((1 + math.tanh(logit / 2)) / 2 for logit in (middle - half, middle + half))
    elif min(score, *resampled) > 0:
        low, high = score * math.exp(-half / score), score * math.exp(half / score)
    else:
        low, high = score - half, score + half
    return Interval(value=score, low=low, high=high)


def _resampled_error(score: float, resampled: Sequence[float], samples: int) -> float:
    """Return the root mean square distance of the draws from the score, made larger for few samples."""
    return float(np.sqrt(np.mean(np.square(np.subtract(resampled, score))) * samples / (samples - 1)))


def resampled_difference(
    baseline: float,
    candidate: float,
    resampled_baseline: Sequence[float],
    resampled_candidate: Sequence[float],
    samples: int,
) -> Interval | None:
    """Return how much smaller the candidate's score, a share, is than the baseline's, with its 95 % interval.

    Both are of the same samples, and of the same draws of them. One sample more by which they differ is added, as in
    `paired_difference`, so that two models without a difference on few samples are not said to be equal. Return None
    for fewer than `FEWEST_SAMPLES`, or draws that don't match.

    >>> resampled_difference(0.5, 0.5, [0.4, 0.6], [0.4, 0.6], 98).high.__round__(4)
    0.0198
    """
    if samples < FEWEST_SAMPLES or not resampled_baseline or len(resampled_baseline) != len(resampled_candidate):
        return None
    loss = baseline - candidate
    error = _resampled_error(loss, np.subtract(resampled_baseline, resampled_candidate).tolist(), samples)
    half = student_t(samples - 1) * math.hypot(error, 1 / (samples + 2))
    return Interval(value=loss, low=max(-1.0, loss - half), high=min(1.0, loss + half))


def paired_difference(only_baseline: int, only_candidate: int, trials: int) -> Interval:
    """Return how much smaller the candidate's share of successes is than the baseline's, with its 95 % interval.

    `only_baseline` of `trials` trials succeeded only for the baseline, `only_candidate` only for the candidate. The
    interval is the adjusted Wald interval for matched pairs (Agresti & Min 2005), which adds half a trial to each of
    the four outcomes.

    >>> paired_difference(2, 1, 360).value
    0.002777777777777778
    """
    if trials == 0:
        raise ValueError("no trials")
    z = NormalDist().inv_cdf(0.975)
    lost, gained, n = only_baseline + 0.5, only_candidate + 0.5, trials + 2
    centre = (lost - gained) / n
    half = z * max(0.0, lost + gained - (lost - gained) ** 2 / n) ** 0.5 / n
    return Interval(
        value=(only_baseline - only_candidate) / trials, low=max(-1.0, centre - half), high=min(1.0, centre + half)
    )


def mcnemar(only_baseline: int, only_candidate: int) -> float:
    """Return the p-value of McNemar's exact test that both sides of matched pairs succeed equally often.

    Of the pairs in which only one side succeeded, each side's number is binomial with a probability of one half
    (McNemar 1947; Fagerland, Lydersen & Laake 2013). Twice the smaller tail is returned.

    >>> mcnemar(5, 0), mcnemar(3, 3)
    (0.0625, 1.0)
    """
    n, term, tail = only_baseline + only_candidate, 1, 0
    for k in range(min(only_baseline, only_candidate) + 1):
        tail += term
        term = term * (n - k) // (k + 1)
    return min(1.0, 2 * tail / (1 << n))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number, so that the chance of any false alarm among them stays below the level.

    This is the step-down procedure of Holm (1979).

    >>> holm([0.01, 0.04, 0.5])
    [0.03, 0.08, 0.5]
    """
    adjusted, least = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        least = max(least, min(1.0, p_values[i] * (len(p_values) - rank)))
        adjusted[i] = least
    return adjusted
