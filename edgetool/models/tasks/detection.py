"""Detection: COCO's mAP of boxes, decoded from the outputs of YOLO's exports and of torchvision's detectors.

| outputs | whose | a class is |
| --- | --- | --- |
| one, (1, 4 + classes, places) | YOLOv8, v9, 11 | the place of the category among the ids |
| one, (1, places, 5 + classes) | YOLOv5, v6, v7 | the same; scores are objectness × class |
| one, (1, at most 1000, 6) | YOLOv10, 26: corners, score, class | the same |
| `boxes` (1, places, 4) and `scores` (1, places, classes) | torchvision's SSDs, exported here | the category's id |
| `boxes` (1, k, 4), `labels` (1, k), `scores` (1, k) | exported with their own suppression | the category's id |

Boxes are in pixels of the input: centre and size in YOLO's first two forms, corners in the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from edgetool.errors import ConfigError, ModelError
from edgetool.models.coco import find_coco, mask_tools
from edgetool.models.spec import TensorSpec
from edgetool.models.tasks.average_precision import mean_average_precision
from edgetool.models.tasks.base import Array, Folder, Outputs, Score, TaskKind, Truth, need
from edgetool.models.tasks.resampling import score_of, weights

LEAST_SCORE = 0.001  # of a detection that is judged, as YOLO's own validation has it
CONFIDENT = 0.25  # score from which a detection is shown, as YOLO's own prediction has it
MOST_OVERLAP = 0.6  # IoU above which the worse of two boxes of one class is dropped
MOST_CANDIDATES = 1000  # of a class, before suppression
MOST_DETECTIONS = 100  # of an image: COCO's own limit
END_TO_END = 1000  # at most so many places of six numbers are an end-to-end head, not YOLOv5's with one class


class Form(Enum):
    """How detections lie in the outputs."""

    CHANNELS_FIRST = "YOLOv8"
    WITH_OBJECTNESS = "YOLOv5"
    END_TO_END = "YOLOv10"
    SCORES = "boxes and scores"
    LABELS = "boxes, labels and scores"


def form_of(shapes: dict[str, tuple[int, ...]]) -> Form | None:
    """Return the form of outputs by their names and shapes, or None when it is none of these.

    >>> form_of({"output0": (1, 84, 8400)}), form_of({"output0": (1, 25200, 85)}), form_of({"output0": (1, 300, 6)})
    (<Form.CHANNELS_FIRST: 'YOLOv8'>, <Form.WITH_OBJECTNESS: 'YOLOv5'>, <Form.END_TO_END: 'YOLOv10'>)
    """
    if {"boxes", "scores"} <= shapes.keys():
        if "labels" in shapes:
            return Form.LABELS
        return Form.SCORES if len(shapes["scores"]) == 3 else None
    if len(shapes) != 1 or len(shape := next(iter(shapes.values()))) != 3:
        return None
    _, first, last = shape
    if last == 6 and first <= END_TO_END:
        return Form.END_TO_END
    if 4 < first < last:
        return Form.CHANNELS_FIRST
    return Form.WITH_OBJECTNESS if 5 < last <= first else None


def _form(shapes: dict[str, tuple[int, ...]]) -> Form:
    form = form_of(shapes)
    if form is None:
        found = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ModelError(
            f"no known form of detections: {found}",
            hint="docs/data.md lists the known ones; judge others by --metric package.module:metric",
        )
    return form


def read(folder: Folder, outputs: Sequence[TensorSpec]) -> Truth | None:
    """Read the boxes of a COCO file in pixels of the input, (n, k, 4) as corners, with the model's class numbers.

    Rows beyond a picture's own have class −1. Raises ConfigError without pycocotools, and for a YOLO model whose
    number of classes isn't that of the categories.
    """
    coco = find_coco(folder.root)
    if coco is None:
        return None
    mask_tools()
    shapes = {tensor.name: tensor.shape for tensor in outputs}
    form = _form(shapes)
    shape = next(iter(shapes.values()))
    classes = {Form.CHANNELS_FIRST: shape[1] - 4, Form.WITH_OBJECTNESS: shape[-1] - 5}.get(form)
    if classes is not None and classes != len(coco.category_ids):
        raise ConfigError(
            f"{coco.path} has {len(coco.category_ids)} categories, and the model {classes} classes",
            hint="give the categories that the model was trained on, in the order of their ids",
        )
    by_id = form in (Form.SCORES, Form.LABELS)
    found = []
    for file in folder.files:
        picture = coco.picture(folder.root, file)
        entries = coco.objects(folder.root, file)
        corners = np.array([entry.bbox for entry in entries if entry.bbox], np.float64).reshape(-1, 4)
        corners[:, 2:] += corners[:, :2]
        ids = [entry.category_id for entry in entries if entry.bbox]
        numbers = np.array(ids if by_id else [coco.category_ids.index(each) for each in ids], np.int64)
        crowds = np.array([entry.iscrowd for entry in entries if entry.bbox], bool)
        boxes = folder.to_input.place_boxes(corners, picture.width, picture.height)
        inside = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        found.append((boxes[inside], numbers[inside], crowds[inside]))
    return _padded(found)


def _padded(found: Sequence[tuple[Array, Array, Array]]) -> Truth:
    """Return the truth of each image's boxes, class numbers and crowds."""
    most = max((len(boxes) for boxes, _, _ in found), default=0) or 1
    truth: dict[str, Array] = {
        "boxes": np.zeros((len(found), most, 4), np.float32),
        "classes": np.full((len(found), most), -1, np.int64),
        "crowds": np.zeros((len(found), most), bool),
    }
    for i, (boxes, numbers_of, crowds_of) in enumerate(found):
        truth["boxes"][i, : len(boxes)] = boxes
        truth["classes"][i, : len(boxes)] = numbers_of
        truth["crowds"][i, : len(boxes)] = crowds_of
    return truth


def take_for_true(outputs: Outputs) -> Truth:
    """Return a model's own detections with scores of at least CONFIDENT; nothing for outputs of no known form."""
    if form_of({name: array.shape for name, array in outputs.items()}) is None:
        return {}
    sure = [(each, each.scores >= CONFIDENT) for each in decode(outputs)]
    return _padded([(each.boxes[at], each.classes[at], np.zeros(int(at.sum()), bool)) for each, at in sure])


@dataclass(frozen=True, kw_only=True, eq=False)
class Detections:
    """What was found in one image: corners (k, 4), scores (k,) and classes (k,), best first."""

    boxes: Array
    scores: Array
    classes: Array


def decode(outputs: Outputs) -> Iterator[Detections]:
    """Yield the detections of each image, after suppression by class where the model has none of its own.

    Raises ModelError for outputs of no known form.
    """
    form = _form({name: array.shape for name, array in outputs.items()})
    arrays = {name: np.asarray(array, np.float32) for name, array in outputs.items()}
    first = next(iter(arrays.values()))
    for i in range(len(first)):
        match form:
            case Form.CHANNELS_FIRST:
                yield suppressed(_corners(first[i, :4].T), first[i, 4:].T)
            case Form.WITH_OBJECTNESS:
                yield suppressed(_corners(first[i, :, :4]), first[i, :, 5:] * first[i, :, 4:5])
            case Form.SCORES:
                scores = arrays["scores"][i].copy()
                scores[:, 0] = 0  # the background
                yield suppressed(arrays["boxes"][i], scores)
            case Form.END_TO_END:
                yield _best(first[i, :, :4], first[i, :, 4], first[i, :, 5])
            case Form.LABELS:
                yield _best(*(arrays[name][i] for name in ("boxes", "scores", "labels")))


def _corners(boxes: Array) -> Array:
    centre, half = boxes[:, :2], boxes[:, 2:] / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def suppressed(boxes: Array, scores: Array) -> Detections:
    """Drop boxes below LEAST_SCORE, and those that overlap a better one of their class by more than MOST_OVERLAP.

    `boxes` are corners (places, 4), `scores` (places, classes).
    """
    kept: list[tuple[Array, Array, Array]] = []
    for number in np.flatnonzero((scores >= LEAST_SCORE).any(axis=0)):
        places = np.flatnonzero(scores[:, number] >= LEAST_SCORE)
        places = places[np.argsort(-scores[places, number], kind="stable")][:MOST_CANDIDATES]
        chosen: list[int] = []
        while len(places) and len(chosen) < MOST_DETECTIONS:
            chosen.append(int(places[0]))
            places = places[1:][overlap(boxes[places[0]], boxes[places[1:]]) <= MOST_OVERLAP]
        kept.append((boxes[chosen], scores[chosen, number], np.full(len(chosen), number)))
    if not kept:
        return Detections(boxes=np.zeros((0, 4)), scores=np.zeros(0), classes=np.zeros(0, np.int64))
    return _best(*(np.concatenate(each) for each in zip(*kept, strict=True)))


def _best(boxes: Array, scores: Array, classes: Array) -> Detections:
    order = np.argsort(-scores, kind="stable")[:MOST_DETECTIONS]
    order = order[scores[order] >= LEAST_SCORE]
    return Detections(boxes=boxes[order], scores=scores[order], classes=classes[order].astype(np.int64))


def overlap(box: Array, others: Array) -> Array:
    """Intersection ÷ union of a box with each of others, as corners.

    >>> overlap(np.array([0, 0, 2, 2]), np.array([[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]])).round(2).tolist()
    [1.0, 0.33, 0.0]
    """
    inner = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.clip(inner, 0, None).prod(axis=1)
    whole = np.clip(box[2:] - box[:2], 0, None).prod() + np.clip(others[:, 2:] - others[:, :2], 0, None).prod(axis=1)
    ratio: Array = shared / np.maximum(whole - shared, 1e-12)
    return ratio


def judge(outputs: Outputs, truth: Truth) -> tuple[Score, ...]:
    """Return COCO's mAP over IoU of 0.5 to 0.95 and at 0.5, matched by pycocotools.

    IoU is the same in the input's pixels as in the picture's, so neither is scaled back.
    """
    if not truth:
        return ()
    boxes = need(truth, "boxes", "detection", "(n, k, 4), corners in pixels of the input")
    classes = need(truth, "classes", "detection", "(n, k), −1 beyond an image's own")
    crowds = truth.get("crowds", np.zeros(classes.shape, bool))
    objects: list[dict[str, Any]] = []
    for image, place in np.argwhere(classes >= 0):
        left, top, right, bottom = map(float, boxes[image, place])
        objects.append(
            {
                "id": len(objects) + 1,
                "image_id": int(image),
                "category_id": int(classes[image, place]),
                "bbox": [left, top, right - left, bottom - top],
                "area": (right - left) * (bottom - top),
                "iscrowd": int(crowds[image, place]),
            }
        )
    if not objects:
        return ()
    found = [
        (image, left, top, right - left, bottom - top, score, number)
        for image, each in enumerate(decode(outputs))
        for (left, top, right, bottom), score, number in zip(each.boxes, each.scores, each.classes, strict=True)
    ]
    images = len(classes)
    precision = mean_average_precision(objects, np.array(found, np.float64).reshape(-1, 7), weights(images))
    return tuple(
        score_of(name, values, images, higher_is_better=True, is_share=True)
        for name, values in zip(("mAP", "mAP50"), precision, strict=True)
    )


KIND = TaskKind(doing="find objects in", read=read, judge=judge, take_for_true=take_for_true)
