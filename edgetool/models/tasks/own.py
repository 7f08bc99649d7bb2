"""A metric of the user's own: `package.module:metric`, a function of outputs and truth."""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import TypeGuard

import numpy as np

from edgetool.errors import ConfigError
from edgetool.models.functions import find_function, from_here, is_function_name
from edgetool.models.tasks.base import Array, Outputs, Score, Truth
from edgetool.models.tasks.resampling import score_of, weights


def check_metrics(names: Sequence[str]) -> None:
    """Import metrics before anything is built. Raises ConfigError for one that isn't found or states no direction."""
    for name in names:
        if not is_function_name(name):
            raise ConfigError(f"--metric {name!r} is no function", hint="give package.module:metric")
        _directions(name)


def metric_digest(name: str) -> str:
    """Return a digest of the file that a metric is written in, or of its name where there is none."""
    try:
        source = Path(inspect.getsourcefile(find_function(name)) or "").read_bytes()
    except (TypeError, OSError):
        source = b""
    return hashlib.sha256(name.encode() + b"\0" + source).hexdigest()


def own_scores(names: Sequence[str], outputs: Outputs, truth: Truth, samples: int) -> tuple[Score, ...]:
    """Call each metric with all outputs and the truth, and return its scores.

    A metric `metric(outputs, truth)` gets two dicts of NumPy arrays whose first axis is that of the samples. It returns
    a number, or an array of one number for each sample, whose mean has an interval, or a dict of these by name. Its
    attribute `higher_is_better`, a bool or a dict of bools by name, says which way is better. Raises ConfigError when
    it raises or returns anything else.
    """
    return tuple(score for name in names for score in _scores(name, outputs, truth, samples))


def _scores(name: str, outputs: Outputs, truth: Truth, samples: int) -> Iterator[Score]:
    metric, directions = find_function(name), _directions(name)
    try:
        with from_here():
            made = metric(dict(outputs), dict(truth))
    except Exception as error:  # the user's own code may raise anything
        raise ConfigError(
            f"--metric {name} raised {type(error).__name__}: {error}",
            hint=f"it was given outputs {_shapes(outputs)} and truth {_shapes(truth)}",
        ) from error
    for key, number in made.items() if isinstance(made, Mapping) else [(None, made)]:
        title = name if key is None else f"{name} {key}"
        better = directions.get(key) if isinstance(directions, Mapping) else directions
        if isinstance(number, Real) and math.isfinite(number):
            yield Score(name=title, value=float(number), samples=samples, higher_is_better=better, is_share=False)
        elif _is_by_sample(number, samples):
            yield score_of(title, weights(samples) @ number / samples, samples, higher_is_better=better)
        else:
            raise ConfigError(
                f"--metric {name} gave {number!r}",
                hint=f"it must give a finite number, an array of {samples}, one for each sample, or a dict of these",
            )


def _directions(name: str) -> bool | Mapping[object, bool] | None:
    """Return which way is better, of all numbers or by name; None: it doesn't say. Raises ConfigError."""
    stated = getattr(find_function(name), "higher_is_better", None)
    for each in stated.values() if isinstance(stated, Mapping) else [stated]:
        if not isinstance(each, bool | None):
            raise ConfigError(
                f"--metric {name}: its higher_is_better is {each!r}",
                hint="wanted True, False, or a dict of these by name",
            )
    directions: bool | Mapping[object, bool] | None = stated
    return directions


def _is_by_sample(numbers: object, samples: int) -> TypeGuard[Array]:
    if not isinstance(numbers, np.ndarray) or numbers.shape != (samples,) or numbers.dtype.kind not in "biuf":
        return False
    return bool(np.isfinite(numbers).all())


def _shapes(arrays: Outputs | Truth) -> str:
    return ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in arrays.items()) or "(none)"
