"""A metric of the user's own: `package.module:metric`, a function of outputs and truth."""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path

from edgetool.errors import ConfigError
from edgetool.models.functions import find_function, from_here, is_function_name
from edgetool.models.tasks.base import Outputs, Score, Truth


def check_metrics(names: Sequence[str]) -> None:
    """Import metrics before anything is built. Raises ConfigError for one that isn't found."""
    for name in names:
        if not is_function_name(name):
            raise ConfigError(f"--metric {name!r} is no function", hint="give package.module:metric")
        find_function(name)


def metric_digest(name: str) -> str:
    """Return a digest of the file that a metric is written in, or of its name where there is none."""
    try:
        source = Path(inspect.getsourcefile(find_function(name)) or "").read_bytes()
    except (TypeError, OSError):
        source = b""
    return hashlib.sha256(name.encode() + b"\0" + source).hexdigest()


def own_scores(names: Sequence[str], outputs: Outputs, truth: Truth, samples: int) -> tuple[Score, ...]:
    """Call each metric with all outputs and the truth, and return its numbers.

    A metric `metric(outputs, truth)` gets two dicts of NumPy arrays whose first axis is that of the samples, and
    returns a number, or a dict of numbers by name. Raises ConfigError when it raises or returns anything else.
    """
    return tuple(
        Score(name=title, value=number, samples=samples)
        for name in names
        for title, number in _numbers(name, outputs, truth)
    )


def _numbers(name: str, outputs: Outputs, truth: Truth) -> Sequence[tuple[str, float]]:
    metric = find_function(name)
    try:
        with from_here():
            made = metric(dict(outputs), dict(truth))
    except Exception as error:  # the user's own code may raise anything
        raise ConfigError(
            f"--metric {name} raised {type(error).__name__}: {error}",
            hint=f"it was given outputs {_shapes(outputs)} and truth {_shapes(truth)}",
        ) from error
    named = {f"{name} {key}": each for key, each in made.items()} if isinstance(made, Mapping) else {name: made}
    found = []
    for title, number in named.items():
        if not isinstance(number, Real) or not math.isfinite(number):
            raise ConfigError(
                f"--metric {name} gave {number!r}", hint="it must give a finite number, or a dict of them by name"
            )
        found.append((title, float(number)))
    return found


def _shapes(arrays: Outputs | Truth) -> str:
    return ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in arrays.items()) or "(none)"
