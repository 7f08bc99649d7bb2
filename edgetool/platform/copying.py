"""Copy files that an untrusted program wrote, without following links or opening devices and pipes.

A link may point to any file on this machine, devices and pipes never end, and a sparse file of any size costs its
writer nothing.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from edgetool.errors import TransferError
from edgetool.platform.files import DEPTH_LIMIT

FILES_LIMIT = 10_000
CHUNK_BYTES = 2**20
_HERE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def copy_untrusted(root: Path, inner: PurePosixPath, destination: Path, *, limit_bytes: int) -> None:
    """Copy the file or folder `inner` from inside `root` to `destination`.

    Symbolic links inside a folder are skipped. Raises TransferError when `inner` is or lies behind a link, is neither a
    file nor a folder, or is larger than `limit_bytes`; OSError when `destination` can't be written.
    """
    _Copy(limit_bytes).copy(root, inner, destination)


class _Copy:
    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = self._left_bytes = limit_bytes
        self._left_files = FILES_LIMIT

    def copy(self, root: Path, inner: PurePosixPath, destination: Path) -> None:
        with _opened(str(root), None, str(inner)) as folder:
            self._below(folder, inner.parts, inner, destination)

    def _below(self, folder: int, parts: tuple[str, ...], inner: PurePosixPath, destination: Path) -> None:
        if not parts:
            return self._entry(folder, inner, destination, depth=0)
        with _opened(parts[0], folder, str(inner)) as next_one:
            return self._below(next_one, parts[1:], inner, destination)

    def _entry(self, handle: int, inner: PurePosixPath, destination: Path, *, depth: int) -> None:
        status = os.fstat(handle)
        self._left_files -= 1
        if self._left_files < 0 or depth > DEPTH_LIMIT:
            raise TransferError(f"{inner} is in a folder with more than {FILES_LIMIT} files or {DEPTH_LIMIT} levels")
        if stat.S_ISDIR(status.st_mode):
            destination.mkdir(parents=True, exist_ok=True)
            for name in os.listdir(handle):
                if not stat.S_ISLNK(os.lstat(name, dir_fd=handle).st_mode):
                    with _opened(name, handle, str(inner / name)) as entry:
                        self._entry(entry, inner / name, destination / name, depth=depth + 1)
        elif stat.S_ISREG(status.st_mode):
            self._file(handle, inner, destination)
        else:
            raise TransferError(f"cannot get {inner}: it is neither a file nor a folder")

    def _file(self, handle: int, inner: PurePosixPath, destination: Path) -> None:
        destination.parent.mkdir(parents=True, exist_ok=True)
        into, beside = tempfile.mkstemp(dir=destination.parent, prefix=".edgetool-")
        try:
            with os.fdopen(into, "wb") as file:
                while chunk := os.read(handle, CHUNK_BYTES):
                    self._left_bytes -= len(chunk)
                    if self._left_bytes < 0:
                        raise TransferError(f"{inner} is larger than the limit of {self._limit_bytes} bytes")
                    file.write(chunk)
            Path(beside).chmod(0o644)
            Path(beside).replace(destination)
        finally:
            Path(beside).unlink(missing_ok=True)


@contextmanager
def _opened(name: str, folder: int | None, shown: str) -> Iterator[int]:
    try:
        handle = os.open(name, _HERE, dir_fd=folder)
    except OSError as error:
        why = "it is a link" if error.errno == errno.ELOOP else error.strerror
        raise TransferError(f"cannot get {shown}: {why}") from error
    try:
        yield handle
    finally:
        os.close(handle)
