"""COCO's mAP of images that count more or less often: boxes are matched by pycocotools, and accumulated as it does."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgetool.models.coco import mask_tools
from edgetool.models.tasks.base import Array

RECALLS = np.linspace(0, 1, 101)  # at which precision is read
CELLS = 10_000_000  # detections × IoU thresholds × draws at once, of some hundred MB


@dataclass(frozen=True, kw_only=True, eq=False)
class _Category:
    """What was found of a category, best first, and how many objects each image has."""

    right: Array  # (thresholds, found): it is an object
    counted: Array  # (thresholds, found): it isn't of a crowd
    image: Array  # (found,)
    objects: Array  # (images,)


def mean_average_precision(objects: Sequence[dict[str, Any]], found: Array, drawn: Array) -> tuple[Array, Array]:
    """Return the mAP over IoU of 0.5 to 0.95, and at 0.5, for each row of `drawn`, (rows, images).

    `objects` are COCO's annotations, `found` rows of image, left, top, width, height, score, category. Categories
    without an object in an image that counts are left out.
    """
    total, half, present = (np.zeros(len(drawn)) for _ in range(3))
    for category in _matched(objects, found, drawn.shape[1]) if len(found) else ():
        is_there = drawn @ category.objects > 0
        precision = _average_precision(category, drawn)
        total += is_there * precision.mean(axis=1)
        half += is_there * precision[:, 0]
        present += is_there
    return total / np.maximum(present, 1), half / np.maximum(present, 1)


def _matched(objects: Sequence[dict[str, Any]], found: Array, images: int) -> Iterator[_Category]:
    mask_tools()
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    categories = sorted({entry["category_id"] for entry in objects})
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": i} for i in range(images)],
            "annotations": list(objects),
            "categories": [{"id": number} for number in categories],
        }
        truth.createIndex()
        judged = COCOeval(truth, truth.loadRes(found), "bbox")
        judged.params.areaRng, judged.params.areaRngLbl = judged.params.areaRng[:1], ["all"]
        judged.evaluate()
    for place in range(len(categories)):
        of_images = judged.evalImgs[place * images : (place + 1) * images]
        counts = np.array([0 if each is None else np.sum(~np.asarray(each["gtIgnore"], bool)) for each in of_images])
        seen = [(i, each) for i, each in enumerate(of_images) if each is not None]
        if not counts.any():
            continue
        order = np.argsort(-np.concatenate([each["dtScores"] for _, each in seen]), kind="stable")
        ignored = np.concatenate([np.asarray(each["dtIgnore"], bool) for _, each in seen], axis=1)[:, order]
        matched = np.concatenate([np.asarray(each["dtMatches"]) > 0 for _, each in seen], axis=1)[:, order]
        yield _Category(
            right=matched & ~ignored,
            counted=~ignored,
            image=np.concatenate([np.full(len(each["dtScores"]), i) for i, each in seen])[order],
            objects=counts,
        )


def _average_precision(category: _Category, drawn: Array) -> Array:
    """Return the average precision at each threshold, (rows, thresholds), interpolated at RECALLS.

    A recall is reached by an object, so precision is read there alone: at each the largest of any higher recall.
    """
    places = np.flatnonzero(category.right.any(axis=0))
    right, counted = category.right[:, places], category.counted[:, : places[-1] + 1 if len(places) else 0]
    image = category.image[: counted.shape[1]]
    found = np.zeros((len(drawn), len(right)))
    step = max(1, CELLS // max(1, counted.size))
    for start in range(0, len(drawn), step):
        rows = drawn[start : start + step]
        hits = np.cumsum(rows[:, np.newaxis, category.image[places]] * right, axis=2)
        every = np.cumsum(rows[:, np.newaxis, image] * counted, axis=2)[:, :, places]
        precision = np.maximum.accumulate((hits / np.maximum(every, 1))[:, :, ::-1], axis=2)[:, :, ::-1]
        recall = hits / np.maximum(rows @ category.objects, 1)[:, np.newaxis, np.newaxis]
        reached = np.searchsorted(RECALLS, recall, side="right")
        found[start : start + step] = (precision * np.diff(reached, axis=2, prepend=0)).sum(axis=2)
    return found / len(RECALLS)
