"""Calibration inputs for each of the zoo's own networks, by its name: noise of its input's shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.zoo import networks


def __getattr__(name: str) -> Callable[[], Iterator[dict[str, Any]]]:
    """A function of samples for the network `name`. Raises AttributeError where there is none."""
    make = getattr(networks, name)
    return lambda: networks.samples_of(make)
