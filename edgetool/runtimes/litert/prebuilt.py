"""Prebuilt TensorFlow Lite: Google's LiteRT out of its wheel, with XNNPACK, and Debian's release 2.14.1.

Debian's has the built-in kernels, without XNNPACK or RVV.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
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
from edgetool.runtimes.spec import Runtime, RuntimeBuild, Toolchain
from edgetool.runtimes.wheels import fetch_library

RECIPE = 2  # increment when the runtime is assembled differently
NAME = "tflite"  # the name that the harness uses
RUNTIME_PACKAGE = re.compile(r"libtensorflow-lite\d.*")
DEBIAN_LIBRARY = re.compile(r"libtensorflow-lite\.so(\.\d+)*")
WHEEL = "ai-edge-litert"
WHEEL_LIBRARY = "libLiteRt.so"


def provide(
    toolchain: Toolchain, store: Store, *, provider: str = "auto", force: bool = False, note: Note = unheard
) -> Runtime:
    """Fetch a runtime for the triple. "debian" asks for Debian's; otherwise the wheel's is preferred, if there is one.

    Debian's brings the libc and loader of its release, which is newer than most boards'. `note` receives the progress.
    Raises ConfigError when the triple has none, BuildError and FetchError when fetching fails.
    """
    make: Callable[[Toolchain, Store, Path, Note], RuntimeBuild]
    inputs: dict[str, object] = {"name": NAME, "recipe": RECIPE, "triple": toolchain.triple}
    if toolchain.litert_wheel is not None and provider != "debian":
        make = _from_wheel
        inputs["wheel"] = toolchain.litert_wheel.sha256
        if toolchain.debian is not None:
            inputs["libraries"] = toolchain.debian.digests()
    elif toolchain.litert is not None:
        make = _from_debian
        inputs["packages"] = toolchain.litert.digests()
    else:
        raise ConfigError(
            f"{toolchain.triple} has no TensorFlow Lite",
            hint=f"name its packages in a [litert] table of toolchain/{toolchain.triple}.toml",
        )

    def fill(folder: Path) -> None:
        write_document(folder / "runtime.json", make(toolchain, store, folder, note))

    return open_runtime(store.entry("runtime", inputs, fill, force=force).path)


def _from_wheel(toolchain: Toolchain, store: Store, folder: Path, note: Note) -> RuntimeBuild:
    wheel = toolchain.litert_wheel
    assert wheel is not None
    note(f"{WHEEL} {wheel.version} by pip")
    library = folder / "lib" / WHEEL_LIBRARY
    library.parent.mkdir()
    fetch_library(WHEEL, wheel, f"ai_edge_litert/{WHEEL_LIBRARY}", library, store)
    if toolchain.debian is not None:
        bring_libraries(library, toolchain.debian, toolchain, store, note=note)
    return describe_runtime(
        toolchain,
        folder,
        kind=NAME,
        library=re.compile(re.escape(WHEEL_LIBRARY)),
        provider="wheel",
        version=wheel.version,
        variant=f"{WHEEL} {wheel.version} {wheel.platform}",
        carries_libc=toolchain.debian is not None,
    )


def _from_debian(toolchain: Toolchain, store: Store, folder: Path, note: Note) -> RuntimeBuild:
    assert toolchain.litert is not None
    sysroot = folder / "sysroot"
    unpacked = unpack_packages(toolchain.litert, store.root, sysroot, note=note)
    library = next(path for path in sorted(sysroot.rglob("libtensorflow-lite.so.*")) if not path.is_symlink())
    package = next(package for package in unpacked if RUNTIME_PACKAGE.fullmatch(package.name))
    copy_closure([library, *libraries_of_libc(toolchain, sysroot)], sysroot, folder / "lib")
    shutil.rmtree(sysroot)
    return describe_runtime(
        toolchain,
        folder,
        kind=NAME,
        library=DEBIAN_LIBRARY,
        provider="debian",
        version=library.name.removeprefix("libtensorflow-lite.so."),
        variant=f"{package.name} {package.version}",
        carries_libc=True,
    )
