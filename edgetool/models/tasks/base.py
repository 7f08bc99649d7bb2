"""What a task is made of: the truth about samples, scores against it, and a verb for what the model does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from annotated_types import Len

from edgetool.errors import ConfigError
from edgetool.models.preprocessing import PictureInput
from edgetool.models.spec import TensorSpec
from edgetool.platform.values import Positive, Text, value
from edgetool.records.stats import Interval

Array = npt.NDArray[Any]
Outputs = Mapping[str, npt.NDArray[np.generic]]  # name → (n, …)
Truth = Mapping[str, Array]  # name → (n, …), what is right for each sample; its names are those of the task


@value
class Score:
    """One number of a metric over all samples that were judged.

    `resampled` are the same number of samples drawn again, in the draws of `resampling.weights`: two scores on the same
    samples are compared by them. Empty for a metric that isn't made of samples, such as the user's own.
    """

    name: Text  # "mAP", "mIoU", "package.module:metric"
    value: float
    samples: Positive
    higher_is_better: bool | None = None  # None: its author didn't say
    is_share: bool | None = None  # of 0 to 1, so that 0.01 is a point; None in older records: whatever is better higher
    interval: Interval | None = None  # of 95 %; None where there is none
    resampled: Annotated[tuple[float, ...], Len(0, 1000)] = ()

    @property
    def has_points(self) -> bool:
        """Whether a loss of it can be told in points, as that of mAP can."""
        return self.higher_is_better is True and self.is_share is not False


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder's pictures, in the order in which they become samples, and what makes inputs of them."""

    root: Path
    files: Sequence[Path]
    to_input: PictureInput


def no_truth(folder: Folder, outputs: Sequence[TensorSpec]) -> Truth | None:
    """Read nothing: of a task whose truth is in no folder of pictures."""
    del folder, outputs
    return None


def no_scores(outputs: Outputs, truth: Truth) -> tuple[Score, ...]:
    """Judge nothing: of a task without a metric of its own. Its outputs are compared as tensors."""
    del outputs, truth
    return ()


def no_agreement(outputs: Outputs) -> Truth:
    """Take nothing for true: of a task whose outputs are no statements about a sample."""
    del outputs
    return {}


@dataclass(frozen=True, kw_only=True)
class TaskKind:
    """How the models of a task are judged.

    `read` finds the truth in a folder of pictures and raises ConfigError for what can't be read; None: there is none.
    `judge` takes outputs and truth of equally many samples and raises ModelError for outputs of an unknown form.
    `take_for_true` makes of a model's outputs the truth by which another agrees with it; empty where that can't be.
    """

    doing: str = "outputs of"  # as in "outputs of 40 samples", "segment 40 images"
    read: Callable[[Folder, Sequence[TensorSpec]], Truth | None] = no_truth
    judge: Callable[[Outputs, Truth], tuple[Score, ...]] = no_scores
    take_for_true: Callable[[Outputs], Truth] = no_agreement


def need(truth: Truth, name: str, task: str, shape: str) -> Array:
    """Return an array of the truth. Raises ConfigError when it is missing."""
    if name not in truth:
        raise ConfigError(f"{task} is judged by `truth_{name}`, and there is none", hint=f"its shape is {shape}")
    return truth[name]
