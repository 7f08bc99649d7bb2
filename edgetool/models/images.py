"""Read images as model inputs, with the same preprocessing for training, calibration and every target."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from edgetool.errors import ConfigError
from edgetool.models.coco import coco_files
from edgetool.models.preprocessing import PictureInput
from edgetool.models.tasks.base import Folder, Truth
from edgetool.platform.arrays import read_npz
from edgetool.platform.documents import read_limited
from edgetool.platform.files import digest_entries, file_entry, sha256_file

LABELS = "labels.csv"  # in a folder of pictures
DIGITS = 18  # of a label: what int64 holds
TRUTH = "truth_"  # in front of an array's name in an .npz: what a task or a metric judges by
PICTURES, MASKS = "images", "masks"  # a folder's two folders, where it has masks
IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})

Float32Array = npt.NDArray[np.float32]
Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageSet:
    """Model inputs of shape (n, channels, height, width), with class labels of shape (n,) where they are known."""

    inputs: Array
    labels: npt.NDArray[np.int64] | None = None
    classes: int | None = None  # that the source tells apart, whichever of them these images show
    truth: Truth = field(default_factory=dict)  # of other tasks

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, count: int) -> ImageSet:
        """The first `count` images."""
        labels = None if self.labels is None else self.labels[:count]
        truth = {name: array[:count] for name, array in self.truth.items()}
        return ImageSet(inputs=self.inputs[:count], labels=labels, classes=self.classes, truth=truth)


class Split(StrEnum):
    CALIBRATION = "calibration"
    HELD_OUT = "heldout"

    def choose(self, count: int) -> list[int]:
        """Return the indices of this split's images: every fifth is held out, or the last when there are fewer.

        A single image belongs to both splits, and a caveat says so.
        """
        if count == 1:
            return [0]
        if count < 5:
            return [count - 1] if self is Split.HELD_OUT else list(range(count - 1))
        return [i for i in range(count) if (i % 5 == 4) == (self is Split.HELD_OUT)]


def read_images(
    source: Path,
    to_input: PictureInput,
    *,
    split: Split,
    limit: int | None = None,
    whole: bool = False,
    read_truth: Callable[[Folder], Truth | None] | None = None,
) -> ImageSet:
    """Read a folder of pictures, or an .npz.

    An .npz holds `<split>_images`, or `images` of which every fifth is held out: uint8 pictures of shape (n, h, w) or
    (n, h, w, 3), or float32 inputs of shape (n, c, h, w) that are used as they are. `<split>_labels` or `labels` of
    shape (n,) are optional. A folder is read recursively in the order of names and split the same way. With a folder
    for each class, a label is the index of the folder's name. With `whole`, the other split is empty. `read_truth`
    reads from a folder what a task is judged by; of labels it takes the place.

    Raises ConfigError when there is nothing to read or it is not an image set.
    """
    if source.is_dir():
        return _read_folder(source, to_input, None if whole else split, limit, read_truth)
    if source.suffix == ".npz":
        return _read_npz(source, to_input, split, limit, whole)
    raise ConfigError(
        f"{source} is neither a folder of images nor an .npz", hint="give a folder, or a file ending in .npz"
    )


def images_digest(source: Path) -> str:
    """Return a digest of everything that `read_images` would read. Raises ConfigError when there is nothing."""
    if not source.is_dir():
        if not source.is_file():
            raise ConfigError(f"there are no images at {source}")
        return sha256_file(source)
    beside = [source / LABELS, *coco_files(source), *(source / MASKS).rglob("*")]
    read = [*_pictures(source), *(path for path in sorted(beside) if path.is_file())]
    return digest_entries(file_entry(source, path) for path in read)


def _pictures(folder: Path) -> list[Path]:
    where = folder / PICTURES if _has_masks(folder) else folder
    files = sorted(path for path in where.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
    if not files:
        raise ConfigError(
            f"no images in {folder}",
            hint=f"put pictures there ({', '.join(sorted(IMAGE_SUFFIXES))}); 100 to 500 are enough",
        )
    return files


def _has_masks(folder: Path) -> bool:
    return (folder / PICTURES).is_dir() and (folder / MASKS).is_dir()


def _read_folder(
    folder: Path,
    to_input: PictureInput,
    split: Split | None,
    limit: int | None,
    read_truth: Callable[[Folder], Truth | None] | None,
) -> ImageSet:
    files = _pictures(folder)
    chosen = (list(range(len(files))) if split is None else split.choose(len(files)))[:limit]
    inputs = np.stack([to_input(picture) for picture in _open_all(files[i] for i in chosen)])
    if read_truth is not None:
        truth = read_truth(Folder(root=folder, files=[files[i] for i in chosen], to_input=to_input))
        if truth is not None:
            labels = truth.get("labels")
            return ImageSet(inputs=inputs, labels=labels, truth={k: v for k, v in truth.items() if k != "labels"})
    table = folder / LABELS
    labels = _listed_labels(table, folder, files) if table.is_file() else _class_labels(folder, files)
    return ImageSet(
        inputs=inputs,
        labels=None if labels is None else labels[chosen],
        classes=None if labels is None else int(labels.max()) + 1,
    )


def _listed_labels(table: Path, folder: Path, files: Sequence[Path]) -> npt.NDArray[np.int64]:
    """Read labels from a CSV with columns file and label: class numbers, or names numbered in sorted order.

    Raises ConfigError for another form and for a picture that isn't listed.
    """
    try:
        lines = [line for line in csv.reader(io.StringIO(read_limited(table, ConfigError).decode("utf-8-sig"))) if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{table} is no CSV: {error}") from error
    if bad := next((line for line in lines if len(line) != 2), None):
        raise ConfigError(f"{table}: {','.join(bad)!r} is not a file and a label", hint="for example cat/1.png,3")
    listed = {name.strip(): label.strip() for name, label in lines}
    names = [file.relative_to(folder).as_posix() for file in files]
    if missing := [name for name in names if name not in listed]:
        raise ConfigError(f"{table} has no label for {missing[0]}", hint=f"{len(missing)} pictures have none")
    labels = [listed[name] for name in names]
    if all(label.isdecimal() for label in labels):
        if long := next((label for label in labels if len(label) > DIGITS), None):
            raise ConfigError(f"{table}: a label has {len(long)} digits")
        return np.array([int(label) for label in labels], dtype=np.int64)
    numbers = {name: number for number, name in enumerate(sorted(set(labels)))}
    return np.array([numbers[label] for label in labels], dtype=np.int64)


def _class_labels(folder: Path, files: Sequence[Path]) -> npt.NDArray[np.int64] | None:
    """Return labels when pictures lie in a folder per class, as in torchvision's ImageFolder, or else None."""
    if _has_masks(folder):
        return None
    parts = [file.relative_to(folder).parts for file in files]
    classes = sorted({part[0] for part in parts})
    if len(classes) < 2 or any(len(part) == 1 for part in parts):
        return None
    return np.array([classes.index(part[0]) for part in parts], dtype=np.int64)


def _open_all(files: Iterable[Path]) -> Iterator[Image.Image]:
    for file in files:
        try:
            with Image.open(file) as picture:
                picture.load()
                yield picture
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise ConfigError(f"cannot read the image {file}: {error}", hint="remove or replace the file") from error


def _read_npz(file: Path, to_input: PictureInput, split: Split, limit: int | None, whole: bool) -> ImageSet:
    arrays = read_npz(file, error=ConfigError)
    images = arrays.get(f"{split}_images", arrays.get("images"))
    labels = arrays.get(f"{split}_labels" if f"{split}_images" in arrays else "labels")
    if images is None or images.ndim == 0 or len(images) == 0:
        raise ConfigError(
            f"{file} holds no array `{split}_images` or `images`", hint="write it with numpy.savez(file, images=…)"
        )
    if labels is not None and (labels.shape != (len(images),) or not np.issubdtype(labels.dtype, np.integer)):
        raise ConfigError(f"{file}: labels are {labels.dtype} {labels.shape}, wanted integers ({len(images)},)")
    truth = truth_of(file, arrays, f"{split}_" if f"{split}_images" in arrays else "", len(images))
    chosen = slice(None) if whole or f"{split}_images" in arrays else split.choose(len(images))
    images, labels = images[chosen][:limit], None if labels is None else labels[chosen][:limit].astype(np.int64)
    classes = None if labels is None or len(labels) == 0 else int(labels.max()) + 1
    truth = {name: array[chosen][:limit] for name, array in truth.items()}
    return ImageSet(inputs=_to_inputs(file, images, to_input), labels=labels, classes=classes, truth=truth)


def truth_of(file: Path, arrays: Mapping[str, Array], prefix: str, count: int) -> dict[str, Array]:
    """Return an .npz's arrays `<prefix>truth_NAME` by NAME. Raises ConfigError unless each is of `count` samples."""
    start = prefix + TRUTH
    found = {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
    for name, array in found.items():
        if array.shape[:1] != (count,):
            raise ConfigError(f"{file}: {start}{name} has shape {array.shape}, wanted ({count}, …)")
    return found


def _to_inputs(file: Path, images: npt.NDArray[np.generic], to_input: PictureInput) -> Array:
    if (
        images.dtype == np.uint8
        and 0 not in images.shape
        and (images.ndim == 3 or (images.ndim == 4 and images.shape[3] == 3))
    ):
        return np.stack([to_input(Image.fromarray(image)) for image in images])
    wanted = to_input.shape
    if images.dtype == to_input.dtype and images.shape[1:] == wanted:
        return np.ascontiguousarray(images)
    raise ConfigError(
        f"{file}: images of type {images.dtype} and shape {images.shape} do not fit",
        hint=f"wanted uint8 (n, h, w) or (n, h, w, 3), or {to_input.dtype} (n, {', '.join(map(str, wanted))})",
    )
