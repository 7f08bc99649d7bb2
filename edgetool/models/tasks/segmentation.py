"""Segmentation: mIoU and pixel accuracy, of masks as pictures or from a COCO file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from edgetool.errors import ConfigError, ModelError
from edgetool.models.coco import find_coco
from edgetool.models.spec import TensorSpec
from edgetool.models.tasks.base import Array, Folder, Outputs, Score, TaskKind, Truth, need
from edgetool.models.tasks.resampling import score_of, weights

IGNORED = 255  # pixels of a mask that are not judged, as in Pascal VOC
MOST_CLASSES = 4096
MASKS = "masks"  # a folder beside images/
SUFFIXES = (".png", ".bmp", ".tif", ".tiff")

Mask = npt.NDArray[np.uint8]


def read(folder: Folder, outputs: Sequence[TensorSpec]) -> Truth | None:
    """Read each picture's mask, placed like the picture: masks/NAME.png of images/NAME.jpg, or a COCO file's objects.

    A mask's values are numbers of classes, a COCO file's classes its category ids with 0 for none. Raises ConfigError.
    """
    del outputs
    if (folder.root / MASKS).is_dir():
        found = [_open_mask(_mask_of(folder.root, file)) for file in folder.files]
    elif (coco := find_coco(folder.root)) is not None:
        found = [coco.mask(folder.root, file, ignored=IGNORED) for file in folder.files]
    else:
        return None
    return {"masks": np.stack([folder.to_input.place_mask(mask, fill=IGNORED) for mask in found])}


def _mask_of(root: Path, picture: Path) -> Path:
    inside = picture.relative_to(root)
    inside = inside.relative_to("images") if inside.parts[0] == "images" else inside
    for suffix in SUFFIXES:
        mask = (root / MASKS / inside).with_suffix(suffix)
        if mask.is_file():
            return mask
    raise ConfigError(f"{picture} has no mask", hint=f"put it at {(root / MASKS / inside).with_suffix('.png')}")


def _open_mask(path: Path) -> Mask:
    try:
        with Image.open(path) as picture:
            if picture.mode not in ("L", "P", "1"):
                raise ConfigError(
                    f"the mask {path} has colours ({picture.mode})",
                    hint="its values must be numbers of classes: 8 bits, grey or with a palette",
                )
            return np.asarray(picture).astype(np.uint8)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ConfigError(f"cannot read the mask {path}: {error}", hint="remove or replace the file") from error


def judge(outputs: Outputs, truth: Truth) -> tuple[Score, ...]:
    """Return mIoU, the mean over classes of intersection ÷ union of all pixels, and the share of right pixels.

    Classes that neither masks nor outputs show are left out, as pixels of value 255 are. Outputs smaller or larger than
    the masks are resampled to their nearest pixel. Source: Everingham et al., "The Pascal VOC Challenge" (2015).
    """
    if not truth:
        return ()
    masks = need(truth, "masks", "segmentation", "(n, h, w)")
    classes = _classes(outputs)
    rows, columns = (np.arange(to) * was // to for was, to in zip(classes.shape[1:], masks.shape[1:], strict=True))
    classes = classes[:, rows[:, np.newaxis], columns]
    judged = masks != IGNORED
    if not judged.any():
        return ()
    size = 1 + max(_most(classes[judged], "outputs"), _most(masks[judged], "masks"))
    right, found, wanted = (np.zeros((len(masks), size)) for _ in range(3))
    for i, said, true, where in zip(range(len(masks)), classes, masks, judged, strict=True):
        right[i] = np.bincount(true[where & (said == true)], minlength=size)
        found[i] = np.bincount(said[where], minlength=size)
        wanted[i] = np.bincount(true[where], minlength=size)
    drawn = weights(len(masks))
    hits, pixels = drawn @ right, drawn @ wanted
    union = pixels + drawn @ found - hits
    shares = (hits / np.maximum(union, 1)).sum(axis=1) / np.maximum((union > 0).sum(axis=1), 1)
    of_pixels = hits.sum(axis=1) / np.maximum(pixels.sum(axis=1), 1)
    return tuple(
        score_of(name, values, len(masks), higher_is_better=True, is_share=True)
        for name, values in (("mIoU", shares), ("pixel accuracy", of_pixels))
    )


def _most(classes: Array, whose: str) -> int:
    """Return the largest number of a class. Raises ModelError for numbers that are none."""
    least, most = int(classes.min()), int(classes.max())
    if least < 0 or most >= MOST_CLASSES:
        raise ModelError(f"the {whose} have classes from {least} to {most}, wanted 0 to {MOST_CLASSES - 1}")
    return most


def take_for_true(outputs: Outputs) -> Truth:
    """Return a model's own classes as masks, unless one of them is the number of what isn't judged."""
    classes = _find_classes(outputs)
    return {} if classes is None or int(classes.max(initial=0)) >= IGNORED else {"masks": classes.astype(np.uint8)}


def _classes(outputs: Outputs) -> Array:
    """Return the class of each pixel, (n, h, w). Raises ModelError when no output gives one."""
    classes = _find_classes(outputs)
    if classes is not None:
        return classes
    shapes = ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in outputs.items())
    raise ModelError(
        f"no output gives a class for each pixel: {shapes}",
        hint="wanted (n, classes, h, w), or integers (n, h, w); judge others by --metric package.module:metric",
    )


def _find_classes(outputs: Outputs) -> Array | None:
    """Return the class of each pixel, (n, h, w), of the first output that is (n, classes, h, w), or integers.

    None when no output is. One channel of floats may be a probability or a logit, and isn't taken.
    """
    for array in outputs.values():
        if array.ndim == 4 and array.shape[1] > 1:
            classes: Array = np.asarray(array).argmax(axis=1)
            return classes
        if np.issubdtype(array.dtype, np.integer) and (array.ndim == 3 or (array.ndim == 4 and array.shape[1] == 1)):
            return np.asarray(array).reshape(len(array), *array.shape[-2:])
    return None


KIND = TaskKind(doing="segment", read=read, judge=judge, take_for_true=take_for_true)
