"""What the cases of a run said of each held-out image, those first that they disagree on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from edgetool.errors import CompareError
from edgetool.measurements.accuracy import Accuracy
from edgetool.platform.values import value


@value
class Answer:
    """The class that each case gave one image."""

    image: int
    label: int | None  # None where there is none, or an accuracy would mean nothing
    classes: tuple[int, ...]  # in the order of the cases

    @property
    def changed(self) -> bool:
        return len(set(self.classes)) > 1

    @property
    def wrong(self) -> bool:
        return self.label is not None and any(given != self.label for given in self.classes)


def answers(measured: Sequence[Accuracy]) -> tuple[Answer, ...]:
    """On the images that every case classified: those whose class changed first, then those that are wrong.

    Raises CompareError where their labels tell that they are other images.
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
    """(label, class) → how many images; empty without labels."""
    return Counter(zip(accuracy.labels or (), accuracy.predictions, strict=False))
