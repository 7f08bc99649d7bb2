"""A program whose file system lacks something: system calls fail as FAT and network file systems let them fail."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from pathlib import Path

import pytest

from edgetool.executors.confine import (
    ALLOW,
    DENY,
    JUMP_EQUAL,
    LOAD,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_SECCOMP,
    RETURN,
    SECCOMP_FILTER,
    libc,
)

LINK, SYMLINK, LOCK = "link", "symlink", "lock"
# machine → what is denied → numbers of its system calls
CALLS: dict[str, dict[str, tuple[int, ...]]] = {
    "x86_64": {LINK: (86, 265), SYMLINK: (88, 266), LOCK: (73,)},
    "aarch64": {LINK: (37,), SYMLINK: (36,), LOCK: (32,)},
}


def denied(error: int, *calls: str) -> list[str]:
    """What goes before a command whose `calls` are to fail with an errno."""
    if platform.machine() not in CALLS:
        pytest.skip("the numbers of system calls are those of x86-64 and arm64")
    here = [sys.executable, "-m", "tests.support.denied"]
    return ["env", f"PYTHONPATH={Path(__file__).parents[2]}", *here, errno.errorcode[error], ",".join(calls)]


def main() -> None:
    _, error, names, *command = sys.argv
    numbers = [number for name in names.split(",") for number in CALLS[platform.machine()][name]]
    program = [
        (LOAD, 0, 0, 0),  # load the system call's number
        *((JUMP_EQUAL, len(numbers) - i, 0, number) for i, number in enumerate(numbers)),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, DENY & 0xFFFF0000 | getattr(errno, error)),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *instruction) for instruction in program))
    whole = struct.pack("@HP", len(program), ctypes.addressof(code))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_FILTER, whole, 0, 0):
        sys.exit(f"no filter: {os.strerror(ctypes.get_errno())}")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
