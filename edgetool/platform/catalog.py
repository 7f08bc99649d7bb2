"""Locate edgetool's data folders: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from edgetool.errors import ConfigError


@cache
def data_folder(name: str) -> Path:
    """Return the data folder called `name`, such as `targets` or `docs/ci`. Raises ConfigError when it is missing."""
    package = Path(__file__).parent.parent
    for folder in (package / "_data" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise ConfigError(f"edgetool's folder {name!r} is missing", hint="reinstall edgetool")
