"""The cache of finished steps: a folder for each set of inputs, whole or absent."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgetool.errors import ConfigError
from edgetool.platform.files import staged, write_atomically


def cache_root() -> Path:
    """$EDGETOOL_CACHE, or the user's cache folder."""
    import platformdirs

    return Path(os.environ.get("EDGETOOL_CACHE") or platformdirs.user_cache_dir("edgetool"))


def key_of(inputs: Mapping[str, object]) -> str:
    """A short name for a set of inputs: equal inputs, equal name."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Entry:
    path: Path
    fresh: bool  # made by this call


class Store:
    """Steps keyed by the hash of their inputs: a done one is found again, a killed one leaves nothing behind."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def entry(
        self, step: str, inputs: Mapping[str, object], make: Callable[[Path], None], *, force: bool = False
    ) -> Entry:
        """The folder of `step` for `inputs`, made by `make` in a folder beside it when it is not there yet.

        Two processes that want the same entry wait for each other. Raises whatever `make` raises.
        """
        from filelock import FileLock

        key = key_of(inputs)
        path = self.root / step / key
        if path.exists() and not force:
            return Entry(path, fresh=False)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"cannot write to the cache {self.root}: {error.strerror}", hint="set EDGETOOL_CACHE to another folder"
            ) from error
        with FileLock(path.with_suffix(".lock")):
            if path.exists() and not force:
                return Entry(path, fresh=False)
            for leftover in path.parent.glob(f".{key}-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            with staged(path) as beside:
                make(beside)
                write_atomically(beside / "inputs.json", json.dumps(inputs, sort_keys=True, indent=2).encode())
        return Entry(path, fresh=True)
