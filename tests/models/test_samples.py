"""Inputs by name: from an .npz, and from a user's own function."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgetool.errors import ConfigError, ModelError
from edgetool.models.images import ImageSet, Split
from edgetool.models.samples import Samples, function_digest, of_images, read_only_input, read_samples
from edgetool.models.spec import TensorSpec

INPUTS = (
    TensorSpec(name="image", dtype="float32", shape=(2, 3, 4, 4)),
    TensorSpec(name="scale", dtype="float32", shape=(1,)),
)

FUNCTIONS = """
import numpy as np

def samples():
    for i in range(10):
        yield {"image": np.full((2, 3, 4, 4), i, np.float32), "scale": np.ones(1, np.float32)}

def endless():
    while True:
        yield {"image": np.zeros((2, 3, 4, 4), np.float32), "scale": np.ones(1, np.float32)}

def single():
    for i in range(10):
        yield {"image": np.full((2, 3, 4, 4), i, np.float32), "truth_boxes": np.zeros(1)}

def tokens(): yield {"tokens": np.zeros((1, 8), np.int64)}
def wrong(): yield {"image": np.zeros((3, 4, 4), np.float32), "scale": np.ones(1, np.float32)}
def lists(): return [[1, 2]]
def fails(): raise RuntimeError("no camera")
"""


def read(source: Path | str, split: Split, *, whole: bool = False, limit: int | None = None) -> Samples:
    found = read_samples(Path(source), INPUTS, split=split, whole=whole, limit=limit)
    assert found is not None
    return found


def npz(path: Path, **arrays: object) -> Path:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"samples_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(FUNCTIONS)
    monkeypatch.chdir(tmp_path)
    return name


def test_an_npz_gives_each_input_by_its_name_and_every_fifth_is_held_out(tmp_path: Path) -> None:
    images = np.arange(20, dtype=np.float32).repeat(48).reshape(20, 3, 4, 4)  # two for each inference
    path = npz(tmp_path / "i.npz", image=images, scale=np.arange(10, dtype=np.float32)[:, None], labels=np.arange(10))
    held_out = read(path, Split.HELD_OUT)
    assert held_out.arrays["image"][:, :, 0, 0, 0].tolist() == [[8, 9], [18, 19]]
    assert held_out.arrays["scale"].ravel().tolist() == [4, 9]
    assert held_out.labels is not None
    assert held_out.labels.tolist() == [4, 9]
    assert len(read(path, Split.CALIBRATION)) == 8
    assert len(read(path, Split.CALIBRATION, whole=True)) == 10


def test_a_function_gives_samples_whose_held_out_ones_are_apart(functions: str) -> None:
    parts = [set(read(f"{functions}:samples", split).arrays["image"][:, 0, 0, 0, 0].tolist()) for split in Split]
    assert parts == [{0, 1, 2, 3, 5, 6, 7, 8}, {4, 9}]


def test_samples_of_a_single_input_need_no_model(functions: str) -> None:
    found = read_only_input(f"{functions}:single", split=Split.CALIBRATION, whole=False, limit=5)
    assert found is not None
    assert found[:, 0, 0, 0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 5, 5]


@pytest.mark.parametrize("function", ["samples", "tokens"])
def test_other_samples_need_a_model(functions: str, function: str) -> None:
    assert read_only_input(f"{functions}:{function}", split=Split.CALIBRATION, whole=True, limit=None) is None


def test_a_function_that_never_ends_is_bounded(functions: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetool.models.samples.MOST_SAMPLES", 20)
    assert len(read(f"{functions}:endless", Split.HELD_OUT)) == 4
    assert function_digest(f"{functions}:endless") != function_digest(f"{functions}:samples")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("wrong", r"sample 0 is image \(3, 4, 4\)"),
        ("lists", "gave a list"),
        ("fails", "raised RuntimeError: no camera"),
        ("absent", "has no 'absent'"),
    ],
)
def test_a_function_that_gives_something_else_is_named(functions: str, function: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(f"{functions}:{function}", Split.CALIBRATION)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"image": np.zeros((4, 3, 4, 4), np.float32)}, "not an array for each"),
        ({"image": np.zeros((4, 3, 4, 5), np.float32), "scale": np.zeros((2, 1))}, r"image has shape \(4, 3, 4, 5\)"),
        ({"image": np.zeros((4, 3, 4, 4), np.float32), "scale": np.zeros((3, 1), np.float32)}, "image 2, scale 3"),
        ({"image": np.zeros((4, 3, 4, 4), np.complex64), "scale": np.zeros((2, 1), np.float32)}, "complex64"),
    ],
)
def test_arrays_that_fit_no_input_are_named(tmp_path: Path, arrays: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(npz(tmp_path / "i.npz", **arrays), Split.CALIBRATION)


def test_pictures_do_not_fit_a_model_of_two_inputs() -> None:
    with pytest.raises(ModelError, match="image: float32"):
        of_images(ImageSet(inputs=np.zeros((4, 3, 4, 4), np.float32)), INPUTS, "net")
