"""Intervals of scores: what is computed for drawn images is what they would score, and 95 % hold the score of all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from edgetool.models.tasks import regression, segmentation
from edgetool.models.tasks.average_precision import mean_average_precision
from edgetool.models.tasks.base import Score
from edgetool.models.tasks.resampling import score_of, weights
from edgetool.records.paired import paired_score


def pictures(random: np.random.Generator, images: int) -> tuple[list[dict[str, Any]], npt.NDArray[Any]]:
    """Objects of a frequent and a rare category, most of them found, more exactly in some images than in others."""
    objects: list[dict[str, Any]] = []
    found = []
    for image in range(images):
        blur = random.gamma(2.0, 2.0)
        for category, mean in ((1, 2.0), (5, 0.7)):
            for _ in range(random.poisson(mean)):
                left_top, sides = random.uniform(0, 200, 2), random.uniform(20, 60, 2)
                rest = {"bbox": [*left_top.tolist(), *sides.tolist()], "area": float(sides.prod())}
                crowd = int(random.random() < 0.03)
                objects.append({"id": len(objects) + 1, "image_id": image, "category_id": category, **rest})
                objects[-1]["iscrowd"] = crowd
                if random.random() < 0.8:
                    box_of = [*(left_top + random.normal(0, blur, 2)), *(sides + random.normal(0, blur, 2))]
                    found.append([image, *box_of, round(random.uniform(0.3, 1), 2), category])
            for _ in range(random.poisson(1.0)):
                beside = [*random.uniform(0, 200, 2), *random.uniform(20, 60, 2)]
                found.append([image, *beside, round(random.uniform(0, 0.7), 2), category])
    return objects, np.array(found)


def of_pycocotools(objects: list[dict[str, Any]], found: npt.NDArray[Any], images: int) -> list[float]:
    truth = COCO()
    categories = [{"id": number} for number in sorted({entry["category_id"] for entry in objects})]
    listed = [{"id": i} for i in range(images)]
    truth.dataset = {"images": listed, "annotations": objects, "categories": categories}
    truth.createIndex()
    judged = COCOeval(truth, truth.loadRes(found), "bbox")
    judged.evaluate()
    judged.accumulate()
    judged.summarize()
    scores: list[float] = judged.stats[:2].tolist()
    return scores


@pytest.mark.parametrize("seed", range(3))
def test_the_map_is_that_of_pycocotools(seed: int) -> None:
    objects, found = pictures(np.random.default_rng(seed), 20)
    whole, half = mean_average_precision(objects, found, weights(20))
    assert [whole[0], half[0]] == pytest.approx(of_pycocotools(objects, found, 20), abs=1e-12)


def test_the_map_of_a_draw_is_that_of_images_given_as_often() -> None:
    objects, found = pictures(np.random.default_rng(9), 20)
    drawn = weights(20)
    whole, half = mean_average_precision(objects, found, drawn)
    again: list[dict[str, Any]] = []
    rows = []
    images = np.repeat(np.arange(20), drawn[1].astype(int))
    for number, image in enumerate(images):
        of_image = [entry for entry in objects if entry["image_id"] == image]
        again += [{**entry, "image_id": number, "id": len(again) + 1 + i} for i, entry in enumerate(of_image)]
        rows += [[number, *row[1:]] for row in found[found[:, 0] == image].tolist()]
    assert [whole[1], half[1]] == pytest.approx(of_pycocotools(again, np.array(rows), len(images)), abs=1e-12)


def held(scores: Iterable[Score], truth: float) -> float:
    """The share of the scores' intervals that hold the truth."""
    intervals = [score.interval for score in scores]
    return float(np.mean([each is not None and each.low <= truth <= each.high for each in intervals]))


@pytest.mark.parametrize(("images", "promised"), [(20, 0.8), (200, 0.93)])
def test_intervals_of_the_map_hold_that_of_all_images(images: int, promised: float) -> None:
    """So many of 100 intervals of 95 %, as docs/data.md says: fewer for few images."""
    random = np.random.default_rng(1)
    objects, found = pictures(random, 4000)
    truth = mean_average_precision(objects, found, np.ones((1, 4000)))[0][0]
    drawn = weights(images)
    scores = [
        score_of(
            "mAP",
            mean_average_precision(*pictures(random, images), drawn)[0],
            images,
            higher_is_better=True,
            is_share=True,
        )
        for _ in range(60)
    ]
    assert held(scores, truth) >= promised


def masks_of(random: np.random.Generator, images: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Masks of four classes, the last of them rare, and what is said of them: some images are harder than others."""
    wanted = random.choice(4, p=[0.5, 0.3, 0.17, 0.03], size=(images, 8, 8)).astype(np.uint8)
    wrong = random.random((images, 8, 8)) < random.beta(1, 4, size=(images, 1, 1))
    return wanted, np.where(wrong, random.integers(4, size=wanted.shape), wanted)


@pytest.mark.parametrize(("images", "promised"), [(10, 0.9), (50, 0.93)])
def test_intervals_of_the_miou_hold_that_of_all_images(images: int, promised: float) -> None:
    random = np.random.default_rng(2)
    wanted, said = masks_of(random, 20_000)
    truth = segmentation.judge({"classes": said}, {"masks": wanted})[0].value
    drawn = [masks_of(random, images) for _ in range(400)]
    scores = [segmentation.judge({"classes": said}, {"masks": wanted})[0] for wanted, said in drawn]
    assert held(scores, truth) >= promised


def test_intervals_of_a_loss_hold_that_of_all_images() -> None:
    """Of a model that says one class in twenty wrong which another says right, on 20 images."""
    random = np.random.default_rng(4)

    def drawn(images: int) -> tuple[Score, Score]:
        wanted, said = masks_of(random, images)
        worse = np.where(random.random(said.shape) < 0.05, random.integers(4, size=said.shape), said)
        first, second = (segmentation.judge({"classes": each}, {"masks": wanted})[0] for each in (said, worse))
        return first, second

    before, after = drawn(20_000)
    losses = [paired_score(*drawn(20)) for _ in range(200)]
    assert (
        np.mean([each is not None and each.low <= before.value - after.value <= each.high for each in losses]) >= 0.95
    )


def test_intervals_of_an_error_hold_that_of_all_samples() -> None:
    random = np.random.default_rng(3)
    scores = [
        regression.judge({"gaze": random.lognormal(0, 0.7, (50, 1))}, {"gaze": np.zeros((50, 1))})[0]
        for _ in range(400)
    ]
    assert held(scores, float(np.exp(0.7**2 / 2))) >= 0.9  # skewed: few samples are far off
