"""Files and links of a package, and tar archives of them with fixed times and owners."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from edgetool.platform.tar import anonymous, tarfile

TIME_S = 1_741_392_000  # of every file, since the epoch: 2025-03-08, when ONNX Runtime 1.21.0 was released


@dataclass(frozen=True, kw_only=True)
class Member:
    """A file, or a link to one; `path` is relative, with forward slashes."""

    path: str
    content: bytes | Path = b""
    link: str | None = None  # a link's target, relative to its folder

    @property
    def data(self) -> bytes:
        return self.content.read_bytes() if isinstance(self.content, Path) else self.content

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def is_file(self) -> bool:
        return self.link is None


def moved(members: Iterable[Member], prefix: str) -> tuple[Member, ...]:
    """Move the members into the folder `prefix`."""
    return tuple(Member(path=f"{prefix}/{member.path}", content=member.content, link=member.link) for member in members)


def write_tar(file: BinaryIO | gzip.GzipFile, members: Sequence[Member], *, top: str = "") -> None:
    """Write `members` and their folders as an uncompressed GNU tar, in order of path. `top` precedes each path."""
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for folder in sorted(set(_folders(members))):
            entry = anonymous(tarfile.TarInfo(f"{top}{folder}"))
            entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, TIME_S
            tar.addfile(_owned(entry))
        for member in sorted(members, key=lambda member: member.path):
            entry = anonymous(tarfile.TarInfo(f"{top}{member.path}"))
            entry.mtime = TIME_S
            if member.link is not None:
                entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, member.link, 0o777
                tar.addfile(_owned(entry))
            else:
                data = member.data
                entry.size = len(data)
                tar.addfile(_owned(entry), io.BytesIO(data))


def _owned(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uname = entry.gname = "root"
    return entry


def _folders(members: Iterable[Member]) -> Iterator[str]:
    for member in members:
        yield from (str(parent) for parent in PurePosixPath(member.path).parents if str(parent) != ".")
