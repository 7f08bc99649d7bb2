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
from edgetool.platform.names import name_hint

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
            module = importlib.import_module(module_name)
    except ImportError as error:
        raise ConfigError(
            f"cannot import {name}: {error}", hint="give package.module:name, importable from here"
        ) from error
    except Exception as error:  # the user's own module may raise anything, such as a SyntaxError
        raise ConfigError(f"{module_name} raised {type(error).__name__} when it was imported: {error}") from error
    try:
        with from_here():
            found = getattr(module, function_name)
    except AttributeError as error:
        known = [each for each, there in vars(module).items() if callable(there) and not each.startswith("_")]
        raise ConfigError(
            f"{module_name} has no {function_name!r}", hint=name_hint(function_name, known, what="its functions")
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
