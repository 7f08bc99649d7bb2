"""Write an initramfs: a reproducible cpio archive in "newc" format, made without root."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import PurePosixPath

from edgetool.platform.values import value


@value
class Member:
    """One entry, owned by root. `device` is the (major, minor) number of a character device."""

    path: str
    mode: int  # file type and permissions, as in stat
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def folder(path: str, permissions: int = 0o755) -> Member:
    return Member(path=path, mode=stat.S_IFDIR | permissions)


def file(path: str, data: bytes, permissions: int = 0o644) -> Member:
    return Member(path=path, mode=stat.S_IFREG | permissions, data=data)


def link(path: str, to: str) -> Member:
    return Member(path=path, mode=stat.S_IFLNK | 0o777, data=to.encode())


def character_device(path: str, major: int, minor: int) -> Member:
    return Member(path=path, mode=stat.S_IFCHR | 0o600, device=(major, minor))


def archive(members: Iterable[Member]) -> bytes:
    """Return the archive of `members` and the folders that contain them.

    >>> archive([file("etc/hostname", b"board")])[:6]
    b'070701'
    """
    given = {member.path: member for member in members}
    parents = {str(parent) for path in given for parent in PurePosixPath(path).parents} - {"."}
    whole = {**{path: folder(path) for path in parents}, **given}
    parts = [_entry(number, whole[path]) for number, path in enumerate(sorted(whole), start=1)]
    return b"".join([*parts, _entry(0, Member(path="TRAILER!!!", mode=0))])


def _entry(number: int, member: Member) -> bytes:
    name = member.path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(member.mode) else 1
    # inode, mode, uid, gid, links, mtime, size, device major and minor, rdev major and minor, name length, checksum
    numbers = (number, member.mode, 0, 0, links, 0, len(member.data), 0, 0, *member.device, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % each for each in numbers) + name
    return _padded(head) + _padded(member.data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
