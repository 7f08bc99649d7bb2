"""Which pictures a model is calibrated with, and which it is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgetool.models.images import ImageSet, Split, images_digest, read_images
from edgetool.models.spec import ModelRequest
from edgetool.models.zoo import digits_images, preprocessing_for


@dataclass(frozen=True, kw_only=True)
class ImageSource:
    """Pictures for calibration and, apart from them, for judging."""

    calibration: Path
    held_out: Path

    @classmethod
    def choose(cls, request: ModelRequest, calibration: Path | None, held_out: Path | None) -> ImageSource | None:
        """What the user named; the digits for models that have none of their own; else None."""
        if calibration is not None:
            return cls(calibration=calibration, held_out=held_out or calibration)
        if request.origin in ("digits", "random"):
            return cls(calibration=digits_images(), held_out=held_out or digits_images())
        return None if held_out is None else cls(calibration=held_out, held_out=held_out)

    def read(self, request: ModelRequest, shape: tuple[int, ...], split: Split, limit: int | None) -> ImageSet:
        source = self.calibration if split is Split.CALIBRATION else self.held_out
        return read_images(source, preprocessing_for(request, shape), split=split, limit=limit)

    def digests(self) -> list[str]:
        return [images_digest(self.calibration), images_digest(self.held_out)]
