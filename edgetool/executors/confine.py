"""Run a program that can write only to its work folder and open no sockets: `python -I confine.py FOLDER PROGRAM …`.

This file runs as a script under any Python and imports nothing from edgetool. Landlock restricts file access; older
kernels lack it, and it doesn't cover modes and times of files owned by the user (bubblewrap, run around it, does). A
seccomp filter blocks sockets, and io_uring, which could open some without a system call to filter.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
PATH_BENEATH = 1
VERSION = 1  # the flag that asks for Landlock's version
# From linux/landlock.h: access rights that change files, by the Landlock version that introduced them.
WRITES = {1: sum(1 << bit for bit in (1, *range(4, 13))), 2: 1 << 13, 3: 1 << 14}
WRITE_FILE = 1 << 1
DEVICES = ("/dev/null", "/dev/zero", "/dev/full")

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_FILTER = 38, 22, 2
# machine → architecture in seccomp_data, number of socket(2)
MACHINES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198), "riscv64": (0xC00000F3, 198)}
IO_URING_SETUP = 425
X32 = 0x40000000
LOAD, JUMP_EQUAL, JUMP_ABOVE, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, DENY = 0x7FFF0000, 0x00050000 | errno.EPERM

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def landlock_version() -> int:
    """Return Landlock's version; 0 when the kernel doesn't have it or doesn't use it."""
    return max(0, int(libc.syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), VERSION)))


def keep_files(folder: str) -> None:
    """Deny this process all changes to files outside `folder`, if the kernel has Landlock. Raises OSError."""
    version = landlock_version()
    if version == 0:
        return
    writes = sum(bits for since, bits in WRITES.items() if since <= version)
    attributes = struct.pack("=Q", writes)
    ruleset = _checked(libc.syscall(LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0))
    for path, allowed in ((folder, writes), *((device, WRITE_FILE) for device in DEVICES)):
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", allowed, handle)
        _checked(libc.syscall(LANDLOCK_ADD_RULE, ruleset, PATH_BENEATH, rule, 0))
        os.close(handle)
    _checked(libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def keep_from_sockets() -> None:
    """Deny this process the creation of sockets, on the machines in MACHINES. Raises OSError."""
    if platform.machine() not in MACHINES:
        return
    architecture, socket = MACHINES[platform.machine()]
    # code, instructions to skip when true and when false, operand
    program = [
        (LOAD, 0, 0, 4),  # load the architecture
        (JUMP_EQUAL, 0, 5, architecture),
        (LOAD, 0, 0, 0),  # load the system call number
        (JUMP_ABOVE, 3, 0, X32),
        (JUMP_EQUAL, 2, 0, IO_URING_SETUP),
        (JUMP_EQUAL, 1, 0, socket),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, DENY),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *instruction) for instruction in program))
    whole = struct.pack("@HP", len(program), ctypes.addressof(code))
    _checked(libc.prctl(PR_SET_SECCOMP, SECCOMP_FILTER, whole, 0, 0))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def main() -> None:
    _, folder, *command = sys.argv
    _checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    keep_files(folder)
    keep_from_sockets()
    os.environ["TMPDIR"] = folder
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"cannot run {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
