"""Choose the images or other inputs for calibrating and evaluating a model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetool.errors import ConfigError
from edgetool.models.functions import is_function_name
from edgetool.models.images import ImageSet, Split, images_digest, read_images
from edgetool.models.preprocessing import PictureInput
from edgetool.models.samples import Samples, function_digest, of_images, read_only_input, read_samples
from edgetool.models.spec import ModelRequest, ModelSpec
from edgetool.models.tasks.table import classifies, kind_of
from edgetool.models.zoo import digits_images, preprocessing_of
from edgetool.platform.arrays import read_npz

DIGITS = "UCI's handwritten digits"  # the shipped default's data set


@dataclass(frozen=True, kw_only=True)
class ImageSource:
    """Inputs for calibration and, separately, for evaluation: folders, .npz files or package.module:samples.

    A source that the user named for each is taken whole, be it the same one. One that was named alone is divided.
    """

    calibration: Path
    held_out: Path
    divided: bool = False

    @classmethod
    def choose(cls, request: ModelRequest, calibration: Path | None, held_out: Path | None) -> ImageSource | None:
        """Return the inputs that the user named, or the digits for models trained on them, else None."""
        if calibration is None and request.origin in ("digits", "random"):
            calibration = digits_images()
        named = calibration or held_out
        if named is None:
            return None
        one = calibration is None or held_out is None
        return cls(calibration=named, held_out=held_out or named, divided=one)

    def read(self, request: ModelRequest, model: ModelSpec, split: Split, limit: int | None) -> ImageSet:
        """Read images for the model's first input. Raises ConfigError."""
        how, tensor = model.preprocessing or preprocessing_of(request), model.inputs[0]
        kind = kind_of(model.task, model.outputs)
        images = read_images(
            self._of(split),
            PictureInput(preprocessing=how, shape=tensor.shape[1:], dtype=tensor.dtype),
            split=split,
            limit=limit,
            whole=not self.divided,
            read_truth=(lambda folder: kind.read(folder, model.outputs)) if split is Split.HELD_OUT else None,
        )
        self._check_classes(images, model, split)
        return images

    def _check_classes(self, images: ImageSet, model: ModelSpec, split: Split) -> None:
        """Raises ConfigError for labels of classes that the model has no output for."""
        if images.classes is None or not classifies(model.task, model.outputs, labelled=True):
            return
        outputs = model.outputs[0].shape[1]
        if images.classes > outputs:
            raise ConfigError(
                f"{self._of(split)} has labels of {images.classes} classes, and {model.name} outputs {outputs}",
                hint="give the images of the model's own classes, or --task none",
            )

    def pictures(self, request: ModelRequest, shape: tuple[int, ...], limit: int) -> ImageSet | None:
        """Read calibration images for a model that isn't exported yet, or a user's samples of its only input.

        Return None for other named inputs.
        """
        if is_function_name(str(self.calibration)):
            found = read_only_input(str(self.calibration), split=Split.CALIBRATION, limit=limit, whole=not self.divided)
            return None if found is None else ImageSet(inputs=found)
        named = (
            self.calibration.suffix == ".npz"
            and not {"images", "calibration_images"} & read_npz(self.calibration, error=ConfigError).keys()
        )
        if named or len(shape) != 4:
            return None
        to_input = PictureInput(preprocessing=preprocessing_of(request), shape=shape[1:])
        return read_images(self.calibration, to_input, split=Split.CALIBRATION, limit=limit, whole=not self.divided)

    def samples(self, request: ModelRequest, model: ModelSpec, split: Split, limit: int) -> Samples:
        """Read inputs for inferences, at most those of `limit` images. Raises ConfigError, ModelError."""
        batch = max(1, model.inputs[0].shape[0] if model.inputs[0].shape else 1)
        samples = read_samples(
            self._of(split), model.inputs, split=split, whole=not self.divided, limit=max(1, limit // batch)
        )
        if samples is not None:
            return samples
        images = self.read(request, model, split, limit)
        return of_images(images, model.inputs, model.name)

    @property
    def title(self) -> str:
        """Return what the inputs that a model is judged by are called: the shipped data set, or the user's name."""
        if self.held_out == digits_images():
            return DIGITS
        name = self.held_out.absolute().name
        return f"every fifth of {name}" if self.divided and not self._comes_divided else name

    def overlap(self, request: ModelRequest, models: Sequence[ModelSpec], held_out: Samples) -> int:
        """Return how many of the samples to judge by are also among those that one of `models` was calibrated with."""
        batch = max(1, models[0].inputs[0].shape[0] if models[0].inputs[0].shape else 1)
        calibrated = max((model.calibration_samples or 0 for model in models), default=0)
        if calibrated == 0:
            return 0
        fitted = self.samples(request, models[0], Split.CALIBRATION, calibrated * batch)
        return len(_sample_digests(held_out) & _sample_digests(fitted))

    def digests(self) -> list[str]:
        return [_digest(self.calibration), _digest(self.held_out), "divided" if self.divided else "whole"]

    def _of(self, split: Split) -> Path:
        return self.calibration if split is Split.CALIBRATION else self.held_out

    @property
    def _comes_divided(self) -> bool:
        """Whether the .npz says itself what is held out."""
        if self.held_out.suffix != ".npz":
            return False
        return any(name.startswith(f"{Split.HELD_OUT}_") for name in read_npz(self.held_out, error=ConfigError))


def _sample_digests(samples: Samples) -> set[bytes]:
    def digest(feeds: Mapping[str, npt.NDArray[Any]]) -> bytes:
        joined = hashlib.sha256()
        for name in sorted(feeds):
            joined.update(np.ascontiguousarray(feeds[name]).tobytes())
        return joined.digest()

    return {digest(feeds) for feeds in samples.feeds()}


def _digest(source: Path) -> str:
    return function_digest(str(source)) if is_function_name(str(source)) else images_digest(source)
