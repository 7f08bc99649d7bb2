"""TensorFlow Lite from Debian: release 2.14.1 with its built-in kernels, without XNNPACK or RVV."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from edgetool.errors import ConfigError
from edgetool.platform.debian.packages import unpack_packages
from edgetool.platform.documents import write_document
from edgetool.platform.progress import Note, unheard
from edgetool.platform.store import Store
from edgetool.runtimes.description import copy_closure, describe_runtime, open_runtime
from edgetool.runtimes.spec import Runtime, Toolchain

RECIPE = 1  # increment when the runtime is assembled differently
NAME = "tflite"  # the name that the harness uses
RUNTIME_PACKAGE = re.compile(r"libtensorflow-lite\d.*")
LIBRARY = re.compile(r"libtensorflow-lite\.so(\.\d+)*")


def provide(toolchain: Toolchain, store: Store, *, force: bool = False, note: Note = unheard) -> Runtime:
    """Fetch the runtime for a triple, with the libc and loader of its release, which is newer than most boards'.

    `note` receives the progress. Raises ConfigError when the triple has none, FetchError.
    """
    packages = toolchain.litert
    if packages is None:
        raise ConfigError(
            f"{toolchain.triple} has no TensorFlow Lite",
            hint=f"name its packages in a [litert] table of toolchain/{toolchain.triple}.toml",
        )

    def fill(folder: Path) -> None:
        sysroot = folder / "sysroot"
        unpacked = unpack_packages(packages, store.root, sysroot, note=note)
        library = next(path for path in sorted(sysroot.rglob("libtensorflow-lite.so.*")) if not path.is_symlink())
        package = next(package for package in unpacked if RUNTIME_PACKAGE.fullmatch(package.name))
        copy_closure([library, *sysroot.rglob(toolchain.loader)], sysroot, folder / "lib")
        shutil.rmtree(sysroot)
        build = describe_runtime(
            toolchain,
            folder,
            kind=NAME,
            library=LIBRARY,
            provider="debian",
            version=library.name.removeprefix("libtensorflow-lite.so."),
            variant=f"{package.name} {package.version}",
            carries_libc=True,
        )
        write_document(folder / "runtime.json", build)

    inputs = {"name": NAME, "recipe": RECIPE, "triple": toolchain.triple, "packages": packages.digests()}
    return open_runtime(store.entry("runtime", inputs, fill, force=force).path)
