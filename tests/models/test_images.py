"""Images: folders and .npz files as a model's inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edgetool.errors import ConfigError
from edgetool.models.images import ImageSet, Split, images_digest, read_images
from edgetool.models.preprocessing import PictureInput
from edgetool.models.spec import ModelRequest, Preprocessing, TensorSpec
from edgetool.pipeline.images import ImageSource
from tests.support.records import model_spec

SMALL = PictureInput(shape=(3, 16, 16))
SPLITS = list(Split)


def picture(path: Path, colour: int = 0, size: tuple[int, int] = (20, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (colour, colour, colour)).save(path)
    return path


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def brightness(images: ImageSet) -> list[float]:
    return [float(value) for value in images.inputs[:, 0, 0, 0]]


def test_a_folder_is_read_recursively_in_the_order_of_its_names(tmp_path: Path) -> None:
    for i, name in enumerate(["b.png", "a/z.jpg", "c.BMP"]):
        picture(tmp_path / name, i * 80)
    (tmp_path / "notes.txt").write_text("no picture")
    found = read_images(tmp_path, SMALL, split=Split.HELD_OUT, whole=True)
    assert found.inputs.shape == (3, 3, 16, 16)
    assert found.labels is None
    assert np.argsort(brightness(found)).tolist() == [1, 0, 2]


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK", "I;16"])
def test_a_picture_of_any_mode_is_read(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (8, 8)).save(tmp_path / "picture.tif")
    assert read_images(tmp_path, SMALL, split=Split.HELD_OUT).inputs.shape == (1, 3, 16, 16)


@pytest.mark.parametrize("size", [(1, 1), (1, 100), (100, 1), (16, 16), (300, 200)])
def test_a_picture_of_any_size_fills_the_input(tmp_path: Path, size: tuple[int, int]) -> None:
    picture(tmp_path / "p.png", 255, size)
    found = read_images(
        tmp_path, PictureInput(shape=(3, 16, 24), preprocessing=Preprocessing(crop=0.875)), split=Split.HELD_OUT
    ).inputs
    assert found.shape == (1, 3, 16, 24)
    assert np.allclose(found[0, :, 0, 0], (1 - np.array([0.485, 0.456, 0.406])) / [0.229, 0.224, 0.225], atol=1e-5)


def test_a_model_of_one_channel_sees_grey(tmp_path: Path) -> None:
    picture(tmp_path / "p.png", 255)
    one = PictureInput(shape=(1, 16, 16), preprocessing=Preprocessing(mean=(0.5,), std=(0.5,)))
    assert np.allclose(read_images(tmp_path, one, split=Split.HELD_OUT).inputs, np.ones((1, 1, 16, 16)))


@pytest.mark.parametrize("channels", [2, 4])
def test_pictures_do_not_fit_a_model_of_other_channels(tmp_path: Path, channels: int) -> None:
    picture(tmp_path / "p.png")
    with pytest.raises(ConfigError, match="channels"):
        read_images(tmp_path, PictureInput(shape=(channels, 16, 16)), split=Split.HELD_OUT)


def test_a_folder_for_each_class_gives_labels(tmp_path: Path) -> None:
    for i, name in enumerate(["dog/a.png", "cat/b.png", "cat/c.png", "dog/d/e.png"]):
        picture(tmp_path / name, i * 60)
    found = read_images(tmp_path, SMALL, split=Split.HELD_OUT, whole=True)
    assert found.labels is not None
    assert found.labels.tolist() == [0, 0, 1, 1]


def test_pictures_beside_the_classes_make_labels_unsure_and_there_are_none(tmp_path: Path) -> None:
    for name in ["dog/a.png", "cat/b.png", "c.png"]:
        picture(tmp_path / name)
    assert read_images(tmp_path, SMALL, split=Split.HELD_OUT, whole=True).labels is None


@given(st.integers(2, 2000))
def test_the_two_splits_share_nothing_and_leave_nothing_out(count: int) -> None:
    parts = [np.arange(count)[split.choose(count)].tolist() for split in SPLITS]
    assert sorted(parts[0] + parts[1]) == list(range(count))
    assert min(map(len, parts)) >= 1


def test_every_fifth_of_an_unsplit_npz_is_held_out_with_its_label(tmp_path: Path) -> None:
    path = npz(tmp_path / "i.npz", images=np.zeros((12, 8, 8), np.uint8), labels=np.arange(12))
    parts = [read_images(path, SMALL, split=split).labels for split in SPLITS]
    assert parts[1] is not None
    assert parts[1].tolist() == [4, 9]
    assert parts[0] is not None
    assert len(parts[0]) == 10


def test_a_split_npz_is_taken_at_its_word(tmp_path: Path) -> None:
    arrays = {"calibration_images": np.zeros((3, 8, 8), np.uint8), "heldout_images": np.zeros((2, 8, 8, 3), np.uint8)}
    path = npz(tmp_path / "i.npz", **arrays, heldout_labels=np.array([7, 8], np.uint8))
    assert len(read_images(path, SMALL, split=Split.CALIBRATION)) == 3
    held_out = read_images(path, SMALL, split=Split.HELD_OUT)
    assert held_out.labels is not None
    assert held_out.labels.tolist() == [7, 8]
    assert held_out.labels.dtype == np.int64


def test_float_inputs_are_used_as_they_are(tmp_path: Path) -> None:
    inputs = np.random.default_rng(0).standard_normal((4, 3, 16, 16), dtype=np.float32)
    found = read_images(npz(tmp_path / "i.npz", heldout_images=inputs), SMALL, split=Split.HELD_OUT)
    assert np.array_equal(found.inputs, inputs)


def test_a_limit_takes_the_first(tmp_path: Path) -> None:
    images = np.arange(9, dtype=np.uint8)[:, None, None] * np.ones((1, 8, 8), np.uint8)
    path = npz(tmp_path / "i.npz", heldout_images=images, heldout_labels=np.arange(9))
    found = read_images(path, SMALL, split=Split.HELD_OUT, limit=2)
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1]
    assert len(found.take(1)) == 1


def test_a_folder_and_an_npz_of_the_same_picture_are_the_same_input(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    (tmp_path / "folder").mkdir()
    Image.fromarray(pixels).save(tmp_path / "folder" / "p.png")
    path = npz(tmp_path / "i.npz", heldout_images=pixels[None])
    one, other = (read_images(source, SMALL, split=Split.HELD_OUT).inputs for source in (tmp_path / "folder", path))
    assert np.array_equal(one, other)


def test_an_empty_folder_says_what_to_put_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no images in") as caught:
        read_images(tmp_path, SMALL, split=Split.HELD_OUT)
    assert caught.value.hint is not None
    assert ".png" in caught.value.hint


@pytest.mark.parametrize("name", ["absent", "absent.npz", "notes.txt"])
def test_what_is_not_there_or_no_image_set_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("text")
    with pytest.raises(ConfigError, match=name):
        read_images(tmp_path / name, SMALL, split=Split.HELD_OUT)


def broken(kind: str, whole: bytes) -> bytes:
    middle = len(whole) // 2
    return {
        "text": b"no picture",
        "empty": b"",
        "truncated": whole[:middle],
        "damaged": whole[:40] + bytes(255 - byte for byte in whole[40:]),
        "checksum": whole[:-20] + bytes(255 - byte for byte in whole[-20:]),
        "header": whole[:8] + b"\xff" * 30,
    }[kind]


@pytest.mark.parametrize("kind", ["text", "empty", "truncated", "damaged", "header"])
def test_an_unreadable_picture_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "p.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    path.write_bytes(broken(kind, path.read_bytes()))
    with pytest.raises(ConfigError, match=r"cannot read the image .*p\.png"):
        read_images(tmp_path, SMALL, split=Split.HELD_OUT)


def test_a_folder_called_like_a_picture_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    picture(tmp_path / "p.png")
    assert len(read_images(tmp_path, SMALL, split=Split.HELD_OUT)) == 1
    assert images_digest(tmp_path)


@pytest.mark.parametrize(
    "arrays",
    [
        {"other": np.zeros(3)},
        {"images": np.zeros((0, 8, 8), np.uint8)},
        {"images": np.array(3)},
        {"images": np.zeros((4, 8, 8))},
        {"images": np.zeros((4, 8, 8), np.int32)},
        {"images": np.zeros((4, 3, 16, 15), np.float32)},
        {"images": np.zeros((4, 8, 8, 4), np.uint8)},
        {"images": np.zeros((4, 0, 8), np.uint8)},
        {"images": np.array(["a", "b"])},
        {"images": np.array([None, {}], dtype=object)},
        {"images": np.zeros((4, 8, 8), np.uint8), "labels": np.zeros(3, np.int64)},
        {"images": np.zeros((4, 8, 8), np.uint8), "labels": np.zeros(4)},
        {"images": np.zeros((4, 8, 8), np.uint8), "labels": np.zeros((4, 1), np.int64)},
    ],
)
def test_arrays_that_are_no_images_are_refused(tmp_path: Path, arrays: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"i\.npz"):
        read_images(npz(tmp_path / "i.npz", **arrays), SMALL, split=Split.HELD_OUT)


@pytest.mark.parametrize("which", ["empty", "text", "truncated", "damaged", "one array"])
def test_a_damaged_npz_is_named(tmp_path: Path, which: str) -> None:
    path = tmp_path / "i.npz"
    np.savez_compressed(path, images=np.random.default_rng(0).integers(0, 256, (9, 8, 8), dtype=np.uint8))
    whole = path.read_bytes()
    path.write_bytes(
        {
            "empty": b"",
            "text": b"nonsense",
            "truncated": whole[: len(whole) // 2],
            "damaged": whole[:80] + bytes(255 - byte for byte in whole[80:200]) + whole[200:],
            "one array": b"",
        }[which]
    )
    if which == "one array":
        with path.open("wb") as file:
            np.save(file, np.zeros((4, 8, 8), np.uint8))
    with pytest.raises(ConfigError, match=r"i\.npz"):
        read_images(path, SMALL, split=Split.HELD_OUT)


def test_the_digest_follows_what_would_be_read(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 1)
    first = images_digest(tmp_path)
    (tmp_path / "notes.txt").write_text("text")
    assert images_digest(tmp_path) == first
    picture(tmp_path / "a.png", 2)
    second = images_digest(tmp_path)
    (tmp_path / "a.png").rename(tmp_path / "b.png")
    assert len({first, second, images_digest(tmp_path)}) == 3


def test_the_digest_of_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="absent"):
        images_digest(tmp_path / "absent.npz")


def pictures(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(folder / name)
    return folder


@pytest.mark.parametrize(("written", "labels"), [("b.png,3\na.png,7\n", [7, 3]), ("a.png,dog\nb.png,cat\n", [1, 0])])
def test_labels_are_read_from_a_csv_among_the_pictures(tmp_path: Path, written: str, labels: list[int]) -> None:
    (pictures(tmp_path, "a.png", "b.png") / "labels.csv").write_text(written)
    found = read_images(tmp_path, PictureInput(shape=(3, 8, 8)), split=Split.CALIBRATION, whole=True)
    assert found.labels is not None
    assert found.labels.tolist() == labels


@pytest.mark.parametrize(
    ("written", "message"), [("a.png,1\n", "no label for b.png"), ("a.png\n", "not a file and a label")]
)
def test_a_csv_that_labels_not_every_picture_is_refused(tmp_path: Path, written: str, message: str) -> None:
    (pictures(tmp_path, "a.png", "b.png") / "labels.csv").write_text(written)
    with pytest.raises(ConfigError, match=message):
        read_images(tmp_path, PictureInput(shape=(3, 8, 8)), split=Split.CALIBRATION, whole=True)


def test_more_classes_than_the_model_outputs_are_refused(tmp_path: Path) -> None:
    folder = pictures(tmp_path, *(f"class{i}/{n}.png" for i in range(4) for n in range(5)))
    source = ImageSource(calibration=folder, held_out=folder)
    tensor = TensorSpec(name="input", dtype="float32", shape=(1, 3, 8, 8))
    logits = TensorSpec(name="logits", dtype="float32", shape=(1, 3))
    spec = model_spec(inputs=(tensor,), outputs=(logits,), preprocessing=Preprocessing())
    with pytest.raises(ConfigError, match="labels of 4 classes, and tiny outputs 3"):
        source.read(ModelRequest(source="x.onnx"), spec, Split.HELD_OUT, 1)


def test_held_out_images_that_were_calibrated_with_are_counted(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (12, 16, 16), np.uint8)
    source = ImageSource(
        calibration=npz(tmp_path / "some.npz", images=images[:8]),
        held_out=npz(tmp_path / "others.npz", images=images[6:]),
    )
    request = ModelRequest(source="tiny.onnx")
    fp32, int8 = (model_spec(preprocessing=Preprocessing(), calibration_samples=count) for count in (None, 8))
    held_out = source.samples(request, fp32, Split.HELD_OUT, 100)
    assert source.overlap(request, [fp32, int8], held_out) == 2
    assert source.overlap(request, [fp32], held_out) == 0
    assert source.title == "others.npz"


@pytest.mark.parametrize(
    ("named", "calibrates", "judges", "title"),
    [
        ({"calibration": "all"}, 8, 2, "every fifth of all"),
        ({"held_out": "all"}, 8, 2, "every fifth of all"),
        ({"calibration": "all", "held_out": "all"}, 10, 10, "all"),
        ({"calibration": "all", "held_out": "some"}, 10, 3, "some"),
        ({"calibration": "split.npz"}, 7, 4, "split.npz"),
    ],
)
def test_a_source_named_alone_is_divided_and_one_named_for_a_purpose_is_whole(
    tmp_path: Path, named: dict[str, str], calibrates: int, judges: int, title: str
) -> None:
    pictures(tmp_path / "all", *(f"{i}.png" for i in range(10)))
    pictures(tmp_path / "some", *(f"{i}.png" for i in range(3)))
    grey = np.zeros((11, 8, 8), np.uint8)
    npz(tmp_path / "split.npz", calibration_images=grey[:7], heldout_images=grey[7:])
    found = {purpose: tmp_path / name for purpose, name in named.items()}
    request = ModelRequest(source="tiny.onnx")
    source = ImageSource.choose(request, found.get("calibration"), found.get("held_out"))
    assert source is not None
    spec = model_spec(preprocessing=Preprocessing())
    counts = [len(source.samples(request, spec, split, 100)) for split in (Split.CALIBRATION, Split.HELD_OUT)]
    assert (counts, source.title) == ([calibrates, judges], title)


def test_the_shipped_models_images_are_called_by_their_data_set() -> None:
    source = ImageSource.choose(ModelRequest(), None, None)
    assert source is not None
    assert source.title == "UCI's handwritten digits"
