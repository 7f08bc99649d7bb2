"""Runtimes that others built: Debian's packages, and the library inside the Python package onnxruntime."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.metadata import version as package_version
from pathlib import Path

from edgetool.errors import BuildError, ConfigError
from edgetool.platform.debian.packages import unpack_packages
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.elf import check_machine, read_elf
from edgetool.platform.files import FileEntry, file_entries
from edgetool.platform.process import run_tool
from edgetool.platform.progress import Note, unheard
from edgetool.platform.store import Store
from edgetool.runtimes.spec import Runtime, RuntimeBuild, Toolchain
from edgetool.runtimes.toolchains import native_triple

RECIPE = 1  # raised when the way a runtime is put together changes
LIBC_PACKAGES = ("libc6",)
RUNTIME_PACKAGE = re.compile(r"libonnxruntime\d.*")
LIBRARY = re.compile(r"libonnxruntime\.so(\.\d+)*")


def provide(
    toolchain: Toolchain,
    store: Store,
    *,
    provider: str = "auto",
    force: bool = False,
    note: Note = unheard,
) -> Runtime:
    """A runtime for the triple, fetched once. "auto" takes the wheel where there is one, else Debian's.

    `note` hears how fetching goes. Raises ConfigError when the provider has none for this triple, BuildError when
    fetching fails.
    """
    if provider == "auto":
        provider = "wheel" if toolchain.wheel_platform else "debian"
    make: Callable[[Toolchain, Store, Path, Note], RuntimeBuild]
    match provider:
        case "wheel" if toolchain.wheel_platform:
            inputs: dict[str, object] = {"wheel": toolchain.wheel_platform, "version": package_version("onnxruntime")}
            make = _from_wheel
        case "debian" if toolchain.debian and any(map(RUNTIME_PACKAGE.fullmatch, toolchain.debian.packages)):
            inputs = {}
            make = _from_debian
        case "wheel" | "debian":
            raise ConfigError(f"{provider} has no ONNX Runtime for {toolchain.triple}")
        case _:
            raise ConfigError(f"no runtime provider {provider!r}", hint="known providers: auto, wheel, debian")
    if toolchain.debian is not None:
        inputs["packages"] = toolchain.debian.digests()

    def fill(folder: Path) -> None:
        write_document(folder / "runtime.json", make(toolchain, store, folder, note))

    entry = store.entry("runtime", {"triple": toolchain.triple, "recipe": RECIPE, **inputs}, fill, force=force)
    return open_runtime(entry.path)


def open_runtime(root: Path) -> Runtime:
    """A runtime's folder. Raises BuildError when its description can't be read."""
    return Runtime(root=root, build=read_document(root / "runtime.json", RuntimeBuild, error=BuildError))


def add_libc(runtime: Runtime, toolchain: Toolchain, store: Store, *, note: Note = unheard) -> Runtime:
    """The runtime with Debian's libc and loader beside it, for where the target's own are not: under an emulator.

    A runtime that carries them already, and one of a triple without Debian packages, is returned as it is.
    """
    if runtime.build.loader is not None or toolchain.debian is None:
        return runtime
    debian = replace(toolchain.debian, packages=LIBC_PACKAGES)

    def fill(folder: Path) -> None:
        shutil.copytree(runtime.root / "lib", folder / "lib")
        sysroot = folder / "sysroot"
        unpack_packages(debian, store.root, sysroot, note=note)
        copy_closure([folder / runtime.build.library, *sysroot.rglob(toolchain.loader)], sysroot, folder / "lib")
        shutil.rmtree(sysroot)
        files = file_entries(folder)
        carrying = replace(runtime.build, loader=f"lib/{toolchain.loader}", glibc=None, files=files, key=_digest(files))
        write_document(folder / "runtime.json", carrying)

    inputs = {"recipe": RECIPE, "runtime": runtime.build.key, "libc": debian.digests()}
    return open_runtime(store.entry("runtime-with-libc", inputs, fill).path)


def _from_debian(toolchain: Toolchain, store: Store, folder: Path, note: Note) -> RuntimeBuild:
    assert toolchain.debian is not None
    sysroot = folder / "sysroot"
    packages = unpack_packages(toolchain.debian, store.root, sysroot, note=note)
    library = next(path for path in sorted(sysroot.rglob("libonnxruntime.so.*.*.*")) if not path.is_symlink())
    version = library.name.removeprefix("libonnxruntime.so.")
    package = next(package for package in packages if RUNTIME_PACKAGE.fullmatch(package.name))
    copy_closure([library, *sysroot.rglob(toolchain.loader)], sysroot, folder / "lib")
    variant = f"{package.name} {package.version}"
    shutil.rmtree(sysroot)
    return _describe(toolchain, folder, provider="debian", version=version, variant=variant, carries_libc=True)


def _from_wheel(toolchain: Toolchain, store: Store, folder: Path, note: Note) -> RuntimeBuild:
    version = package_version("onnxruntime")
    library = folder / "lib" / f"libonnxruntime.so.{version}"
    library.parent.mkdir()
    if toolchain.triple == native_triple():
        found = importlib.util.find_spec("onnxruntime")
        assert found is not None
        assert found.origin is not None
        shutil.copy2(Path(found.origin).parent / "capi" / library.name, library)
    else:
        _download_library(toolchain, store, version, library)
    carries_libc = toolchain.debian is not None
    if toolchain.debian is not None:
        sysroot = folder / "sysroot"
        unpack_packages(toolchain.debian, store.root, sysroot, note=note)
        copy_closure([library, *sysroot.rglob(toolchain.loader)], sysroot, folder / "lib")
        shutil.rmtree(sysroot)
    variant = f"onnxruntime {version} {toolchain.wheel_platform}"
    return _describe(toolchain, folder, provider="wheel", version=version, variant=variant, carries_libc=carries_libc)


def _download_library(toolchain: Toolchain, store: Store, version: str, library: Path) -> None:
    wheels = library.parent / "wheels"
    options = ["--quiet", "--no-deps", "--only-binary=:all:", f"--platform={toolchain.wheel_platform}"]
    run_tool(
        [sys.executable, "-m", "pip", "download", *options, f"--dest={wheels}", f"onnxruntime=={version}"],
        log=store.root / "logs" / f"wheel-{toolchain.triple}.log",
        timeout_s=600,
    )
    with (
        zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel,
        wheel.open(f"onnxruntime/capi/{library.name}") as source,
        library.open("wb") as destination,
    ):
        shutil.copyfileobj(source, destination)
    shutil.rmtree(wheels)


def copy_closure(start: Iterable[Path], sysroot: Path, destination: Path) -> None:
    """Copy libraries and, again and again, what they need, each under the name by which it is asked for."""
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
        raise BuildError(f"the packages hold no {name}", hint="add the package that has it to the toolchain's file")
    return found


def _describe(
    toolchain: Toolchain, folder: Path, *, provider: str, version: str, variant: str, carries_libc: bool
) -> RuntimeBuild:
    libraries = {
        path: check_machine(path, machine=toolchain.elf_machine, triple=toolchain.triple)
        for path in sorted((folder / "lib").iterdir())
    }
    library = next(path for path in libraries if LIBRARY.fullmatch(path.name))
    files = file_entries(folder)
    return RuntimeBuild(
        schema=RuntimeBuild.SCHEMA,
        name="onnxruntime",
        version=version,
        provider=provider,
        variant=variant,
        triple=toolchain.triple,
        library=f"lib/{library.name}",
        loader=f"lib/{toolchain.loader}" if carries_libc else None,
        glibc=None if carries_libc else libraries[library].glibc,
        files=files,
        key=_digest(files),
    )


def _digest(files: Iterable[FileEntry]) -> str:
    return hashlib.sha256("".join(f"{file.path}\0{file.sha256}\n" for file in files).encode()).hexdigest()
