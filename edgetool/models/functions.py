"""Find a user's functions by `package.module:name`. The current folder is on the import path."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgetool.errors import ConfigError

NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def is_function_name(text: str) -> bool:
    """
    >>> is_function_name("my.data:samples"), is_function_name("images.npz")
    (True, False)
    """
    return NAME.fullmatch(text) is not None


def find_function(name: str) -> Callable[..., Any]:
    """Import a function. Raises ConfigError when the import fails."""
    module_name, _, function_name = name.partition(":")
    try:
        with from_here():
            found = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"cannot import {name}: {error}", hint="give package.module:name, importable from here"
        ) from error
    if not callable(found):
        raise ConfigError(f"{name} is a {type(found).__name__}, not a function")
    function: Callable[..., Any] = found
    return function


@contextmanager
def from_here() -> Iterator[None]:
    """Put the current folder first on the import path."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)
