"""Classification: the largest value of the first output, (n, classes), names the class.

What was right is kept by image in `measurements.accuracy`, for intervals of shares and of their differences.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgetool.errors import ConfigError
from edgetool.models.coco import find_coco
from edgetool.models.spec import TensorSpec
from edgetool.models.tasks.base import Folder, TaskKind, Truth


def has_classes(outputs: Sequence[TensorSpec]) -> bool:
    return bool(outputs) and len(outputs[0].shape) == 2 and outputs[0].shape[1] > 1


def read(folder: Folder, outputs: Sequence[TensorSpec]) -> Truth | None:
    """Read labels from a COCO file: the place of the category among the ids, for pictures that show only one.

    Raises ConfigError for a picture without objects, or with those of several categories.
    """
    coco = None if (folder.root / "labels.csv").is_file() else find_coco(folder.root)
    if coco is None:
        return None
    if len(coco.category_ids) > outputs[0].shape[1]:
        raise ConfigError(
            f"{coco.path} has {len(coco.category_ids)} categories, and the model outputs {outputs[0].shape[1]} classes",
            hint="give the images of the model's own classes, or --task none",
        )
    labels = []
    for file in folder.files:
        found = {entry.category_id for entry in coco.objects(folder.root, file)}
        if len(found) != 1:
            raise ConfigError(
                f"{coco.path}: {file.name} has objects of {len(found)} categories, and a class is one",
                hint="give one category for each picture, labels.csv, or --task detection",
            )
        labels.append(coco.category_ids.index(found.pop()))
    return {"labels": np.array(labels, dtype=np.int64)}


KIND = TaskKind(doing="classify", read=read)
