"""Build the counting emulator once: QEMU user mode for riscv64 with plugins, and edgetool's plugin."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edgetool.errors import ConfigError
from edgetool.platform.catalog import data_folder
from edgetool.platform.files import sha256_file, write_atomically
from edgetool.platform.process import run_process, run_tool
from edgetool.platform.progress import Progress
from edgetool.platform.store import Store
from edgetool.platform.unpack import unpack
from edgetool.runtimes.buildtools import check_patch
from edgetool.runtimes.onnxruntime.sources import Source, fetch, read_sources
from edgetool.runtimes.patches import patched_files

EMULATOR_RECIPE = 1  # increment when the way it is built changes
PLUGIN_RECIPE = 1
PROGRAM = "qemu-riscv64"
PLUGIN = "libcounts.so"
HEADER = "qemu-plugin.h"
# Distributions build QEMU static, which excludes plugins. Optional features are disabled so that the libraries
# installed on the machine don't affect the build.
OPTIONS = (
    "--target-list=riscv64-linux-user",
    "--without-default-features",
    "--enable-plugins",
    "--disable-install-blobs",
    "--disable-download",
    "--disable-debug-info",
)
PLUGIN_FLAGS = ("-std=gnu11", "-O2", "-g0", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror")
PYTHON_PACKAGES = ("meson", "ninja", "pycotap")  # required by QEMU's build
INSTALL = "as root: apt-get install gcc libc6-dev libglib2.0-dev patch pkg-config"


@dataclass(frozen=True, kw_only=True)
class CountingEmulator:
    program: Path
    plugin: Path


def counting_emulator(store: Store, progress: Progress) -> CountingEmulator:
    """Return the emulator and the plugin. Building them takes two minutes on two cores when they aren't cached.

    Raises ConfigError for a missing requirement, BuildError when a tool fails.
    """
    with progress.step("emulator that counts instructions") as step:
        source = next(source for source in read_sources(_recipe()) if source.name == "qemu")
        compiler, glib = _compiler(), _glib()
        inputs = {
            "recipe": EMULATOR_RECIPE,
            "source": source.sha256,
            "patches": {path.name: sha256_file(path) for path in _patches()},
            "options": OPTIONS,
            "machine": platform.machine(),
            "compiler": compiler,
            "glib": glib,
        }
        emulator = store.entry("emulator", inputs, lambda folder: _build(source, folder, store)).path
        sources = sorted((_recipe() / "plugin").glob("*.[ch]"))
        plugin_inputs = {
            "recipe": PLUGIN_RECIPE,
            "emulator": inputs,
            "sources": {path.name: sha256_file(path) for path in sources},
            "flags": PLUGIN_FLAGS,
        }
        plugin = store.entry(
            "emulator-plugin", plugin_inputs, lambda folder: _build_plugin(sources, emulator, folder, store)
        ).path
        step.note(f"QEMU {source.version}")
    return CountingEmulator(program=emulator / PROGRAM, plugin=plugin / PLUGIN)


def _recipe() -> Path:
    return data_folder("toolchain") / "qemu"


def _patches() -> list[Path]:
    """Instructions that no release of QEMU knows, as extensions that are off by default."""
    return sorted((_recipe() / "patches").glob("*.patch"))


def _build(source: Source, folder: Path, store: Store) -> None:
    for package in PYTHON_PACKAGES:
        _check_package(package)
    check_patch()
    tree, build = folder / "source", folder / "build"
    unpack(fetch(source, store), tree)
    build.mkdir()
    ninja = Path(import_module("ninja").BIN_DIR) / "ninja"
    logs = store.root / "logs"
    for name, content in patched_files(tree, _patches(), log=logs / "emulator-patch.log").items():
        write_atomically(tree / name, content)
    run_tool(
        [tree / "configure", f"--python={sys.executable}", f"--ninja={ninja}", *OPTIONS],
        cwd=build,
        log=logs / "emulator-configure.log",
        timeout_s=900,
    )
    run_tool(
        [ninja, "-C", build, "-j", str(os.cpu_count() or 1), PROGRAM], log=logs / "emulator-build.log", timeout_s=7200
    )
    shutil.copy2(build / PROGRAM, folder / PROGRAM)
    shutil.copy2(tree / "include" / "qemu" / HEADER, folder / HEADER)
    for leftover in (tree, build):
        shutil.rmtree(leftover)


def _build_plugin(sources: list[Path], emulator: Path, folder: Path, store: Store) -> None:
    programs = [path for path in sources if path.suffix == ".c"]
    glib = run_process(["pkg-config", "--cflags", "glib-2.0"], timeout_s=60).stdout.decode().split()
    run_tool(
        ["cc", *PLUGIN_FLAGS, f"-I{emulator}", *glib, "-o", folder / PLUGIN, *programs],
        log=store.root / "logs" / "emulator-plugin.log",
        timeout_s=300,
    )


def _check_package(name: str) -> None:
    try:
        version(name)
    except PackageNotFoundError as error:
        raise ConfigError(
            f"{name} is not installed, but is required to build the emulator", hint='pip install "edgetool[count]"'
        ) from error


def _compiler() -> str:
    """Return the name and version of this machine's compiler, which QEMU's build uses."""
    if shutil.which("cc") is None:
        raise ConfigError("no C compiler is installed, but one is required to build the emulator", hint=INSTALL)
    return run_process(["cc", "--version"], timeout_s=60).stdout.decode(errors="replace").partition("\n")[0]


def _glib() -> str:
    """Return the version of glib's headers. Raises ConfigError when they aren't installed."""
    found = glib_headers()
    if found is None:
        raise ConfigError("glib's headers are not installed, but are required to build the emulator", hint=INSTALL)
    return found


def glib_headers() -> str | None:
    """Return the version of glib's headers, or None when they aren't installed."""
    if shutil.which("pkg-config") is None:
        return None
    asked = run_process(["pkg-config", "--modversion", "glib-2.0"], timeout_s=60)
    return asked.stdout.decode().strip() if asked.exit_code == 0 else None
