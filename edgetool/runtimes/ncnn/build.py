"""ncnn and its driver cross-built for a triple with edgetool's compiler: nothing that is deployed, a baseline."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import ClassVar

from edgetool.errors import BuildError
from edgetool.platform.catalog import data_folder
from edgetool.platform.documents import read_document
from edgetool.platform.files import sha256_file
from edgetool.platform.process import run_tool
from edgetool.platform.progress import Progress
from edgetool.platform.python import PYTHON
from edgetool.platform.store import Store
from edgetool.platform.unpack import unpack
from edgetool.platform.values import Name, Positive, Sha256, value
from edgetool.runtimes.compilers import COMPILING, Compiler, cache_environment, find_compiler
from edgetool.runtimes.onnxruntime.sources import recipe_folder
from edgetool.runtimes.spec import Toolchain

RECIPE = 1  # raised when the way it is built changes
OPTIONS = {
    "CMAKE_BUILD_TYPE": "Release",
    "NCNN_RVV": "ON",
    # Half precision and the vectors of before 1.0: not in RV64GCV, and not the arithmetic of the other side.
    "NCNN_ZFH": "OFF",
    "NCNN_ZVFH": "OFF",
    "NCNN_XTHEADVECTOR": "OFF",
    "NCNN_OPENMP": "OFF",  # one thread is compared
    "NCNN_VULKAN": "OFF",
    "NCNN_PYTHON": "OFF",
    "NCNN_BUILD_BENCHMARK": "OFF",
    "NCNN_BUILD_EXAMPLES": "OFF",
    "NCNN_BUILD_TOOLS": "OFF",
}
COMPILE_FLAGS = "-g0"
LIBRARIES = "bundle/lib"  # where the driver finds libc, in the folder in which it is started
DRIVER_FLAGS = ("-std=c++17", "-O2", "-g0", "-s", "-Wall", "-Wextra", "-Werror")


@value
class PythonSource:
    """`toolchain/ncnn/source.toml`: a source package of PyPI."""

    SCHEMA: ClassVar[int] = 1
    schema: int
    name: Name
    version: Name
    size_bytes: Positive
    sha256: Sha256


def ncnn_source() -> PythonSource:
    return read_document(_recipe() / "source.toml", PythonSource)


def build_driver(toolchain: Toolchain, store: Store, progress: Progress) -> Path:
    """The driver for a triple, with ncnn inside: four minutes on two cores the first time.

    Raises ConfigError for what is missing on this machine, BuildError when a tool fails.
    """
    compiler = _with_march(find_compiler("zig", toolchain))
    source = ncnn_source()
    inputs = {
        "recipe": RECIPE,
        "source": source.sha256,
        "compiler": compiler.title,
        "target": compiler.target_flags,
        "march": sha256_file(_recipe() / "march"),
        "options": OPTIONS,
        "flags": COMPILE_FLAGS,
        "toolchain.cmake": sha256_file(recipe_folder() / "toolchain.cmake"),
    }
    with progress.step(f"ncnn {source.version} for {toolchain.triple}"):
        library = store.entry("ncnn", inputs, lambda folder: _build(compiler, toolchain, source, folder, store)).path
    program = _recipe() / "driver.cpp"
    driver_inputs = {
        "ncnn": inputs,
        "driver": sha256_file(program),
        "mark": sha256_file(_recipe().parent / "harness" / "mark.h"),
        "flags": [*DRIVER_FLAGS, LIBRARIES],
    }

    def make(folder: Path) -> None:
        # ncnn reads the processor's abilities from /proc/self/auxv. A loader that is started as a program moves what
        # lies there under QEMU's user mode, and ncnn would see no vectors: the kernel has to start it.
        links = [f"-Wl,-dynamic-linker={LIBRARIES}/{toolchain.loader}", f"-Wl,-rpath,{LIBRARIES}"]
        words: list[str | Path] = [*compiler.programs["c++"], *DRIVER_FLAGS, *links, program, "-o", folder / "driver"]
        run_tool(
            [*words, "-isystem", library / "include", library / "lib" / "libncnn.a"],
            log=store.root / "logs" / f"ncnn-driver-{toolchain.triple}.log",
            env=cache_environment(store.root),
            timeout_s=600,
        )

    return store.entry("ncnn-driver", driver_inputs, make).path / "driver"


def _recipe() -> Path:
    return data_folder("toolchain") / "ncnn"


def _with_march(compiler: Compiler) -> Compiler:
    march = str(_recipe() / "march")
    words = {name: ("sh", march, *compiler.programs[name]) for name in COMPILING}
    return replace(compiler, programs={**compiler.programs, **words})


def _build(compiler: Compiler, toolchain: Toolchain, source: PythonSource, folder: Path, store: Store) -> None:
    """Fill `folder` with include/ and lib/."""
    tree, build = folder / "source", folder / "build"
    unpack(_fetch(source, store), tree)
    logs = store.root / "logs"
    environment = {
        **cache_environment(store.root),
        **compiler.write_wrappers(folder / "bin"),
        "EDGETOOL_SOURCES": str(tree),
        "EDGETOOL_PROCESSOR": toolchain.triple.partition("-")[0],
        "EDGETOOL_CFLAGS": COMPILE_FLAGS,
        "EDGETOOL_LDFLAGS": "",
    }
    ninja = Path(import_module("ninja").BIN_DIR) / "ninja"
    places = {
        "CMAKE_TOOLCHAIN_FILE": recipe_folder() / "toolchain.cmake",
        "CMAKE_MAKE_PROGRAM": ninja,
        "CMAKE_INSTALL_PREFIX": folder,
        "CMAKE_INSTALL_LIBDIR": "lib",
    }
    cmake = [*PYTHON, "-m", "cmake"]
    definitions = [f"-D{name}={setting}" for name, setting in {**OPTIONS, **places}.items()]
    run_tool(
        [*cmake, "-G", "Ninja", "-S", tree, "-B", build, *definitions],
        log=logs / f"ncnn-configure-{toolchain.triple}.log",
        env=environment,
        timeout_s=900,
    )
    run_tool(
        [ninja, "-C", build, "-j", str(os.cpu_count() or 1), "install"],
        log=logs / f"ncnn-build-{toolchain.triple}.log",
        env=environment,
        timeout_s=7200,
    )
    for leftover in (tree, build, folder / "bin"):
        shutil.rmtree(leftover)


def _fetch(source: PythonSource, store: Store) -> Path:
    """The archive, by pip, which knows this machine's index, proxies and certificates and checks the sha256."""
    file_name = f"{source.name}-{source.version}.tar.gz"
    path, log = store.root / "downloads" / file_name, store.root / "logs" / "ncnn-fetch.log"
    if not path.is_file() or sha256_file(path) != source.sha256:
        pip = [*PYTHON, "-m", "pip"]
        words = [*pip, "index", "versions", source.name, f"--no-binary={source.name}", "-vvv"]
        listed = run_tool(words, log=log, timeout_s=300).stdout.decode(errors="replace")
        link = re.search(rf"Found link (\S+/{re.escape(file_name)})", listed)
        if link is None:
            raise BuildError(f"pip's index has no {file_name}")
        # Nothing on binaries: it would hold for what pip builds the metadata with, too, and have all of it compiled.
        options = ["--quiet", "--no-deps", f"--dest={path.parent}"]
        run_tool([*pip, "download", *options, f"{link[1]}#sha256={source.sha256}"], log=log, timeout_s=900)
    if path.stat().st_size != source.size_bytes or sha256_file(path) != source.sha256:
        raise BuildError(f"{path} is not the {source.name} {source.version} of sha256 {source.sha256}")
    return path
