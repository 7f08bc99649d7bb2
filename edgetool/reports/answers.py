"""The predictions of a run's cases for each held-out image, disagreements first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from edgetool.errors import CompareError
from edgetool.measurements.accuracy import Accuracy
from edgetool.platform.values import value


@value
class Answer:
    """The class that each case predicted for one image."""

    image: int
    label: int | None  # None without labels, or when accuracy is meaningless
    classes: tuple[int, ...]  # in the order of the cases

    @property
    def changed(self) -> bool:
        return len(set(self.classes)) > 1

    @property
    def wrong(self) -> bool:
        return self.label is not None and any(given != self.label for given in self.classes)


def answers(measured: Sequence[Accuracy]) -> tuple[Answer, ...]:
    """Return the predictions for the images that every case classified: changed classes first, then wrong ones.

    Raises CompareError when the labels show that the images differ.
    """
    if not measured:
        return ()
    count = min(each.images for each in measured)
    labels = next((each.labels[:count] for each in measured if each.labels is not None), None)
    if any(each.labels is not None and each.labels[:count] != labels for each in measured):
        raise CompareError("the cases classified different images")
    found = (
        Answer(
            image=image,
            label=None if labels is None else labels[image],
            classes=tuple(each.predictions[image] for each in measured),
        )
        for image in range(count)
    )
    return tuple(sorted(found, key=lambda answer: (not answer.changed, not answer.wrong, answer.image)))


def confusion(accuracy: Accuracy) -> Counter[tuple[int, int]]:
    """Return (label, class) → number of images; empty without labels."""
    return Counter(zip(accuracy.labels or (), accuracy.predictions, strict=False))
