"""The cache of finished steps: one folder for each set of inputs, complete or absent, and verified when opened."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgetool.errors import BuildError, ConfigError
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.files import FileEntry, file_entries, is_inside, sha256_file, staged, write_atomically
from edgetool.platform.values import value

INPUTS = "inputs.json"
MANIFEST = "entry.json"  # its modification time is when the entry was last used
IN_USE = ".use"  # suffix of the file beside an entry that is locked while the entry is in use


def cache_root() -> Path:
    """Return $EDGETOOL_CACHE, or the user's cache folder."""
    import platformdirs

    return Path(os.environ.get("EDGETOOL_CACHE") or platformdirs.user_cache_dir("edgetool"))


def key_of(inputs: Mapping[str, object]) -> str:
    """Return a short name for a set of inputs; equal inputs have equal names."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]


@value
class Manifest:
    """The files that an entry had when it was made, stored as `entry.json`."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    files: tuple[FileEntry, ...]


@dataclass(frozen=True)
class Entry:
    path: Path
    fresh: bool  # made by this call


class Store:
    """A cache of steps keyed by the hash of their inputs.

    Finished steps are reused; interrupted ones leave nothing behind.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._opened: dict[Path, int] = {}  # entry → the descriptor whose lock keeps it from being removed
        self._end = weakref.finalize(self, _close_all, self._opened)

    def entry(
        self, step: str, inputs: Mapping[str, object], make: Callable[[Path], None], *, force: bool = False
    ) -> Entry:
        """Return the folder of `step` for `inputs`; call `make` to fill a temporary folder when it isn't cached.

        An entry whose files have changed since it was made is made again. Processes that need the same entry wait for
        each other. Raises ConfigError when the cache isn't writable, and whatever `make` raises.
        """
        from filelock import FileLock

        key = key_of(inputs)
        path = self.root / step / key
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"cannot write to the cache {self.root}: {error.strerror}", hint="set EDGETOOL_CACHE to another folder"
            ) from error
        self._use(path)
        if not force and self._is_whole(path):
            return Entry(path, fresh=False)
        with FileLock(path.with_suffix(".lock")):
            if not force and self._is_whole(path):
                return Entry(path, fresh=False)
            for leftover in path.parent.glob(f".{key}-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            with staged(path) as beside:
                make(beside)
                write_atomically(beside / INPUTS, json.dumps(inputs, sort_keys=True, indent=2).encode())
                write_document(beside / MANIFEST, Manifest(schema=Manifest.SCHEMA, files=file_entries(beside)))
        return Entry(path, fresh=True)

    def open_entry(self, path: Path) -> Path:
        """Open an entry by its folder and verify it.

        Raises BuildError when its files have changed since it was made.
        """
        self._use(path)
        if found := damage(path):
            raise BuildError(
                f"the cache is damaged: {path}: {found[0]}", hint="`edgetool cache verify --remove` removes it"
            )
        _touch(path)
        return path

    def _is_whole(self, path: Path) -> bool:
        if not path.exists():
            return False
        if found := damage(path):
            print(f"the cache is damaged, rebuilding: {path}: {found[0]}", file=sys.stderr)
            return False
        _touch(path)
        return True

    def _use(self, path: Path) -> None:
        """Lock the entry against removal for the lifetime of this store."""
        if path in self._opened:
            return
        with suppress(OSError):  # nothing can be removed from a read-only cache, so no lock is needed
            descriptor = os.open(path.with_suffix(IN_USE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            self._opened[path] = descriptor


def _close_all(opened: Mapping[Path, int]) -> None:
    for descriptor in opened.values():
        os.close(descriptor)


def _touch(path: Path) -> None:
    with suppress(OSError):
        os.utime(path / MANIFEST)


def damage(path: Path) -> tuple[str, ...]:
    """Read every byte of an entry and describe each file that has changed or is missing.

    An entry from before manifests existed gets one.
    """
    if not (path / MANIFEST).is_file() and (path / INPUTS).is_file():
        with suppress(OSError):
            write_document(path / MANIFEST, Manifest(schema=Manifest.SCHEMA, files=file_entries(path)))
        return ()
    try:
        manifest = read_document(path / MANIFEST, Manifest, error=BuildError)
    except BuildError as unreadable:
        return (unreadable.message,)
    return tuple(_damage(path, manifest))


def _damage(path: Path, manifest: Manifest) -> Iterator[str]:
    for file in manifest.files:
        here = path / file.path
        if not is_inside(file.path) or not here.is_file():
            yield f"{file.path} is missing"
        elif here.stat().st_size != file.size_bytes or sha256_file(here) != file.sha256:
            yield f"{file.path} has changed"


@contextmanager
def unused(path: Path) -> Iterator[bool]:
    """Yield whether the entry is unused. If so, it can't be used until the block ends."""
    lock = path.with_suffix(IN_USE)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)
