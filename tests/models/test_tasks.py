"""Tasks: outputs are judged by what is right, and a metric may be the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from edgetool.errors import ConfigError, ModelError
from edgetool.models.tasks import detection, regression, segmentation
from edgetool.models.tasks.own import check_metrics, own_scores


def test_miou_is_the_mean_over_classes_of_intersection_by_union() -> None:
    wanted = np.array([[[0, 0, 1, 1]]], np.uint8)
    said = np.array([[[0, 1, 1, 1]]])
    logits = np.eye(3)[said].transpose(0, 3, 1, 2)
    scores = {score.name: score.value for score in segmentation.judge({"out": logits}, {"masks": wanted})}
    assert scores == {"mIoU": pytest.approx((1 / 2 + 2 / 3) / 2), "pixel accuracy": 0.75}


def test_pixels_of_255_are_not_judged_and_small_outputs_are_enlarged() -> None:
    wanted = np.array([[[0, 0, 1, 1], [0, 255, 1, 1]]], np.uint8)
    scores = segmentation.judge({"classes": np.array([[[0, 1]]])}, {"masks": wanted})
    assert [score.value for score in scores] == [1.0, 1.0]


def test_an_output_that_gives_no_class_for_each_pixel_is_refused() -> None:
    with pytest.raises(ModelError, match="no output gives a class for each pixel"):
        segmentation.judge({"out": np.zeros((1, 1, 4, 4), np.float32)}, {"masks": np.zeros((1, 4, 4), np.uint8)})


BOX = [4.0, 8.0, 12.0, 24.0]
TRUTH = {"boxes": np.array([[BOX]]), "classes": np.array([[1]])}


def as_channels(score: float) -> dict[str, npt.NDArray[Any]]:
    """One box at place 5 of YOLOv8's form, with class 1."""
    found = np.zeros((1, 6, 64), np.float32)
    found[0, :, 5] = [8, 16, 8, 16, 0, score]
    return {"output0": found}


def in_every_form() -> dict[str, dict[str, npt.NDArray[Any]]]:
    five = np.zeros((1, 64, 7), np.float32)
    five[0, 5] = [8, 16, 8, 16, 0.9, 0, 1]
    scores = np.zeros((1, 64, 3), np.float32)
    scores[0, :, 0], scores[0, 5] = 1, [0.1, 0.9, 0]
    boxes = np.zeros((1, 64, 4), np.float32)
    boxes[0, 5] = BOX
    ten = np.zeros((1, 300, 6), np.float32)
    ten[0, 0] = [*BOX, 0.9, 1]
    return {
        "YOLOv8": as_channels(0.9),
        "YOLOv5": {"output0": five},
        "YOLOv10": {"output0": ten},
        "boxes and scores": {"boxes": boxes, "scores": scores},
        "labels": {
            "boxes": np.array([[BOX]]),
            "labels": np.array([[1]]),
            "scores": np.array([[0.9]]),
        },
    }


@pytest.mark.parametrize("form", in_every_form())
def test_a_right_box_in_any_form_has_an_map_of_one(form: str) -> None:
    scores = {score.name: score.value for score in detection.judge(in_every_form()[form], TRUTH)}
    assert scores == {"mAP": pytest.approx(1.0), "mAP50": pytest.approx(1.0)}


def test_a_box_beside_counts_where_less_overlap_is_asked_for() -> None:
    beside = as_channels(0.9)
    beside["output0"][0, 0, 5] += 2  # IoU 0.6: right at 0.5, 0.55 and 0.6 of ten thresholds
    scores = {score.name: score.value for score in detection.judge(beside, TRUTH)}
    assert scores == {"mAP": pytest.approx(0.3), "mAP50": pytest.approx(1.0)}


@pytest.mark.parametrize("form", list(in_every_form()))
def test_a_detector_agrees_with_its_own_detections_and_not_with_those_of_another(form: str) -> None:
    own = in_every_form()[form]
    taken = detection.KIND.take_for_true(own)
    assert taken["classes"].tolist() == [[1]]
    assert detection.judge(own, taken)[0].value == 1.0
    assert detection.judge(own, {**taken, "boxes": taken["boxes"] + 20})[0].value == 0.0


def test_what_a_detector_is_not_sure_of_is_not_taken_for_true_and_nor_are_unknown_outputs() -> None:
    assert (detection.KIND.take_for_true(as_channels(0.2))["classes"] == -1).all()
    assert detection.KIND.take_for_true({"out": np.zeros((1, 7))}) == {}


def test_a_segmenter_agrees_with_its_own_classes() -> None:
    logits = np.random.default_rng(0).standard_normal((3, 5, 8, 8)).astype(np.float32)
    taken = segmentation.KIND.take_for_true({"out": logits})
    assert [score.value for score in segmentation.judge({"out": logits}, taken)] == [1.0, 1.0]
    assert segmentation.judge({"out": -logits}, taken)[0].value < 0.5
    assert segmentation.KIND.take_for_true({"out": np.zeros((1, 1, 8, 8), np.float32)}) == {}


def test_nothing_found_is_a_map_of_zero() -> None:
    assert [score.value for score in detection.judge(as_channels(0.0), TRUTH)] == [0.0, 0.0]


def test_of_two_boxes_that_overlap_the_better_is_kept_and_other_classes_stay() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 10]], np.float32)
    found = detection.suppressed(boxes, np.array([[0.5, 0], [0.9, 0], [0, 0.7]], np.float32))
    assert found.scores.tolist() == pytest.approx([0.9, 0.7])
    assert found.classes.tolist() == [0, 1]


def test_an_unknown_form_of_detections_is_refused() -> None:
    with pytest.raises(ModelError, match="no known form of detections"):
        detection.judge({"out": np.zeros((1, 4))}, TRUTH)


def test_regression_is_judged_by_the_mean_absolute_error_of_each_output() -> None:
    (score,) = regression.judge({"gaze": np.array([[1.0, 2.0]]), "more": np.zeros(1)}, {"gaze": np.array([[2.0, 4.0]])})
    assert (score.name, score.value, score.higher_is_better) == ("MAE of gaze", 1.5, False)


def test_truth_of_a_regression_may_have_the_batchs_axis_and_no_other_shape() -> None:
    outputs = {"gaze": np.array([[1.0, 2.0], [3.0, 4.0]])}
    (score,) = regression.judge(outputs, {"gaze": np.array([[[1.0, 2.0]], [[3.0, 6.0]]])})
    assert score.value == 0.5
    with pytest.raises(ModelError, match=r"output 'gaze' is \(2, 2\), truth_gaze \(2, 1\)"):
        regression.judge(outputs, {"gaze": np.zeros((2, 1))})


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine_of_tests.py").write_text(
        "def worst(outputs, truth):\n    return abs(outputs['gaze'] - truth['gaze']).max()\n"
        "def both(outputs, truth):\n    return {'low': 0, 'high': 1.5}\n"
        "def each(outputs, truth):\n    return abs(outputs['gaze'] - truth['gaze'])\n"
        "both.higher_is_better = {'high': True}\n"
        "each.higher_is_better = False\n"
        "def text(outputs, truth):\n    return 'good'\n"
        "def loud(outputs, truth):\n    return 1\n"
        "loud.higher_is_better = 'yes'\n"
    )
    return tmp_path


@pytest.mark.usefixtures("mine")
def test_a_metric_of_ones_own_is_called_with_outputs_and_truth() -> None:
    arrays = {"gaze": np.array([1.0, 3.0])}, {"gaze": np.array([1.0, 2.5])}
    scores = own_scores(["mine_of_tests:worst", "mine_of_tests:both"], *arrays, 2)
    assert [(score.name, score.value, score.higher_is_better) for score in scores] == [
        ("mine_of_tests:worst", 0.5, None),
        ("mine_of_tests:both low", 0.0, None),
        ("mine_of_tests:both high", 1.5, True),
    ]
    assert not any(score.has_points for score in scores)  # of no share a hundredth means a point


@pytest.mark.usefixtures("mine")
def test_a_metric_that_gives_a_number_for_each_sample_has_an_interval() -> None:
    arrays = {"gaze": np.arange(20.0)}, {"gaze": np.zeros(20)}
    (score,) = own_scores(["mine_of_tests:each"], *arrays, 20)
    assert score.value == pytest.approx(9.5)
    assert score.higher_is_better is False
    assert score.interval is not None
    assert score.interval.low < 9.5 < score.interval.high
    with pytest.raises(ConfigError, match="mine_of_tests:each gave"):
        own_scores(["mine_of_tests:each"], *arrays, 19)


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(("metric", "says"), [("text", "gave 'good'"), ("worst", "raised KeyError: 'gaze'")])
def test_a_metric_of_ones_own_that_fails_is_named(metric: str, says: str) -> None:
    with pytest.raises(ConfigError, match=f"mine_of_tests:{metric} {says}"):
        own_scores([f"mine_of_tests:{metric}"], {}, {}, 2)


@pytest.mark.usefixtures("mine")
def test_a_metric_that_says_neither_higher_nor_lower_is_refused_before_anything_is_built() -> None:
    check_metrics(["mine_of_tests:both", "mine_of_tests:each", "mine_of_tests:worst"])
    with pytest.raises(ConfigError, match="higher_is_better is 'yes'"):
        check_metrics(["mine_of_tests:loud"])
