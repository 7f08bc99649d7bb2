"""The harness's stop rule: compiled with the sanitizers, beside Python's statistics of the same samples."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from edgetool.platform.catalog import data_folder
from edgetool.platform.process import run_process
from edgetool.records.stats import Stop, stop
from tests.harness.bench import INPUT, Bench
from tests.support.commands import run_checked

MAIN = r"""
#include <stdio.h>
#include <stdlib.h>
#include "stop.h"
/* Lines of a target in ppm, a count and as many samples. */
int main(void) {
  long long target, sample;
  size_t count;
  while (scanf("%lld %zu", &target, &count) == 2) {
    int64_t *samples = calloc(count + 1, sizeof *samples);
    for (size_t i = 0; i < count && scanf("%lld", &sample) == 1; i++) samples[i] = sample;
    struct stop stop;
    if (!stop_judge(samples, count, target, &stop)) return 1;
    int agree = count >= 6 && stop_windows_agree(samples, samples + 3, 3);
    printf("%lld %lld %lld %d\n", (long long)stop.error_ppm, (long long)stop.independent, (long long)stop.more, agree);
    free(samples);
  }
}
"""
Samples = npt.NDArray[np.int64]


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, harness = tmp_path_factory.mktemp("stop"), data_folder("toolchain") / "harness"
    (folder / "main.c").write_text(MAIN)
    compiler = [found] if (found := shutil.which("cc")) else [sys.executable, "-m", "ziglang", "cc"]
    sanitizers = ["-fsanitize=address,undefined" if found else "-fsanitize=undefined", "-fno-sanitize-recover=all"]
    words = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", *sanitizers, f"-I{harness}"]
    sources = [folder / "main.c", harness / "stop.c"]
    run_checked([*compiler, *words, "-o", folder / "judge", *sources, "-lm"])
    return folder / "judge"


def judged(judge: Path, *series: Samples, target_ppm: int = 20_000) -> list[list[int]]:
    lines = [f"{target_ppm} {len(samples)} {' '.join(map(str, samples))}" for samples in series]
    given = judge.with_name("series")
    given.write_text("\n".join(lines))
    done = run_process([judge], stdin=given, timeout_s=60)
    assert done.exit_code == 0, done.stderr.decode()
    return [[int(word) for word in line.split()] for line in done.stdout.decode().splitlines()]


def drawn(seed: int) -> Samples:
    """A series of some length, spread, autocorrelation and second mode."""
    random = np.random.default_rng(seed)
    noise = random.standard_normal(int(random.integers(1, 600)))
    weight = random.choice([0.0, 0.5, 0.9])
    for i in range(1, len(noise)):
        noise[i] += weight * noise[i - 1]
    modes = np.where(random.random(len(noise)) < random.choice([0.0, 0.3]), 1.3, 1.0)
    return np.asarray(1e6 * modes * np.exp(random.choice([0.001, 0.05, 0.3]) * noise), dtype=np.int64)


def test_the_harness_judges_as_python_does(judge: Path) -> None:
    series = [drawn(seed) for seed in range(300)]
    expected = [stop(samples.tolist(), 20_000) for samples in series]
    found = judged(judge, *series)
    for (error, independent, more, _), wanted in zip(found, expected, strict=True):
        assert error == (-1 if wanted.error_ppm is None else pytest.approx(wanted.error_ppm, abs=1))
        assert independent == pytest.approx(wanted.independent, abs=1)
        assert more == (-1 if wanted.more is None else pytest.approx(wanted.more, abs=1))
    assert {wanted.reached for wanted in expected} == {True, False}


@pytest.mark.parametrize("samples", [[], [7], [0, 0, 0, 0, 0, 0, 0, 0], [2**62] * 9, [1, 2] * 3000])
def test_odd_series_are_judged_alike(judge: Path, samples: list[int]) -> None:
    ((error, independent, more, _),) = judged(judge, np.asarray(samples, dtype=np.int64))
    wanted = stop(samples, 20_000)
    assert (error, independent, more) == tuple(
        -1 if found is None else found for found in (wanted.error_ppm, wanted.independent, wanted.more)
    )


@pytest.mark.parametrize(
    ("windows", "agree"), [([5, 6, 7, 6, 5, 7], 1), ([9, 8, 9, 5, 6, 5], 0), ([5, 6, 5, 9, 8, 9], 0)]
)
def test_windows_agree_where_neither_is_faster(judge: Path, windows: list[int], agree: int) -> None:
    assert judged(judge, np.asarray(windows))[0][3] == agree


def test_as_many_more_as_are_said_reach_the_error() -> None:
    """Of 100 series, the error after as many more is that wanted within a third: it is a forecast."""
    random = np.random.default_rng(5)
    errors = []
    for _ in range(100):
        series = 1e6 * np.exp(0.3 * random.standard_normal(20_000))
        first = stop(series[:200].tolist(), 20_000)
        assert first.more is not None
        errors.append(stop(series[: 200 + first.more].tolist(), 20_000).error_ppm or 0)
    assert np.median(errors) == pytest.approx(20_000, rel=0.33)


def test_it_repeats_until_the_median_is_known(bench: Bench) -> None:
    words = ("--min-repetitions", 8, "--target-error-ppm", 50_000, "--max-duration-ns", 10**10)
    run = bench.result(*INPUT, *words).run
    assert run is not None
    assert run.stop is not None
    assert run.stop.reached
    wanted = stop(run.samples_ns, 50_000)
    assert wanted.reached
    assert run.stop.error_ppm == pytest.approx(wanted.error_ppm, abs=1)


def test_a_bound_ends_it_before_and_it_says_how_many_more_it_would_take(bench: Bench) -> None:
    words = ("--min-repetitions", 40, "--max-repetitions", 40, "--target-error-ppm", 1)
    run = bench.result(*INPUT, *words).run
    assert run is not None
    assert run.stop == stop(run.samples_ns, 1)
    assert len(run.samples_ns) == 40
    assert run.stop is not None
    assert run.stop.more is not None
    assert run.stop.more > 1000


def test_the_time_ends_it(bench: Bench) -> None:
    words = ("--min-repetitions", 1, "--target-error-ppm", 1, "--max-duration-ns", 50_000_000)
    run = bench.result(*INPUT, *words).run
    assert run is not None
    assert 10_000_000 < sum(run.samples_ns) < 5_000_000_000
    assert isinstance(run.stop, Stop)


def test_warm_up_takes_windows_until_two_agree(bench: Bench) -> None:
    run = bench.result(*INPUT, "--warmup", 5, "--min-repetitions", 8, "--target-error-ppm", 500_000).run
    assert run is not None
    assert len(run.warmup_ns) % 5 == 0
    assert 10 <= len(run.warmup_ns) <= 50


def test_without_an_error_the_counts_decide(bench: Bench) -> None:
    run = bench.result(*INPUT, "--warmup", 5, "--min-repetitions", 8).run
    assert run is not None
    assert (len(run.warmup_ns), len(run.samples_ns), run.stop) == (5, 8, None)
