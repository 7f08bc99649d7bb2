"""QEMU's user-mode emulators: this machine's own where they are new enough, else pinned ones in the cache."""

from __future__ import annotations

import platform
import re
import shutil
from functools import cache
from pathlib import Path

from edgetool.errors import ConfigError, EdgetoolError
from edgetool.platform.debian.packages import unpack_packages
from edgetool.platform.debian.pins import Packages
from edgetool.platform.process import run_process
from edgetool.platform.progress import Note, unheard
from edgetool.platform.store import Store, cache_root

TESTED = (10, 0)  # the release that edgetool is tested with; those before it take far longer for vectors
SUITE, PACKAGE = "trixie", "qemu-user"  # static programs, which run on any distribution
NAMES = ("qemu-riscv64", "qemu-aarch64")  # what is taken of the package
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # a machine of Linux → Debian's name of it


def find_emulator(name: str, *, note: Note = unheard) -> str:
    """The path of a user-mode emulator; fetched once where this machine has none, or one older than TESTED.

    A path is taken as it is. Raises ConfigError where there is none and none can be had, FetchError when fetching
    fails and this machine has not even an old one.
    """
    if "/" in name:
        return name
    installed = installed_emulator(name)
    if installed is not None and version_of(installed) >= TESTED:
        return installed
    packages = emulator_package()
    if name not in NAMES or packages is None:
        if installed is not None:
            return installed
        raise ConfigError(f"{name} is not installed", hint="as root: apt-get install qemu-user-static")
    try:
        return str(pinned_emulators(packages, note=note) / name)
    except EdgetoolError as unavailable:
        if installed is None:
            raise
        note(f"{unavailable.message.partition(chr(10))[0]}: an old {emulator_version(installed)} is used")
        return installed


def installed_emulator(name: str) -> str | None:
    """This machine's own, of whatever release."""
    return next((found for program in (name, f"{name}-static") if (found := shutil.which(program))), None)


def emulator_package() -> Packages | None:
    """The pinned package with emulators that run on this machine, if there is one."""
    architecture = ARCHITECTURES.get(platform.machine()) if platform.system() == "Linux" else None
    return None if architecture is None else Packages(suite=SUITE, architecture=architecture, packages=(PACKAGE,))


def pinned_emulators(packages: Packages, *, note: Note = unheard) -> Path:
    """The folder of the pinned programs NAMES, which stay in the cache for as long as this process may run them.

    Raises FetchError when they can't be had.
    """

    def make(folder: Path) -> None:
        unpack_packages(packages, store.root, folder, note=note, only=[f"usr/bin/{name}" for name in NAMES])

    store = _store(cache_root())
    return store.entry("qemu-user", {"packages": packages.digests(), "names": NAMES}, make).path / "usr/bin"


@cache
def _store(root: Path) -> Store:
    return Store(root)


@cache
def emulator_version(emulator: str) -> str:
    """ "qemu-riscv64 version 7.2.22"."""
    first = run_process([emulator, "--version"], timeout_s=10).stdout.decode(errors="replace").splitlines()[:1]
    return (first[0] if first else emulator).split(" (")[0]


def version_of(emulator: str) -> tuple[int, ...]:
    """(7, 2), of a text that holds "version 7.2.22"."""
    found = re.search(r"version (\d+)\.(\d+)", emulator_version(emulator))
    return tuple(map(int, found.groups())) if found else ()
