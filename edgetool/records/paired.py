"""Accuracies of two records on the same images, compared image by image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from edgetool.measurements.accuracy import Accuracy
from edgetool.models.tasks.base import Score
from edgetool.platform.values import NonNegative, Positive, value
from edgetool.records.stats import Interval, holm, mcnemar, paired_difference, resampled_difference

CERTAIN = 0.05  # a p-value below this is a difference
FEWEST = 6  # differing images with which McNemar's test can fall below CERTAIN: 2 · 0.5⁶ = 0.03


@value
class ClassDifference:
    """The images of one label, of which the two got different numbers right."""

    label: int
    images: Positive
    correct_baseline: NonNegative
    correct_candidate: NonNegative
    p_value: float  # McNemar's, times Holm's factor for the number of classes


@value
class Paired:
    """How a candidate classifies the images that a baseline classified too."""

    images: Positive
    correct_baseline: NonNegative
    correct_candidate: NonNegative
    only_baseline: NonNegative  # images that only the baseline got right
    only_candidate: NonNegative
    loss: Interval  # of accuracy; negative for a gain
    p_value: float  # McNemar's exact test of equal accuracy

    @property
    def verdict(self) -> str:
        """Describe the difference in one of three states.

        >>> Paired(images=200, correct_baseline=150, correct_candidate=147, only_baseline=4, only_candidate=1,
        ...        loss=Interval(value=0.015, low=-0.01, high=0.04), p_value=0.375).verdict
        'inconclusive: 5 images differ, fewer than 6 settle nothing'
        """
        differ = self.only_baseline + self.only_candidate
        if self.p_value < CERTAIN:
            return "worse" if self.only_baseline > self.only_candidate else "better"
        if differ < FEWEST:
            return f"inconclusive: {differ} image{'s' * (differ != 1)} differ, fewer than {FEWEST} settle nothing"
        return "inconclusive"


def paired(baseline: Accuracy, candidate: Accuracy) -> Paired | None:
    """Compare over the first images that both classified; None unless their labels are known and equal."""
    pairs = [(before, after) for _, before, after in _outcomes(baseline, candidate)]
    if not pairs:
        return None
    only_baseline, only_candidate = pairs.count((True, False)), pairs.count((False, True))
    return Paired(
        images=len(pairs),
        correct_baseline=sum(before for before, _ in pairs),
        correct_candidate=sum(after for _, after in pairs),
        only_baseline=only_baseline,
        only_candidate=only_candidate,
        loss=paired_difference(only_baseline, only_candidate, len(pairs)),
        p_value=mcnemar(only_baseline, only_candidate),
    )


def paired_score(baseline: Score, candidate: Score) -> Interval | None:
    """Return how much a share of which more is better loses on the same samples, or None if it can't be told."""
    if baseline.samples != candidate.samples or not baseline.has_points or not candidate.has_points:
        return None
    return resampled_difference(
        baseline.value, candidate.value, baseline.resampled, candidate.resampled, candidate.samples
    )


def differing_classes(baseline: Accuracy, candidate: Accuracy) -> tuple[ClassDifference, ...]:
    """Return the classes of which the two got different numbers right, the most certain difference first."""
    outcomes = Counter(_outcomes(baseline, candidate))
    labels = sorted({label for label, _, _ in outcomes})
    p_values = holm([mcnemar(outcomes[label, True, False], outcomes[label, False, True]) for label in labels])
    found = [
        ClassDifference(
            label=label,
            images=sum(outcomes[label, a, b] for a in (False, True) for b in (False, True)),
            correct_baseline=outcomes[label, True, False] + outcomes[label, True, True],
            correct_candidate=outcomes[label, False, True] + outcomes[label, True, True],
            p_value=p_value,
        )
        for label, p_value in zip(labels, p_values, strict=True)
    ]
    differing = [each for each in found if each.correct_baseline != each.correct_candidate]
    return tuple(sorted(differing, key=lambda each: (each.p_value, each.correct_candidate - each.correct_baseline)))


def _outcomes(baseline: Accuracy, candidate: Accuracy) -> Iterator[tuple[int, bool, bool]]:
    """Yield the label of each image, and whether baseline and candidate got it right."""
    images = min(baseline.images, candidate.images)
    a, b = baseline.labels, candidate.labels
    if a is None or b is None or a[:images] != b[:images]:
        return
    for label, before, after in zip(
        a[:images], baseline.predictions[:images], candidate.predictions[:images], strict=True
    ):
        yield label, before == label, after == label
