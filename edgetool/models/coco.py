"""Read annotations in COCO's form: boxes and categories of the objects in a folder's pictures."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.errors import ConfigError
from edgetool.platform.documents import parse_value, read_plain, to_json

KEYS = frozenset({"images", "annotations", "categories"})
ANNOTATIONS = "annotations"  # a folder for the file, in a folder like that of COCO itself


@dataclass(frozen=True, kw_only=True)
class Picture:
    id: int
    file_name: str
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Object:
    image_id: int
    category_id: int
    bbox: list[float] | None = None  # left, top, width, height, in pixels
    iscrowd: int = 0
    segmentation: Any = None  # polygons, or run lengths


@dataclass(frozen=True, kw_only=True)
class Category:
    id: int


@dataclass(frozen=True, kw_only=True)
class Document:
    """A file's content; what is written beside it in files of others is left out."""

    images: list[Picture]
    annotations: list[Object]
    categories: list[Category]


@dataclass(frozen=True, kw_only=True)
class Coco:
    path: Path
    document: Document

    @cached_property
    def category_ids(self) -> list[int]:
        """The categories' ids in ascending order: a class's number is its place here."""
        return sorted(category.id for category in self.document.categories)

    @cached_property
    def _pictures(self) -> dict[str, Picture]:
        return {picture.file_name: picture for picture in self.document.images}

    @cached_property
    def _objects(self) -> dict[int, list[Object]]:
        found: dict[int, list[Object]] = {}
        for entry in self.document.annotations:
            found.setdefault(entry.image_id, []).append(entry)
        return found

    def picture(self, root: Path, file: Path) -> Picture:
        """Return a picture's entry, by its path in the folder or in one of its folders, such as images/ or val2017/.

        Raises ConfigError when it isn't listed.
        """
        name = file.relative_to(root).as_posix()
        found = self._pictures.get(name) or self._pictures.get(name.partition("/")[2])
        if found is None:
            raise ConfigError(
                f"{self.path} does not list {name}", hint="list every picture, also those without objects"
            )
        return found

    def objects(self, root: Path, file: Path) -> Sequence[Object]:
        """Return the objects in a picture. Raises ConfigError for a picture or a category that isn't listed."""
        found = self._objects.get(self.picture(root, file).id, [])
        known = set(self.category_ids)
        for entry in found:
            if entry.category_id not in known:
                raise ConfigError(f"{self.path}: {file.name}: no category has the id {entry.category_id}")
            if entry.bbox is not None and len(entry.bbox) != 4:
                raise ConfigError(f"{self.path}: {file.name}: a bbox is left, top, width and height")
        return found

    def mask(self, root: Path, file: Path, *, ignored: int) -> npt.NDArray[np.uint8]:
        """Draw a picture's objects by their category ids on 0, (height, width); crowds get `ignored`.

        Raises ConfigError without pycocotools, and for outlines that it can't draw.
        """
        picture = self.picture(root, file)
        height, width = picture.height, picture.width
        if not (0 < height <= 1 << 14 and 0 < width <= 1 << 14):
            raise ConfigError(f"{self.path}: {file.name} has {width} × {height} pixels")
        drawn = np.zeros((height, width), dtype=np.uint8)
        for entry in self.objects(root, file):
            if not 0 < entry.category_id < 255:
                raise ConfigError(f"{self.path}: a mask has classes of 1 to 254, not {entry.category_id}")
            try:
                inside = _inside(entry.segmentation, height, width)
            except (TypeError, ValueError, KeyError, OverflowError) as error:
                raise ConfigError(f"{self.path}: {file.name}: cannot draw a segmentation: {error}") from error
            drawn[inside] = ignored if entry.iscrowd else entry.category_id
        return drawn


def _inside(outline: Any, height: int, width: int) -> npt.NDArray[np.bool_]:
    """Draw polygons, or run lengths in columns. pycocotools trusts both, so they are checked first.

    Raises ValueError and its like for anything else.
    """
    if isinstance(outline, dict):
        given = outline["counts"]
        counts = np.array(_run_lengths(given) if isinstance(given, str) else given, dtype=np.int64)
        if counts.ndim != 1 or (counts < 0).any() or counts.max(initial=0) > height * width:
            raise ValueError("its counts are not lengths of runs")
        if counts.sum() != height * width:
            raise ValueError(f"its runs are {counts.sum()} pixels, not {height} × {width}")
        runs = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
        return runs.reshape(width, height).T
    tools = mask_tools()
    polygons = [np.array(polygon, dtype=np.float64) for polygon in outline]
    for corners in polygons:
        if corners.ndim != 1 or len(corners) < 6 or len(corners) % 2:
            raise ValueError("a polygon is a list of at least three x and y")
        if not ((corners >= -1) & (corners <= max(height, width) + 1)).all():
            raise ValueError("a polygon lies outside the picture")
    drawn = np.zeros((height, width), dtype=bool)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of how it fills a NumPy array
        for shape in tools.frPyObjects([corners.tolist() for corners in polygons], height, width) if polygons else ():
            drawn |= tools.decode(shape).astype(bool)
    return drawn


def _run_lengths(text: str) -> list[int]:
    """Unpack COCO's compressed run lengths: digits of base 32, the lowest first, each a character from "0" on.

    Bit 5 of a character says that another follows, bit 4 of the last is the number's sign. From the fourth number on,
    each is the difference from the one before the last. Raises ValueError for other texts.

    >>> _run_lengths("52203")
    [5, 2, 2, 2, 5]
    """
    counts: list[int] = []
    number = shift = 0
    for character in text:
        digit = ord(character) - ord("0")
        if not 0 <= digit < 64 or shift > 30:
            raise ValueError("its counts are no run lengths")
        number |= (digit & 31) << shift
        shift += 5
        if digit & 32:
            continue
        number -= (digit >> 4 & 1) << shift
        counts.append(number + (counts[-2] if len(counts) > 2 else 0))
        number = shift = 0
    return counts


def coco_files(folder: Path) -> list[Path]:
    """Return the files in a folder, or in its annotations/, that may be COCO's."""
    return sorted([*folder.glob("*.json"), *(folder / ANNOTATIONS).glob("*.json")])


def find_coco(folder: Path) -> Coco | None:
    """Read the COCO file in a folder or its annotations/, whatever its name is. Return None when there is none.

    Raises ConfigError when there are two, and for one that can't be read.
    """
    found = []
    for path in coco_files(folder):
        data = read_plain(path, error=ConfigError)
        if isinstance(data, dict) and data.keys() >= KEYS:
            found.append((path, data))
    if len(found) > 1:
        raise ConfigError(f"{found[0][0]} and {found[1][0].name} are both COCO files", hint="leave one of them")
    if not found:
        return None
    path, data = found[0]
    return Coco(path=path, document=parse_value(Document, to_json(data), where=str(path)))


def mask_tools() -> Any:
    """Return pycocotools' functions for masks. Raises ConfigError when it isn't installed."""
    try:
        from pycocotools import mask
    except ImportError as error:
        raise ConfigError("COCO data need pycocotools", hint='pip install "edgetool[coco]"') from error
    return mask
