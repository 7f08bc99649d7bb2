"""The tarfile module with extraction filters, which Python 3.11.2 lacks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING or sys.version_info >= (3, 12):
    import tarfile
else:
    from backports import tarfile

__all__ = ["anonymous", "tarfile"]


def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Remove owner, time and umask, so that equal files have equal archives."""
    member.mode = 0o755 if member.mode & 0o100 else 0o644
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member
