"""Runtimes that others built: Debian's packages, and the library inside the Python package onnxruntime."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import os
import re
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.metadata import version as package_version
from pathlib import Path

from edgetool.errors import BuildError, ConfigError
from edgetool.platform.documents import read_document, write_document
from edgetool.platform.elf import check_machine, read_elf
from edgetool.platform.files import FileEntry, file_entries
from edgetool.platform.process import run_process, run_tool
from edgetool.platform.store import Store
from edgetool.runtimes.spec import DebianRuntime, Runtime, RuntimeBuild, Toolchain
from edgetool.runtimes.toolchains import native_triple

RECIPE = 1  # raised when the way a runtime is put together changes
LIBC_PACKAGES = ("libc6",)
LIBRARY = re.compile(r"libonnxruntime\.so(\.\d+)*")


def provide(toolchain: Toolchain, store: Store, *, provider: str = "auto", force: bool = False) -> Runtime:
    """A runtime for the triple, fetched once. "auto" takes the wheel where there is one, else Debian's.

    Raises ConfigError when the provider has none for this triple or needs a program that is missing, BuildError when
    fetching fails.
    """
    if provider == "auto":
        provider = "wheel" if toolchain.wheel_platform else "debian"
    make: Callable[[Toolchain, Store, Path], RuntimeBuild]
    match provider:
        case "wheel" if toolchain.wheel_platform:
            inputs: dict[str, object] = {"wheel": toolchain.wheel_platform, "version": package_version("onnxruntime")}
            make = _from_wheel
        case "debian" if toolchain.debian and any("onnxruntime" in name for name in toolchain.debian.packages):
            inputs = {}
            make = _from_debian
        case "wheel" | "debian":
            raise ConfigError(f"{provider} has no ONNX Runtime for {toolchain.triple}")
        case _:
            raise ConfigError(f"no runtime provider {provider!r}", hint="known providers: auto, wheel, debian")
    if toolchain.debian is not None:
        debian = toolchain.debian
        inputs |= {"suite": debian.suite, "architecture": debian.architecture, "packages": debian.packages}

    def fill(folder: Path) -> None:
        write_document(folder / "runtime.json", make(toolchain, store, folder))

    entry = store.entry("runtime", {"triple": toolchain.triple, "recipe": RECIPE, **inputs}, fill, force=force)
    return open_runtime(entry.path)


def open_runtime(root: Path) -> Runtime:
    """A runtime's folder. Raises BuildError when its description can't be read."""
    return Runtime(root=root, build=read_document(root / "runtime.json", RuntimeBuild, error=BuildError))


def add_libc(runtime: Runtime, toolchain: Toolchain, store: Store) -> Runtime:
    """The runtime with Debian's libc and loader beside it, for where the target's own are not: under an emulator.

    A runtime that carries them already, and one of a triple without Debian packages, is returned as it is.
    """
    if runtime.build.loader is not None or toolchain.debian is None:
        return runtime
    debian = replace(toolchain.debian, packages=LIBC_PACKAGES)

    def fill(folder: Path) -> None:
        shutil.copytree(runtime.root / "lib", folder / "lib")
        sysroot = extract_packages(debian, store, folder / "sysroot")
        copy_closure([folder / runtime.build.library, *sysroot.rglob(toolchain.loader)], sysroot, folder / "lib")
        shutil.rmtree(sysroot)
        files = file_entries(folder)
        carrying = replace(runtime.build, loader=f"lib/{toolchain.loader}", glibc=None, files=files, key=_digest(files))
        write_document(folder / "runtime.json", carrying)

    inputs = {"recipe": RECIPE, "runtime": runtime.build.key, "suite": debian.suite, "libc": debian.packages}
    return open_runtime(store.entry("runtime-with-libc", inputs, fill).path)


def _from_debian(toolchain: Toolchain, store: Store, folder: Path) -> RuntimeBuild:
    assert toolchain.debian is not None
    sysroot = extract_packages(toolchain.debian, store, folder / "sysroot")
    library = next(path for path in sorted(sysroot.rglob("libonnxruntime.so.*.*.*")) if not path.is_symlink())
    version = library.name.removeprefix("libonnxruntime.so.")
    package = next(name for name in toolchain.debian.packages if "onnxruntime" in name)
    copy_closure([library, *sysroot.rglob(toolchain.loader)], sysroot, folder / "lib")
    variant = f"{package} {_changelog_version(sysroot, package)}"
    shutil.rmtree(sysroot)
    return _describe(toolchain, folder, provider="debian", version=version, variant=variant, carries_libc=True)


def _from_wheel(toolchain: Toolchain, store: Store, folder: Path) -> RuntimeBuild:
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
        sysroot = extract_packages(toolchain.debian, store, folder / "sysroot")
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


def extract_packages(debian: DebianRuntime, store: Store, sysroot: Path) -> Path:
    """Packages and all they depend on, extracted; signatures checked by apt, nothing of them executed, no root."""
    if shutil.which("mmdebstrap") is None:
        raise ConfigError("mmdebstrap is not installed", hint="as root: apt-get install mmdebstrap")
    mirror = debian_mirror()
    sources = [f"deb {mirror} {debian.suite} main"] if mirror else []
    # Not in a user namespace, mmdebstrap's own choice for users: they could not remove the files it leaves.
    mode = "root" if os.geteuid() == 0 else "chrootless"
    options = [
        "--variant=extract",
        f"--mode={mode}",
        f"--architectures={debian.architecture}",
        f"--include={','.join(debian.packages)}",
    ]
    run_tool(
        ["mmdebstrap", *options, debian.suite, sysroot, *sources],
        log=store.root / "logs" / f"mmdebstrap-{debian.suite}-{debian.architecture}.log",
        timeout_s=900,
    )
    return sysroot


def debian_mirror() -> str | None:
    """The Debian mirror of this machine's apt, or None where apt is none or not Debian's (mmdebstrap has a default)."""
    try:
        targets = run_process(["apt-get", "indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)"], timeout_s=60)
    except (FileNotFoundError, PermissionError):
        return None
    rows = (line.split(" ", 2) for line in targets.stdout.decode(errors="replace").splitlines())
    return next((row[2].strip() for row in rows if row[:2] == ["Debian", "Debian"] and len(row) == 3), None)


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


def _changelog_version(sysroot: Path, package: str) -> str:
    """A package's version, from the first line of its changelog: "onnxruntime (1.21.0+dfsg-1) unstable; …"."""
    for changelog in sorted((sysroot / "usr/share/doc" / package).glob("changelog.Debian*gz")):
        with gzip.open(changelog, "rt", errors="replace") as file:
            if found := re.search(r"\(([^)]+)\)", file.readline()):
                return found[1]
    return "unknown"


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
