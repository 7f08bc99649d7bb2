"""Turn pictures into model inputs by a stated preprocessing, which is kept in the ONNX file's metadata."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgetool.errors import ConfigError
from edgetool.models.spec import (
    NORMALISATIONS,
    Color,
    Layout,
    Preprocessing,
    PreprocessingRequest,
    Resize,
    StatedBy,
)
from edgetool.platform.documents import check_table, parse_value, to_json, to_plain
from edgetool.platform.names import name_hint

if TYPE_CHECKING:
    import onnx

METADATA_KEY = "edgetool.preprocessing"
GREY_OR_RGB = (1, 3)
Size = tuple[int, int]
GREY = 114  # what YOLO's letterbox is filled with


@dataclass(frozen=True, kw_only=True)
class PictureInput:
    """Turn pictures into inputs of `shape`, which excludes the batch."""

    preprocessing: Preprocessing = Preprocessing()  # noqa: RUF009  # frozen
    shape: tuple[int, ...] = (3, 224, 224)
    dtype: str = "float32"

    def __call__(self, image: Image.Image) -> npt.NDArray[Any]:
        """Return one picture as an array of `shape`. Raises ConfigError when `shape` isn't that of a picture."""
        how = self.preprocessing
        layout, channels, height, width = self.geometry()
        pixels = _resized(image.convert("L" if channels == 1 else "RGB"), how, height, width)
        if pixels.ndim == 2:
            pixels = pixels[:, :, np.newaxis]
        if how.color is Color.BGR:
            pixels = pixels[:, :, ::-1]
        mean, std = (np.asarray(each[:channels], dtype=np.float32) for each in (how.mean, how.std))
        values = (pixels * np.float32(how.scale) - mean) / std
        if layout is Layout.NCHW:
            values = values.transpose(2, 0, 1)
        if np.issubdtype(np.dtype(self.dtype), np.integer):
            limits = np.iinfo(self.dtype)
            values = np.clip(np.rint(values), limits.min, limits.max)
        return np.ascontiguousarray(values, dtype=self.dtype)

    def place_boxes(self, boxes: npt.NDArray[np.float64], width: int, height: int) -> npt.NDArray[np.float64]:
        """Return a picture's boxes, (n, 4) as corners, in pixels of the input. What is cut off is clipped."""
        _, _, rows, columns = self.geometry()
        size, offset = _placement(self.preprocessing, (width, height), (columns, rows))
        scale = np.array(size * 2) / (width, height, width, height)
        return np.clip(boxes * scale + offset * 2, 0, (columns, rows, columns, rows))

    def place_mask(self, mask: npt.NDArray[np.uint8], *, fill: int) -> npt.NDArray[np.uint8]:
        """Return a picture's mask, (h, w), as that of the input, by nearest pixels, with `fill` beside it."""
        _, _, rows, columns = self.geometry()
        size, offset = _placement(self.preprocessing, (mask.shape[1], mask.shape[0]), (columns, rows))
        placed = Image.new("L", (columns, rows), fill)
        placed.paste(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST), offset)
        return np.asarray(placed)

    def geometry(self) -> tuple[Layout, int, int, int]:
        """Return layout, channels, height and width. Raises ConfigError."""
        if len(self.shape) == 3:
            first, last = self.shape[0] in GREY_OR_RGB, self.shape[2] in GREY_OR_RGB
            layout = self.preprocessing.layout or (Layout.NHWC if last and not first else Layout.NCHW)
            channels, height, width = self.shape if layout is Layout.NCHW else (self.shape[2], *self.shape[:2])
            if channels in GREY_OR_RGB:
                return layout, channels, height, width
        wanted = f"(n, {', '.join(map(str, self.shape))})"
        raise ConfigError(
            f"a picture has 1 or 3 channels, the model's input has shape {wanted}",
            hint=f"give {self.dtype} arrays of shape {wanted} in an .npz",
        )


def _resized(image: Image.Image, how: Preprocessing, height: int, width: int) -> npt.NDArray[np.float32]:
    size, offset = _placement(how, image.size, (width, height))
    filled = Image.new(image.mode, (width, height), GREY if image.mode == "L" else (GREY,) * 3)
    filled.paste(image.resize(size, Image.Resampling.BILINEAR), offset)
    return np.asarray(filled, dtype=np.float32)


def _placement(how: Preprocessing, size: Size, into: Size) -> tuple[Size, Size]:
    """Return what a picture of `size` is resized to, and where its corner lies in the input: negative where it is cut.

    All are (width, height).
    """
    match how.resize:
        case Resize.STRETCH:
            return into, (0, 0)
        case Resize.CROP:
            least = tuple(round(side / how.crop) for side in into)
            scale = max(wanted / side for wanted, side in zip(least, size, strict=True))
            width, height = (max(w, round(side * scale)) for w, side in zip(least, size, strict=True))
            return (width, height), (-((width - into[0]) // 2), -((height - into[1]) // 2))
        case Resize.PAD:
            scale = min(wanted / side for wanted, side in zip(into, size, strict=True))
            width, height = (max(1, round(side * scale)) for side in size)
            return (width, height), ((into[0] - width) // 2, (into[1] - height) // 2)


def as_asked(asked: PreprocessingRequest | None, base: Preprocessing) -> Preprocessing:
    """Return `base` with the user's options applied. Raises ConfigError for options that don't fit."""
    given = {} if asked is None else {f.name: v for f in fields(asked) if (v := getattr(asked, f.name)) is not None}
    if not given:
        return base
    preset = given.pop("preset", None)
    if preset is not None:
        if preset not in NORMALISATIONS:
            raise ConfigError(f"no preprocessing {preset!r}", hint=name_hint(preset, NORMALISATIONS, what="known"))
        mean, std, scale = NORMALISATIONS[preset]
        base = replace(base, mean=mean, std=std, scale=scale)
    found = check_table(Preprocessing, {**to_plain(base), **given, "stated_by": StatedBy.OPTION}, where="preprocessing")
    if len(found.mean) != len(found.std):
        raise ConfigError(
            f"--mean has {len(found.mean)} numbers and --std {len(found.std)}", hint="one for each channel"
        )
    return found


def to_metadata(model: onnx.ModelProto, preprocessing: Preprocessing) -> None:
    """Write the preprocessing to the model's metadata, replacing an earlier one."""
    kept = [entry for entry in model.metadata_props if entry.key != METADATA_KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    model.metadata_props.add(key=METADATA_KEY, value=to_json(preprocessing).decode())


def from_metadata(model: onnx.ModelProto) -> Preprocessing | None:
    """Read the preprocessing from an ONNX file, or None when there is none. Raises ConfigError when it is malformed."""
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            found = parse_value(Preprocessing, entry.value, where=f"metadata {METADATA_KEY}")
            return replace(found, stated_by=StatedBy.MODEL)
    return None
