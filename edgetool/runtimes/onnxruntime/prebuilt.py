"""Prebuilt ONNX Runtime: Debian's packages, and the library of the Python package onnxruntime."""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Callable
from importlib.metadata import version as package_version
from pathlib import Path

from edgetool.errors import ConfigError
from edgetool.platform.debian.packages import unpack_packages
from edgetool.platform.documents import write_document
from edgetool.platform.progress import Note, unheard
from edgetool.platform.store import Store
from edgetool.runtimes.description import (
    bring_libraries,
    copy_closure,
    describe_runtime,
    libraries_of_libc,
    open_runtime,
)
from edgetool.runtimes.spec import Runtime, RuntimeBuild, Toolchain, Wheel
from edgetool.runtimes.toolchains import native_triple
from edgetool.runtimes.wheels import fetch_library

RECIPE = 1  # increment when the runtime is assembled differently
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
    """Fetch a runtime for the triple. "auto" prefers the wheel, if there is one, to Debian's package.

    `note` receives the progress. Raises ConfigError when the provider has none for this triple, BuildError when
    fetching fails.
    """
    if provider == "auto":
        provider = "wheel" if toolchain.wheel else "debian"
    make: Callable[[Toolchain, Store, Path, Note], RuntimeBuild]
    match provider:
        case "wheel" if toolchain.wheel:
            inputs: dict[str, object] = {"wheel": _wheel(toolchain.wheel, toolchain)}
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
    copy_closure([library, *libraries_of_libc(toolchain, sysroot)], sysroot, folder / "lib")
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
    assert toolchain.wheel is not None
    native = toolchain.triple == native_triple()
    version = package_version("onnxruntime") if native else toolchain.wheel.version
    library = folder / "lib" / f"libonnxruntime.so.{version}"
    library.parent.mkdir()
    if native:
        found = importlib.util.find_spec("onnxruntime")
        assert found is not None
        assert found.origin is not None
        shutil.copy2(Path(found.origin).parent / "capi" / library.name, library)
    else:
        note(f"onnxruntime {version} by pip")
        fetch_library("onnxruntime", toolchain.wheel, f"onnxruntime/capi/{library.name}", library, store)
    if toolchain.debian is not None:
        bring_libraries(library, toolchain.debian, toolchain, store, note=note)
    return describe_runtime(
        toolchain,
        folder,
        kind=NAME,
        library=LIBRARY,
        provider="wheel",
        version=version,
        variant=f"onnxruntime {version} {toolchain.wheel.platform}",
        carries_libc=toolchain.debian is not None,
    )


def _wheel(wheel: Wheel, toolchain: Toolchain) -> str:
    """Identify the library: by the pinned wheel, or by the installed package on this machine's triple."""
    return package_version("onnxruntime") if toolchain.triple == native_triple() else wheel.sha256
