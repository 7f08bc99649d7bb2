"""Files: digests, writing whole or not at all, names that stay in their folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from edgetool.platform.values import Name, NonNegative, Sha256, value


@value
class FileEntry:
    """One file by its content; `path` is relative to the root of a runtime, bundle or archive, with forward slashes."""

    path: Name
    sha256: Sha256
    size_bytes: NonNegative

    @property
    def file_name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


def sha256_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_entry(root: Path, path: Path) -> FileEntry:
    """The entry of `path`, which lies in `root`."""
    return FileEntry(path=path.relative_to(root).as_posix(), sha256=sha256_file(path), size_bytes=path.stat().st_size)


def file_entries(root: Path) -> tuple[FileEntry, ...]:
    """The entries of all regular files below `root`, in the order of their paths."""
    return tuple(file_entry(root, path) for path in sorted(root.rglob("*")) if path.is_file())


def is_inside(relative: str) -> bool:
    """Whether a relative path from an untrusted source stays in its folder."""
    path = PurePosixPath(relative)
    return bool(relative) and not path.is_absolute() and ".." not in path.parts and "\0" not in relative


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """A new folder beside `path` that takes its place when the block ends well, and is removed when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-"))
    try:
        made = beside / "new"
        made.mkdir(mode=0o755)
        yield made
        if path.exists():
            path.rename(beside / "old")
        made.rename(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def staged_file(path: Path) -> Iterator[Path]:
    """The same for a file: a reader sees the old one or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        beside.chmod(0o644)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` whole or not at all."""
    with staged_file(path) as beside:
        beside.write_bytes(data)
