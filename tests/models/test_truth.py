"""What is right is read from data: COCO's files, masks beside pictures, arrays."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from edgetool.errors import ConfigError
from edgetool.models.coco import find_coco
from edgetool.models.images import ImageSet, Split, images_digest, read_images
from edgetool.models.preprocessing import PictureInput
from edgetool.models.spec import Preprocessing, Resize, Task, TensorSpec
from edgetool.models.tasks import detection, segmentation
from edgetool.models.tasks.table import kind_of

YOLO = {"output0": (1, 6, 64)}  # two classes
SHAPES: dict[str, tuple[int, ...]] = {"boxes": (4,), "labels": (), "scores": ()}  # of a detection
SIDE = 32


def outputs(**shapes: tuple[int, ...]) -> list[TensorSpec]:
    return [TensorSpec(name=name, dtype="float32", shape=shape) for name, shape in shapes.items()]


def read(folder: Path, task: Task, tensors: list[TensorSpec], resize: Resize = Resize.STRETCH) -> ImageSet:
    kind = kind_of(task, tensors)
    to_input = PictureInput(shape=(3, SIDE, SIDE), preprocessing=Preprocessing(resize=resize))
    return read_images(
        folder, to_input, split=Split.HELD_OUT, whole=True, read_truth=lambda found: kind.read(found, tensors)
    )


def coco(folder: Path, *objects: dict[str, Any], size: tuple[int, int] = (64, 32), pictures: int = 2) -> Path:
    """Pictures 0.png, 1.png… in images/, and objects of the categories 3 and 7."""
    (folder / "images").mkdir(exist_ok=True)
    for i in range(pictures):
        Image.new("RGB", size).save(folder / "images" / f"{i}.png")
    listed = [{"id": 10 + i, "file_name": f"{i}.png", "width": size[0], "height": size[1]} for i in range(pictures)]
    document = {
        "info": {"year": 2026},
        "images": listed,
        "annotations": [{"id": 1 + i, "area": 1.5, **entry} for i, entry in enumerate(objects)],
        "categories": [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}],
    }
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder


def box(image: int, category: int, *sides: float) -> dict[str, Any]:
    return {"image_id": 10 + image, "category_id": category, "bbox": list(sides)}


@pytest.mark.parametrize(
    ("resize", "corners"),
    [
        (Resize.STRETCH, [4, 8, 12, 24]),
        (Resize.PAD, [4, 12, 12, 20]),  # 64×32 becomes 32×16, with eight rows above
        (Resize.CROP, [0, 8, 8, 24]),  # 64×32 stays, with sixteen columns cut off on either side
    ],
)
def test_boxes_are_placed_as_the_picture_is(tmp_path: Path, resize: Resize, corners: list[int]) -> None:
    coco(tmp_path, box(0, 7, 8, 8, 16, 16))
    found = read(tmp_path, Task.DETECTION, outputs(**YOLO), resize)
    assert found.truth["boxes"][0, 0].tolist() == corners
    assert found.truth["classes"].tolist() == [[1], [-1]]


def test_classes_of_torchvisions_form_are_the_categories_ids(tmp_path: Path) -> None:
    coco(tmp_path, box(0, 7, 8, 8, 16, 16), box(1, 3, 0, 0, 8, 8))
    found = read(tmp_path, Task.DETECTION, outputs(boxes=(1, 64, 4), scores=(1, 64, 91)))
    assert found.truth["classes"].tolist() == [[7], [3]]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ({"images": []}, "does not list images/0.png"),
        ({"categories": [{"id": 7, "name": "dog"}]}, "1 categories, and the model 2 classes"),
        ({"categories": [{"id": 7}, {"id": 9}]}, "no category has the id 3"),
        ({"annotations": [{"image_id": 10, "category_id": 3, "bbox": [1, 2]}]}, "left, top, width and height"),
        ({"images": [{"id": "ten"}]}, "images.0.id"),
    ],
)
def test_a_coco_file_that_does_not_fit_is_refused(tmp_path: Path, spoil: dict[str, Any], says: str) -> None:
    file = coco(tmp_path, box(0, 3, 0, 0, 8, 8)) / "annotations.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **spoil}))
    with pytest.raises(ConfigError, match=says):
        read(tmp_path, Task.DETECTION, outputs(**YOLO))


def test_annotations_are_part_of_a_folders_digest(tmp_path: Path) -> None:
    before = images_digest(coco(tmp_path))
    assert images_digest(coco(tmp_path, box(0, 3, 0, 0, 8, 8))) != before


def test_a_coco_file_labels_pictures_of_one_category(tmp_path: Path) -> None:
    coco(tmp_path, box(0, 7, 0, 0, 8, 8), box(0, 7, 9, 9, 8, 8), box(1, 3, 0, 0, 8, 8))
    found = read(tmp_path, Task.CLASSIFICATION, outputs(logits=(1, 2)))
    assert found.labels is not None
    assert found.labels.tolist() == [1, 0]


@pytest.mark.parametrize(("objects", "says"), [([], "0 categories"), ([(0, 3), (0, 7)], "2 categories")])
def test_a_picture_that_a_coco_file_does_not_label_is_refused(
    tmp_path: Path, objects: list[tuple[int, int]], says: str
) -> None:
    coco(tmp_path, *(box(image, category, 0, 0, 8, 8) for image, category in objects))
    with pytest.raises(ConfigError, match=says):
        read(tmp_path, Task.CLASSIFICATION, outputs(logits=(1, 2)))


def test_masks_lie_beside_pictures_by_name_and_what_is_padded_is_not_judged(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    for name, value in (("a", 1), ("b", 2)):
        Image.new("RGB", (64, 32)).save(tmp_path / "images" / f"{name}.jpg")
        Image.new("L", (64, 32), value).save(tmp_path / "masks" / f"{name}.png")
    found = read(tmp_path, Task.SEGMENTATION, outputs(masks=(1, 3, SIDE, SIDE)), Resize.PAD)
    assert found.labels is None
    assert found.truth["masks"][:, 16, 16].tolist() == [1, 2]
    assert (found.truth["masks"][:, :8] == segmentation.IGNORED).all()
    (tmp_path / "masks" / "b.png").unlink()
    with pytest.raises(ConfigError, match=r"b\.jpg has no mask"):
        read(tmp_path, Task.SEGMENTATION, outputs(masks=(1, 3, SIDE, SIDE)))


def test_a_coco_files_outlines_are_drawn_by_their_categories(tmp_path: Path) -> None:
    left = {**box(0, 7, 0, 0, 32, 32), "segmentation": [[0, 0, 32, 0, 32, 32, 0, 32]]}
    coco(tmp_path, left)
    found = read(tmp_path, Task.SEGMENTATION, outputs(masks=(1, 8, SIDE, SIDE)))
    assert found.truth["masks"][0, 16, [4, 28]].tolist() == [7, 0]


@pytest.mark.parametrize(
    ("outline", "says"),
    [
        ({"counts": [1, 2], "size": [32, 64]}, "runs are 3 pixels"),
        ({"counts": "PPYo0", "size": [32, 64]}, "cannot draw"),
        ({"counts": "~~~", "size": [32, 64]}, "no run lengths"),
        ({"counts": "oooooooooooo0", "size": [32, 64]}, "no run lengths"),
        ([[0, 0, 1e9, 0, 1e9, 1e9]], "outside the picture"),
        ([[0, 0, 4, 4]], "at least three"),
        (None, "cannot draw"),
    ],
)
def test_an_outline_that_cannot_be_drawn_is_refused(tmp_path: Path, outline: Any, says: str) -> None:
    coco(tmp_path, {**box(0, 7, 0, 0, 32, 32), "segmentation": outline})
    with pytest.raises(ConfigError, match=says):
        read(tmp_path, Task.SEGMENTATION, outputs(masks=(1, 8, SIDE, SIDE)))


Form = Callable[[npt.NDArray[np.uint8]], Any]


def as_polygon(mask: npt.NDArray[np.uint8]) -> list[list[int]]:
    (top, left), (bottom, right) = np.argwhere(mask)[[0, -1]].tolist()
    return [[left, top, right + 1, top, right + 1, bottom + 1, left, bottom + 1]]


def as_run_lengths(mask: npt.NDArray[np.uint8]) -> dict[str, Any]:
    ends = np.flatnonzero(np.diff(mask.T.ravel(), prepend=0, append=2))
    return {"counts": np.diff(ends, prepend=0).tolist(), "size": list(mask.shape)}


def as_text(mask: npt.NDArray[np.uint8]) -> dict[str, Any]:
    packed = coco_mask.encode(np.asfortranarray(mask))
    return {"counts": packed["counts"].decode(), "size": packed["size"]}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A folder like COCO's: val/ beside annotations/, gaps in ids, crowds, all forms of outlines, a picture missing."""
    random = np.random.default_rng(7)
    forms: list[Form] = [as_polygon, as_run_lengths, as_text]
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    (tmp_path / "annotations").mkdir()
    (tmp_path / "val").mkdir()
    for number in range(9):
        width, height = random.integers(60, 200, 2).tolist()
        images.append({"id": 100 + 7 * number, "file_name": f"{number}.png", "width": width, "height": height})
        if number < 8:
            Image.new("RGB", (width, height)).save(tmp_path / "val" / f"{number}.png")
        for _ in range(0 if number == 3 else 3):
            (left, top), (wide, high) = random.integers(0, 20, 2).tolist(), random.integers(15, 40, 2).tolist()
            mask = np.zeros((height, width), np.uint8)
            mask[top : top + high, left : left + wide] = 1
            entry = {
                "id": 1 + len(annotations),
                "image_id": images[-1]["id"],
                "category_id": int(random.choice([3, 7, 90])),
                "bbox": [left, top, wide, high],
                "area": wide * high,
                "iscrowd": int(random.random() < 0.2),
            }
            annotations.append({**entry, "segmentation": forms[len(annotations) % 3](mask)})
    categories = [{"id": number, "name": str(number)} for number in (3, 7, 90, 17)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (tmp_path / "annotations" / "instances_val.json").write_text(json.dumps(document))
    (tmp_path / "annotations" / "captions_val.json").write_text(json.dumps({"images": images, "annotations": []}))
    return tmp_path


def test_the_map_of_a_coco_folder_is_that_of_pycocotools_on_the_file_itself(dataset: Path) -> None:
    """It reads the file on its own, and judges in pixels of each picture, edgetool in pixels of the input."""
    truth = COCO(dataset / "annotations" / "instances_val.json")
    random = np.random.default_rng(8)
    made = {name: np.zeros((8, 20, *rest), np.float32) for name, rest in SHAPES.items()}
    found = []
    for place in range(8):
        (picture,) = truth.loadImgs([100 + 7 * place])
        across = np.array([SIDE / picture["width"], SIDE / picture["height"]])
        objects = truth.loadAnns(truth.getAnnIds(imgIds=[picture["id"]]))
        for row, entry in enumerate(objects * 2):
            left_top = entry["bbox"][:2] + random.normal(0, 3, 2)
            sides = np.maximum(entry["bbox"][2:] + random.normal(0, 3, 2), 2)
            number = entry["category_id"] if random.random() < 0.8 else 17
            score = float(np.float32(random.uniform(0.1, 1)))
            found.append([picture["id"], *left_top, *sides, score, number])
            made["boxes"][place, row] = [*(left_top * across), *((left_top + sides) * across)]
            made["scores"][place, row], made["labels"][place, row] = score, number
    judged = COCOeval(truth, truth.loadRes(np.array(found)), "bbox")
    judged.params.imgIds = [100 + 7 * place for place in range(8)]
    judged.evaluate()
    judged.accumulate()
    judged.summarize()
    tensors = outputs(**{name: (1, 20, *rest) for name, rest in SHAPES.items()})
    scores = detection.judge(made, read(dataset, Task.DETECTION, tensors).truth)
    assert [score.value for score in scores] == pytest.approx(judged.stats[:2].tolist(), abs=1e-6)
    assert 0.1 < scores[0].value < 0.9


def test_the_masks_of_a_coco_folder_are_those_of_pycocotools(dataset: Path) -> None:
    truth = COCO(dataset / "annotations" / "instances_val.json")
    found = find_coco(dataset)
    assert found is not None
    for place in range(8):
        (picture,) = truth.loadImgs([100 + 7 * place])
        expected = np.zeros((picture["height"], picture["width"]), np.uint8)
        for entry in truth.loadAnns(truth.getAnnIds(imgIds=[picture["id"]])):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                inside = truth.annToMask(entry).astype(bool)
            expected[inside] = 255 if entry["iscrowd"] else entry["category_id"]
        drawn = found.mask(dataset, dataset / "val" / picture["file_name"], ignored=255)
        assert np.array_equal(drawn, expected)


def test_run_lengths_are_read_in_columns(tmp_path: Path) -> None:
    coco(tmp_path, {**box(0, 7, 0, 0, 1, 32), "segmentation": {"counts": [0, 64, 31 * 64], "size": [32, 64]}})
    found = read(tmp_path, Task.SEGMENTATION, outputs(masks=(1, 8, SIDE, SIDE)))
    assert found.truth["masks"][0, 16, :2].tolist() == [7, 0]  # two of 64 columns become one of 32


def test_an_npz_holds_the_truth_of_any_task(tmp_path: Path) -> None:
    inputs = np.zeros((10, 3, SIDE, SIDE), np.float32)
    np.savez(tmp_path / "a.npz", images=inputs, truth_gaze=np.arange(10))
    found = read_images(tmp_path / "a.npz", PictureInput(shape=(3, SIDE, SIDE)), split=Split.HELD_OUT)
    assert found.truth["gaze"].tolist() == [4, 9]
    np.savez(tmp_path / "a.npz", images=inputs, truth_gaze=np.arange(9))
    with pytest.raises(ConfigError, match=r"truth_gaze has shape \(9,\), wanted \(10, …\)"):
        read_images(tmp_path / "a.npz", PictureInput(shape=(3, SIDE, SIDE)), split=Split.HELD_OUT)
