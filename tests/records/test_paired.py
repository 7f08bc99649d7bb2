"""Accuracies on the same images: McNemar's test, and the classes that differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgetool.measurements.accuracy import Accuracy
from edgetool.records.paired import CERTAIN, FEWEST, Paired, differing_classes, paired
from edgetool.records.stats import holm, mcnemar

TRIALS = 2000


def accuracy(predictions: Any, labels: Any) -> Accuracy:
    return Accuracy(
        images=len(predictions),
        inputs_sha256="b" * 64,
        predictions=tuple(int(each) for each in predictions),
        labels=tuple(int(each) for each in labels),
    )


def found(baseline: Accuracy, candidate: Accuracy) -> Paired:
    pairs = paired(baseline, candidate)
    assert pairs is not None
    return pairs


@pytest.mark.parametrize(
    ("lost", "gained", "verdict"),
    [
        (12, 1, "worse"),
        (1, 12, "better"),
        (12, 9, "inconclusive"),
        (4, 1, "inconclusive: 5 images differ, fewer than 6 settle nothing"),
    ],
)
def test_the_verdict_has_three_states(lost: int, gained: int, verdict: str) -> None:
    labels = [1] * 100
    baseline = accuracy([0] * gained + [1] * (100 - gained), labels)
    candidate = accuracy([1] * (100 - lost) + [0] * lost, labels)
    pairs = found(baseline, candidate)
    assert (pairs.only_baseline, pairs.only_candidate, pairs.verdict) == (lost, gained, verdict)


def test_only_images_that_both_classified_are_compared_and_only_with_equal_labels() -> None:
    baseline, candidate = accuracy([1, 1, 1], [1, 1, 1]), accuracy([1, 0], [1, 1])
    assert found(baseline, candidate).images == 2
    assert paired(baseline, accuracy([1, 0], [1, 2])) is None


def test_with_as_few_images_as_stated_the_test_can_tell() -> None:
    assert mcnemar(FEWEST, 0) < CERTAIN <= mcnemar(FEWEST - 1, 0)


def pairs_of(random: np.random.Generator, lost: float, gained: float, images: int = 1000) -> tuple[int, int]:
    only_baseline, only_candidate, _ = random.multinomial(images, [lost, gained, 1 - lost - gained])
    return int(only_baseline), int(only_candidate)


def test_equal_accuracies_give_a_false_alarm_in_one_of_twenty_at_most() -> None:
    random = np.random.default_rng(1)
    alarms = sum(mcnemar(*pairs_of(random, 0.03, 0.03)) < CERTAIN for _ in range(TRIALS))
    assert alarms / TRIALS <= 0.05


def test_a_loss_of_three_points_is_seen_in_a_thousand_images() -> None:
    """Of models that disagree about 5 % of the images, in 19 of 20 runs."""
    random = np.random.default_rng(2)
    seen = sum(mcnemar(*pairs_of(random, 0.04, 0.01)) < CERTAIN for _ in range(TRIALS))
    assert seen / TRIALS >= 0.95


def test_a_class_that_got_worse_is_named_first() -> None:
    labels = [0] * 20 + [1] * 20 + [2] * 20
    worse = accuracy([0] * 20 + [2] * 15 + [1] * 5 + [2] * 19 + [0], labels)
    first, second = differing_classes(accuracy(labels, labels), worse)
    assert (first.label, first.images, first.correct_baseline, first.correct_candidate) == (1, 20, 20, 5)
    assert first.p_value < CERTAIN < second.p_value


def test_many_equal_classes_together_give_a_false_alarm_in_one_of_twenty_at_most() -> None:
    random = np.random.default_rng(3)
    alarms = 0
    for _ in range(500):
        p_values = [mcnemar(*pairs_of(random, 0.1, 0.1, images=100)) for _ in range(50)]
        alarms += min(holm(p_values)) < CERTAIN
    assert alarms / 500 <= 0.05
