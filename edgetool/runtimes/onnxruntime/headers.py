"""Collect the headers of CPython, pybind11 and NumPy for ONNX Runtime's Python extension."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from edgetool.errors import BuildError, ConfigError
from edgetool.platform.debian.packages import unpack_packages
from edgetool.platform.debian.pins import Packages
from edgetool.platform.documents import read_limited
from edgetool.platform.download import fetch_files
from edgetool.platform.files import file_entries
from edgetool.platform.progress import Note, unheard
from edgetool.platform.store import Store
from edgetool.platform.unpack import unpack
from edgetool.runtimes.spec import Archive, Python, Toolchain

RECIPE = 1  # raised when the way the headers are put together changes
VERSION = re.compile(r'^#define\s+PY_VERSION\s+"(\d+\.\d+)\.', re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Headers:
    """A folder of headers for one CPython release."""

    version: str  # "3.13"
    folder: Path


def find_pythons(toolchain: Toolchain, versions: tuple[str, ...]) -> tuple[Python, ...]:
    """Find the pinned CPython releases of these versions, by default all. Raises ConfigError when one is not pinned."""
    known = {python.version: python for python in toolchain.python}
    if missing := [version for version in versions if version not in known]:
        has = ", ".join(known) or "none"
        raise ConfigError(
            f"no headers of CPython {missing[0]} are pinned for {toolchain.triple}",
            hint=f"pinned: {has}; --headers DIR takes another's, of a libpython{missing[0]}-dev that is unpacked",
        )
    return tuple(known[version] for version in versions) if versions else toolchain.python


def pinned_headers(python: Python, toolchain: Toolchain, store: Store, *, note: Note = unheard) -> Headers:
    """Fetch headers once. Raises ConfigError, BuildError, FetchError."""

    def fill(folder: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="edgetool-headers-") as scratch:
            root = Path(scratch, "python")
            if isinstance(python.headers, Archive):
                _unpack_build(python.headers, store, root, note)
            else:
                unpack_packages(python.headers, store.root, root, note=note)
            found = next(root.rglob(f"include/python{python.version}/Python.h"), None)
            if found is None:
                raise BuildError(f"the headers pinned for CPython {python.version} hold no Python.h of it")
            _gather(found.parent, toolchain, folder)
        _gather_bindings(toolchain, store, folder, note)

    inputs = {"python": python.digests, **_inputs(toolchain)}
    return Headers(version=python.version, folder=store.entry("python-headers", inputs, fill).path)


def own_headers(given: Path, toolchain: Toolchain, store: Store, *, note: Note = unheard) -> Headers:
    """Take the user's headers: a folder with Python.h, or an unpacked package.

    Raises ConfigError when the folder holds no Python.h or several.
    """
    found = sorted({path.parent for path in given.rglob("Python.h")}) if given.is_dir() else []
    if len(found) != 1:
        raise ConfigError(
            f"{given} holds {len(found) or 'no'} Python.h", hint="unpack one libpython3.X-dev of the board's there"
        )
    text = read_limited(found[0] / "patchlevel.h", ConfigError)
    version = VERSION.search(text.decode(errors="replace"))
    if version is None:
        raise ConfigError(f"{found[0] / 'patchlevel.h'} names no version of CPython")

    def fill(folder: Path) -> None:
        _gather(found[0], toolchain, folder)
        _gather_bindings(toolchain, store, folder, note)

    files = {file.path: file.sha256 for file in file_entries(given) if file.path.endswith(".h")}
    return Headers(
        version=version[1], folder=store.entry("python-headers", {"python": files, **_inputs(toolchain)}, fill).path
    )


def _unpack_build(archive: Archive, store: Store, folder: Path, note: Note) -> None:
    """Fetch and unpack a build of CPython."""
    remedy = "bring headers of your own with --headers DIR"
    (path,) = fetch_files([archive], store.root / "downloads", [archive.mirror], remedy=remedy, note=note)
    unpack(path, folder)


def _bindings(toolchain: Toolchain) -> Packages:
    if toolchain.bindings is None:
        raise ConfigError(
            f"{toolchain.triple} has no [bindings] table", hint=f"add one to toolchain/{toolchain.triple}.toml"
        )
    return toolchain.bindings


def _inputs(toolchain: Toolchain) -> dict[str, object]:
    return {"recipe": RECIPE, "triple": toolchain.triple, "bindings": _bindings(toolchain).digests()}


def _gather(python: Path, toolchain: Toolchain, folder: Path) -> None:
    """Copy CPython's headers. Debian's pyconfig.h includes the architecture's own by the triple's name."""
    shutil.copytree(python, folder, dirs_exist_ok=True)
    for architecture in python.parent.glob(f"*-linux-gnu/{python.name}"):
        shutil.copytree(architecture, folder / toolchain.triple / python.name)


def _gather_bindings(toolchain: Toolchain, store: Store, folder: Path, note: Note) -> None:
    with tempfile.TemporaryDirectory(prefix="edgetool-headers-") as scratch:
        root = Path(scratch, "bindings")
        unpack_packages(_bindings(toolchain), store.root, root, note=note)
        shutil.copytree(root / "usr" / "include" / "pybind11", folder / "pybind11")
        numpy = next(root.rglob("numpy/arrayobject.h")).parent
        shutil.copytree(numpy, folder / "numpy")
