"""Find QEMU's user-mode emulators: installed ones if new enough, otherwise pinned ones from the cache."""

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

TESTED = (10, 0)  # the release edgetool is tested with; older ones are far slower on vector code
SUITE, PACKAGE = "trixie", "qemu-user"  # statically linked, so it runs on any distribution
NAMES = ("qemu-riscv64", "qemu-aarch64")  # programs taken from the package
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # Linux's machine name → Debian's architecture


def find_emulator(name: str, *, note: Note = unheard) -> str:
    """Return the path of a user-mode emulator. Fetch a pinned one when none is installed or it is older than TESTED.

    A `name` that is a path is returned as is. When fetching fails, an old installed emulator is used.

    Raises ConfigError when none is installed or available, FetchError when fetching fails and none is installed.
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
    """Return the path of the installed emulator of any release, or None."""
    return next((found for program in (name, f"{name}-static") if (found := shutil.which(program))), None)


def emulator_package() -> Packages | None:
    """Return the pinned package with emulators for this machine, or None when there is none."""
    architecture = ARCHITECTURES.get(platform.machine()) if platform.system() == "Linux" else None
    return None if architecture is None else Packages(suite=SUITE, architecture=architecture, packages=(PACKAGE,))


def pinned_emulators(packages: Packages, *, note: Note = unheard) -> Path:
    """Return the folder of the pinned programs NAMES, locked in the cache while this process runs.

    Raises FetchError when they can't be fetched.
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
    """Return the first line of `--version` without its details: "qemu-riscv64 version 7.2.22"."""
    first = run_process([emulator, "--version"], timeout_s=10).stdout.decode(errors="replace").splitlines()[:1]
    return (first[0] if first else emulator).split(" (")[0]


def version_of(emulator: str) -> tuple[int, ...]:
    """Return the version as numbers: (7, 2) for "version 7.2.22". Empty when there is none."""
    found = re.search(r"version (\d+)\.(\d+)", emulator_version(emulator))
    return tuple(map(int, found.groups())) if found else ()
