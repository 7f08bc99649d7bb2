"""Runtimes that others built: Debian's packages, and the library inside the Python package onnxruntime."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
import zipfile
from collections.abc import Callable
from importlib.metadata import version as package_version
from pathlib import Path

from edgetool.errors import ConfigError
from edgetool.platform.debian.packages import unpack_packages
from edgetool.platform.documents import write_document
from edgetool.platform.process import run_tool
from edgetool.platform.progress import Note, unheard
from edgetool.platform.store import Store
from edgetool.runtimes.description import copy_closure, describe_runtime, open_runtime
from edgetool.runtimes.spec import Runtime, RuntimeBuild, Toolchain
from edgetool.runtimes.toolchains import native_triple

RECIPE = 1  # raised when the way a runtime is put together changes
NAME = "onnxruntime"
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
    return describe_runtime(
        toolchain,
        folder,
        kind=NAME,
        library=LIBRARY,
        provider="debian",
        version=version,
        variant=variant,
        carries_libc=True,
    )


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
    return describe_runtime(
        toolchain,
        folder,
        kind=NAME,
        library=LIBRARY,
        provider="wheel",
        version=version,
        variant=variant,
        carries_libc=carries_libc,
    )


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
