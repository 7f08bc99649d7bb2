"""How pictures become inputs: by options, by the model's own metadata, in every layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from edgetool.errors import ConfigError
from edgetool.models.artifacts import read_artifact
from edgetool.models.export import export_model
from edgetool.models.preprocessing import PictureInput, as_asked
from edgetool.models.spec import ModelRequest, Preprocessing, PreprocessingRequest, Resize, StatedBy
from edgetool.models.zoo import preprocessing_of


def flat(color: tuple[int, int, int] = (255, 0, 51), size: tuple[int, int] = (8, 8)) -> Image.Image:
    return Image.new("RGB", size, color)


def pixel(shape: tuple[int, ...] = (3, 4, 4), dtype: str = "float32", **asked: object) -> list[float]:
    how = as_asked(PreprocessingRequest(**asked), Preprocessing())  # type: ignore[arg-type]
    array = PictureInput(preprocessing=how, shape=shape, dtype=dtype)(flat())
    assert (array.shape, array.dtype.name) == (shape, dtype)
    channels = array[:, 0, 0] if shape[0] == 3 else array[0, 0]
    return [round(float(number), 4) for number in channels]


def test_presets_and_numbers_and_colors_are_what_the_model_sees() -> None:
    assert pixel(preset="zero-one") == [1, 0, 0.2]
    assert pixel(preset="minus-one-one") == [1, -1, -0.6]
    assert pixel(preset="none") == [255, 0, 51]
    assert pixel(preset="none", color="bgr") == [51, 0, 255]
    assert pixel(mean=(1.0, 0.0, 0.0), std=(2.0, 1.0, 1.0), scale=1.0) == [127, 0, 51]


def test_an_input_with_channels_last_and_one_of_bytes_are_filled() -> None:
    assert pixel((4, 4, 3), preset="zero-one") == [1, 0, 0.2]
    assert pixel((4, 4, 3), "uint8", preset="none") == [255, 0, 51]


def test_a_wide_picture_is_cropped_stretched_or_padded() -> None:
    wide = Image.new("RGB", (8, 4))
    wide.paste((255, 255, 255), (0, 0, 4, 4))

    def row(resize: Resize) -> list[float]:
        how = as_asked(PreprocessingRequest(preset="none", resize=resize), Preprocessing())
        found = PictureInput(preprocessing=how, shape=(3, 4, 4))(wide)[0]
        return [float(found[2, 0]), float(found[0, 0])]

    assert row(Resize.CROP) == [255, 255]
    assert row(Resize.STRETCH)[0] == 255
    assert row(Resize.PAD) == [255, 114]  # the letterbox's bar is above


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (PreprocessingRequest(preset="caffe"), "no preprocessing 'caffe'"),
        (PreprocessingRequest(mean=(0.0,)), "--mean has 1 numbers and --std 3"),
        (PreprocessingRequest(std=(1.0, 0.0, 1.0)), "std"),
        (PreprocessingRequest(crop=2.0), "crop"),
    ],
)
def test_what_does_not_fit_is_named(asked: PreprocessingRequest, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        as_asked(asked, Preprocessing())


def test_what_was_asked_for_is_kept_in_the_onnx_file(tiny_path: Path, tmp_path: Path) -> None:
    asked = PreprocessingRequest(preset="minus-one-one", resize=Resize.PAD)
    made = export_model(ModelRequest(source=str(tiny_path), preprocessing=asked), tmp_path, opset=20).artifact
    assert made.spec.preprocessing is not None
    assert made.spec.preprocessing.title == "minus-one-one, rgb, resize pad 1 (asked for)"
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(made.path.read_bytes())
    onnx.checker.check_model(copy)
    stated = preprocessing_of(ModelRequest(source=str(copy)))
    assert (stated.mean, stated.resize, stated.stated_by) == ((0.5,) * 3, Resize.PAD, StatedBy.MODEL)
    assert read_artifact(copy).spec.preprocessing == stated


def test_a_file_that_states_nothing_is_left_as_it_is(tiny_path: Path, tmp_path: Path) -> None:
    made = export_model(ModelRequest(source=str(tiny_path)), tmp_path, opset=20).artifact
    assert made.path.read_bytes() == tiny_path.read_bytes()
    assert made.spec.preprocessing is not None
    assert made.spec.preprocessing.stated_by is StatedBy.NOBODY


def test_torchvisions_own_transform_is_taken() -> None:
    pytest.importorskip("torchvision")
    stated = preprocessing_of(ModelRequest(source="efficientnet_b0", weights="imagenet"))
    assert stated.crop == pytest.approx(224 / 256)
    np.testing.assert_allclose(stated.std, (0.229, 0.224, 0.225))
    assert stated.stated_by is StatedBy.MODEL
