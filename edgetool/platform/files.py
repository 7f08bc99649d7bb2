"""Compute digests, write files atomically, check relative paths and remove trees safely."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import secrets
import shutil
import stat
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from edgetool.platform.values import Name, NonNegative, Sha256, value

# link(2) where it can't be done, though a copy can: FAT says EPERM, network file systems one of the others.
NO_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS})
_HERE, _RENAME_EXCHANGE = -100, 2  # AT_FDCWD and the flag, of linux/fcntl.h and linux/fs.h
DEPTH_LIMIT = 64  # nested folders in a path from an untrusted source


@value
class FileEntry:
    """A file identified by its content.

    `path` is relative to the root of a runtime, bundle or archive and uses forward slashes.
    """

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
    """Return the entry of `path`, a file inside `root`."""
    return FileEntry(path=path.relative_to(root).as_posix(), sha256=sha256_file(path), size_bytes=path.stat().st_size)


def file_entries(root: Path) -> tuple[FileEntry, ...]:
    """Return the entries of all regular files below `root`, sorted by path."""
    return tuple(file_entry(root, path) for path in sorted(root.rglob("*")) if path.is_file())


def digest_entries(entries: Iterable[FileEntry]) -> str:
    """Return the sha256 of several files' paths and contents: the name of a runtime, a bundle or a set of images."""
    listed = "".join(f"{entry.path}\0{entry.sha256}\n" for entry in entries)
    return hashlib.sha256(listed.encode(errors="surrogateescape")).hexdigest()  # names of files may be no UTF-8


def is_inside(relative: str) -> bool:
    """Return whether a relative path from an untrusted source stays in its folder and within DEPTH_LIMIT."""
    path = PurePosixPath(relative)
    stays = not path.is_absolute() and ".." not in path.parts and "\0" not in relative
    return bool(relative) and stays and len(path.parts) <= DEPTH_LIMIT


def is_regular(path: Path) -> bool:
    """Return whether `path` is a regular file: reading a pipe may block forever, and a device never ends."""
    return stat.S_ISREG(path.stat().st_mode)


def link_or_copy(source: str | Path, path: str | Path) -> None:
    """Give a file a second name, or copy it where there are no hard links or `path` is on another file system.

    Raises OSError.
    """
    try:
        os.link(source, path)
    except OSError as error:
        if error.errno not in NO_LINK:
            raise
        shutil.copy2(source, path)


def remove_tree(folder: Path) -> None:
    """Remove a folder at any depth and with any permissions; links inside it are removed, not followed.

    Each folder is moved to the top before it is emptied, since shutil.rmtree recurses once for each level and Python's
    stack ends at about a thousand. Raises OSError.
    """
    moved = secrets.token_hex(8)
    waiting = deque([folder])
    count = 0
    while waiting:
        each = waiting.popleft()
        for path in list(each.iterdir()):
            if stat.S_ISDIR(path.lstat().st_mode):
                path.chmod(0o700)
                waiting.append(path.rename(folder / f"{moved}.{count}"))
                count += 1
            else:
                path.unlink()
        if each != folder:
            each.rmdir()
    folder.rmdir()


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Create a temporary folder for untrusted content. It is removed whatever its permissions and depth."""
    folder = Path(tempfile.mkdtemp(prefix="edgetool-"))
    try:
        yield folder
    finally:
        if folder.is_symlink():  # replaced by a link: remove only the link, since its destination isn't ours
            folder.unlink()
        elif folder.exists():
            folder.chmod(0o700)
            remove_tree(folder)


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Yield a new folder that replaces `path` when the block succeeds and is removed when it fails.

    Where the file system can exchange two names, `path` is never away for others who look at it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-"))
    try:
        made = beside / "new"
        made.mkdir(mode=0o755)
        yield made
        if path.exists():
            if _exchanged(made, path):
                return
            path.rename(beside / "old")
        made.rename(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two names at once. Return False where that can't be done, as outside Linux."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    return rename is not None and rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _RENAME_EXCHANGE) == 0


@contextmanager
def staged_file(path: Path) -> Iterator[Path]:
    """Yield a temporary file that replaces `path` when the block succeeds; readers never see a partial file.

    Raises OSError, also when `path` is a pipe or a device, which renaming would replace: `--output /dev/null`.
    """
    if path.exists() and not is_regular(path):
        raise FileExistsError(errno.EEXIST, "it exists and is not a file", str(path))
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
    """Write `data` to `path` atomically."""
    with staged_file(path) as beside:
        beside.write_bytes(data)
