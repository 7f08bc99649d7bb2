"""A runtime's folder: its libraries, their dependencies, and the `runtime.json` that describes them."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from edgetool.errors import BuildError
from edgetool.platform.debian.packages import unpack_packages
from edgetool.platform.debian.pins import Packages
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.elf import check_machine, read_elf
from edgetool.platform.files import digest_entries, file_entries
from edgetool.platform.progress import Note, unheard
from edgetool.platform.store import Store
from edgetool.runtimes.spec import Runtime, RuntimeBuild, Toolchain

LIBC_RECIPE = 2  # increment when the way libc is added changes
LIBC_PACKAGES = ("libc6",)
LIBDL = "libdl.so.2"


def open_runtime(root: Path) -> Runtime:
    """Open a runtime's folder. Raises BuildError when its description can't be read."""
    return Runtime(root=root, build=read_document(root / "runtime.json", RuntimeBuild, error=BuildError))


def add_libc(runtime: Runtime, toolchain: Toolchain, store: Store, *, note: Note = unheard) -> Runtime:
    """Add Debian's libc and loader to a runtime, for targets without their own, such as user-mode emulators.

    Return the runtime unchanged if it has them already, or if its triple has no Debian packages.
    """
    if runtime.build.loader is not None or toolchain.debian is None:
        return runtime
    debian = replace(toolchain.debian, packages=LIBC_PACKAGES)

    def fill(folder: Path) -> None:
        shutil.copytree(runtime.root / "lib", folder / "lib")
        bring_libraries(folder / runtime.build.library, debian, toolchain, store, note=note)
        files = file_entries(folder)
        key = digest_entries(files)
        carrying = replace(runtime.build, loader=f"lib/{toolchain.loader}", glibc=None, files=files, key=key)
        write_document(folder / "runtime.json", carrying)

    inputs = {"recipe": LIBC_RECIPE, "runtime": runtime.build.key, "libc": debian.digests()}
    return open_runtime(store.entry("runtime-with-libc", inputs, fill).path)


def bring_libraries(
    library: Path, packages: Packages, toolchain: Toolchain, store: Store, *, note: Note = unheard
) -> None:
    """Copy what a library needs out of Debian's packages to the library's folder, with the loader."""
    with tempfile.TemporaryDirectory(dir=library.parent.parent) as scratch:
        sysroot = Path(scratch) / "sysroot"
        unpack_packages(packages, store.root, sysroot, note=note)
        copy_closure([library, *libraries_of_libc(toolchain, sysroot)], sysroot, library.parent)


def libraries_of_libc(toolchain: Toolchain, sysroot: Path) -> Iterator[Path]:
    """Yield the loader, and libdl where the harness needs it: glibc 2.34 made it a part of libc."""
    yield from sysroot.rglob(toolchain.loader)
    if tuple(map(int, toolchain.glibc.split("."))) < (2, 34):
        yield from sysroot.rglob(LIBDL)


def copy_closure(start: Iterable[Path], sysroot: Path, destination: Path) -> None:
    """Copy libraries and their transitive dependencies, each under the name by which it is needed."""
    destination.mkdir(exist_ok=True)
    wanted = {path.name: path for path in start}
    copied: set[str] = set()
    while wanted:
        name, path = wanted.popitem()
        copied.add(name)
        if path.parent != destination:
            shutil.copy2(path.resolve(), destination / name)
        for needed in read_elf(path).needed:
            if needed not in copied and needed not in wanted:
                wanted[needed] = _find_library(sysroot, needed)


def _find_library(sysroot: Path, name: str) -> Path:
    found = next(
        (path for path in sorted(sysroot.rglob(name)) if path.resolve().is_relative_to(sysroot.resolve())), None
    )
    if found is None:
        raise BuildError(
            f"the packages contain no {name}", hint="add the package that contains it to the toolchain's file"
        )
    return found


def describe_runtime(
    toolchain: Toolchain,
    folder: Path,
    *,
    kind: str,
    library: re.Pattern[str],
    provider: str,
    version: str,
    variant: str,
    carries_libc: bool,
) -> RuntimeBuild:
    """Describe the runtime in `folder`, whose own library matches `library`. Raises WrongMachine."""
    libraries = {
        path: check_machine(path, machine=toolchain.elf_machine, triple=toolchain.triple)
        for path in sorted((folder / "lib").iterdir())
    }
    own = next(path for path in libraries if library.fullmatch(path.name))
    files = file_entries(folder)
    return RuntimeBuild(
        schema=RuntimeBuild.SCHEMA,
        name=kind,
        version=version,
        provider=provider,
        variant=variant,
        triple=toolchain.triple,
        library=f"lib/{own.name}",
        loader=f"lib/{toolchain.loader}" if carries_libc else None,
        glibc=None if carries_libc else libraries[own].glibc,
        files=files,
        key=digest_entries(files),
    )
