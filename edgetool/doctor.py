"""Find out what is installed and what is missing, and how to install it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edgetool.errors import ConfigError
from edgetool.executors.confinement import confinement
from edgetool.executors.emulators import NAMES as EMULATORS
from edgetool.executors.emulators import TESTED, emulator_package, installed_emulator, version_of
from edgetool.platform.debian.mirrors import HINT as MIRROR_HINT
from edgetool.platform.debian.mirrors import debian_mirrors
from edgetool.platform.process import run_tool
from edgetool.platform.values import value
from edgetool.runtimes.emulator import glib_headers
from edgetool.targets.spec import Target


@value
class Finding:
    name: str
    found: str | None  # a version or path; None when missing
    needed_for: str
    package: str | None  # the system package that provides it; None for Python packages
    remedy: str
    required: bool  # for the given target

    @property
    def ok(self) -> bool:
        return self.found is not None


EXPORT = 'pip install "edgetool[export]"'
PYTHON_PACKAGES = (
    ("onnxruntime", "running models on this machine", "pip install onnxruntime"),
    ("ziglang", "building the harness", "pip install ziglang"),
    ("torch", "exporting from PyTorch", EXPORT),
    ("torchvision", "exporting torchvision's models", EXPORT),
    ("onnxscript", "exporting from PyTorch", EXPORT),
    ("safetensors", "reading checkpoints", EXPORT),
)
FROM_DEBIAN = ("*/riscv64-*", "*/aarch64-*")
COUNTING = "--count-instructions"
COUNTING_PACKAGES = ("meson", "pycotap")
BUILDING = "`edgetool runtime build`"
BUILDING_PACKAGES = ("cmake", "ninja")
# program names, purpose, system package, and the targets that require it as patterns of executor/triple
PROGRAMS = (
    (("qemu-system-riscv64",), "target virt-riscv64, the emulated board", "qemu-system-misc", ("virtual/riscv64-*",)),
    (("qemu-system-aarch64",), "target virt-aarch64, the emulated board", "qemu-system-arm", ("virtual/aarch64-*",)),
    (("ssh",), "`edgetool board ssh`, and ~/.ssh/config in full", "openssh-client", ()),
    (("cc",), COUNTING, "gcc", ()),
    (("patch",), f"{BUILDING} and {COUNTING}", "patch", ()),
)


def examine(target: Target) -> tuple[Finding, ...]:
    """Check all requirements, Python first, marking those that the target requires."""
    place = f"{target.executor['kind']}/{target.triple}"
    return (
        _python(),
        *_python_packages(),
        _mirror(place),
        *_emulators(place),
        _confinement(),
        *_programs(place),
        *_for_counting(),
        *_for_building(),
    )


def _python() -> Finding:
    supported = sys.version_info >= (3, 11)
    return Finding(
        name="python",
        found=sys.version.split()[0] if supported else None,
        needed_for="edgetool",
        package=None,
        remedy="use Python 3.11 or newer",
        required=True,
    )


def _python_packages() -> Iterator[Finding]:
    for name, needed_for, remedy in PYTHON_PACKAGES:
        yield Finding(
            name=name, found=_version(name), needed_for=needed_for, package=None, remedy=remedy, required=True
        )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _mirror(place: str) -> Finding:
    """Check that a source of the pinned Debian files is known."""
    return Finding(
        name="Debian mirror",
        found=next(iter(debian_mirrors()), None),
        needed_for="Debian's files: runtimes, libc, sources, boards",
        package=None,
        remedy=MIRROR_HINT,
        required=any(fnmatchcase(place, pattern) for pattern in FROM_DEBIAN),
    )


def _emulators(place: str) -> Iterator[Finding]:
    """Report the user-mode emulators in use: installed ones, or pinned ones when missing or too old."""
    for name in EMULATORS:
        installed, package = installed_emulator(name), emulator_package()
        found = None if installed is None else f"{installed} ({'.'.join(map(str, version_of(installed)))})"
        if package is not None and (installed is None or version_of(installed) < TESTED):
            pinned = package.pinned()[0]
            found = f"Debian's {pinned.version}, pinned" + (f", in place of the older {found}" if found else "")
        yield Finding(
            name=name,
            found=found,
            needed_for=f"target {name}",
            package="qemu-user-static",
            remedy="as root: apt-get install qemu-user-static",
            required=fnmatchcase(place, f"qemu/{name.removeprefix('qemu-')}-*"),
        )


def _confinement() -> Finding:
    """Report what confines emulated programs to their work folder and cuts them off from the network."""
    return Finding(
        name="confinement",
        found=confinement(),
        needed_for="keeping emulated programs to their work folder",
        package="bubblewrap",
        remedy="as root: apt-get install bubblewrap",
        required=False,
    )


def _programs(place: str) -> Iterator[Finding]:
    for names, needed_for, package, patterns in PROGRAMS:
        yield Finding(
            name=Path(names[0]).stem,
            found=next((path for name in names if (path := _find(name))), None),
            needed_for=needed_for,
            package=package,
            remedy=f"as root: apt-get install {package}",
            required=any(fnmatchcase(place, pattern) for pattern in patterns),
        )


def _for_counting() -> Iterator[Finding]:
    """Check what building the counting emulator needs in addition to a compiler."""
    for name in COUNTING_PACKAGES:
        yield Finding(
            name=name,
            found=_version(name),
            needed_for=COUNTING,
            package=None,
            remedy='pip install "edgetool[count]"',
            required=False,
        )
    yield Finding(
        name="glib's headers",
        found=glib_headers(),
        needed_for=COUNTING,
        package="libglib2.0-dev",
        remedy="as root: apt-get install libglib2.0-dev",
        required=False,
    )


def _for_building() -> Iterator[Finding]:
    """Check what a cross build needs in addition to a compiler, as a Python package or a program."""
    for name in BUILDING_PACKAGES:
        yield Finding(
            name=name,
            found=_version(name) or _find(name),
            needed_for=BUILDING,
            package=None,
            remedy=f"pip install {name}",
            required=False,
        )


def _find(name: str) -> str | None:
    """Return the path of a program on PATH, or an absolute path if the file exists."""
    if name.startswith("/"):
        return name if Path(name).is_file() else None
    return shutil.which(name)


def missing_system_packages(findings: Sequence[Finding], *, optional: bool = False) -> tuple[str, ...]:
    """Return the missing system packages that the target requires; also the optional ones with `optional`."""
    wanted = (finding for finding in findings if not finding.ok and (finding.required or optional))
    return tuple(dict.fromkeys(finding.package for finding in wanted if finding.package))


def install_system_packages(packages: Sequence[str], *, log: Path) -> None:
    """Install Debian packages. Raises ConfigError with the command to run when this isn't root or apt is missing."""
    line = f"apt-get install --yes {' '.join(packages)}"
    if os.geteuid() != 0:
        raise ConfigError(
            f"system packages are missing: {', '.join(packages)}", hint=f"run `sudo {line}` and try again"
        )
    if shutil.which("apt-get") is None:
        raise ConfigError(f"programs of the Debian packages {', '.join(packages)} are missing", hint="install them")
    run_tool(["apt-get", "update"], log=log, timeout_s=600)
    run_tool(["apt-get", "install", "--yes", "--no-install-recommends", *packages], log=log, timeout_s=1800)
